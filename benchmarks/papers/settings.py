"""Every experiment at its sizes: `smoke` shows that it runs, `reduced` is for two cores, `paper` is what was published.

Reduced trainings take fewer examples in smaller batches, and some take fewer steps of a larger learning rate, so that
learning rate times steps, which is how far gradient descent gets, is the papers'. The cleansing of images gets half as
far: with the larger rate that its DCGAN would need, scores of a single epoch are of no use.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

SIZES = ("smoke", "reduced", "paper")
#: Retrainings of a fixed number of epochs at the end of training.
LAST_EPOCHS = {"one-epoch": 1, "five-epochs": 5}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One training, and how it is measured.

    Attributes:
        game: ``lqgan``, ``fcgan``, ``sigmoid-dcgan`` (the papers'), or ``preset`` (gansift's own for such data).
        source: ``normal-1d``, ``normal-2d``, ``mnist`` or ``fashion``.
        train: number of training examples.
        valid: number of validation examples.
        test: number of test examples.
        batch: examples in a batch.
        epochs: of training.
        lr: learning rate of both players.
        decay: weight of the L2 penalty on kernels, of ``sigmoid-dcgan``.
        width: of ``sigmoid-dcgan``.
        activation: of ``fcgan``.
        latents: samples behind each value of a metric.
        metrics: of ``all``, ``fid``, ``is``, ``log-is``.
        classifier_epochs: training of the classifier whose features FID and IS look at.
        seeds: training seeds.
        dtype: of training.
        own: settings of ``preset`` other than gansift's own.
    """

    game: str
    source: str
    train: int
    valid: int
    test: int
    batch: int
    epochs: int
    lr: float = 1e-3
    decay: float = 0.0
    width: int = 8
    activation: str = "relu"
    latents: int
    metrics: tuple[str, ...]
    classifier_epochs: int = 50
    seeds: tuple[int, ...]
    dtype: str = "float32"
    own: dict[str, Any] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """Steps of an epoch; what is left of the data is dropped."""
        return self.train // self.batch

    @property
    def steps(self) -> int:
        """Steps of the training."""
        return self.epochs * self.epoch

    def as_json(self) -> dict[str, Any]:
        """A flat dictionary of everything but the seeds, as result files hold it: each is of one seed."""
        flat = asdict(self)
        del flat["seeds"]
        return {key: list(value) if isinstance(value, tuple) else value for key, value in flat.items()}


@dataclass(frozen=True, kw_only=True)
class Accuracy(Setting):
    """Scores beside leave-one-out retraining.

    Attributes:
        horizons: in epochs.
        left_out: how many examples are left out, one at a time: the first ones of the data.
        terms: of AID's Neumann series, one estimate for each; like all that follows of the last metric alone.
        aid_rate: its step size; None lets gansift choose it.
        krylov: products of AID by GMRES; 0 leaves it out.
        auto: also the longest horizon that gansift itself believes.
        share: of its weight that an example loses where it is left out, so that it can weigh as little as one of many.
    """

    horizons: tuple[int, ...]
    left_out: int
    terms: tuple[int, ...] = ()
    aid_rate: float | None = None
    krylov: int = 0
    auto: bool = False
    share: float = 1.0

    def as_json(self) -> dict[str, Any]:
        """See `Setting.as_json`; without the share where it is all, as in results of before there was one."""
        flat = super().as_json()
        if self.share == 1.0:
            del flat["share"]
        return flat


@dataclass(frozen=True, kw_only=True)
class Cleansing(Setting):
    """What removal does to test metrics.

    Attributes:
        shares: of the training examples that are removed, each in a retraining of its own.
        retrainings: ``one-epoch`` (the last epoch, by its scores), ``five-epochs``, ``full`` (everything, by scores of
            everything) or ``auto`` (the longest horizon that gansift believes); one epoch is always among them.
        long_shares: those that are tried with more than one epoch.
        baselines: other estimators, with ``one-epoch``.
    """

    shares: tuple[float, ...]
    retrainings: tuple[str, ...] = ("one-epoch",)
    long_shares: tuple[float, ...] = ()
    baselines: tuple[str, ...] = ("discriminator-loss", "isolation-forest", "random")


_MNIST_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)
_POINT_SHARES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)

_ACCURACY_2D = Accuracy(
    game="fcgan", source="normal-2d", train=10_000, valid=1000, test=1000, batch=100, epochs=50, latents=1000,
    metrics=("all",), seeds=tuple(range(1200, 1210)), dtype="float64", horizons=(1, 5, 10, 20, 50), left_out=200,
    terms=(1, 10, 100, 1000), krylov=100,
)  # fmt: skip
_ACCURACY_MNIST = Accuracy(
    game="sigmoid-dcgan", source="mnist", train=10_000, valid=10_000, test=10_000, batch=100, epochs=50, decay=1e-3,
    latents=10_000, metrics=("fid", "log-is"), seeds=tuple(range(1090, 1100)), horizons=(1, 5, 10, 20, 50),
    left_out=200, terms=(1, 10, 100, 1000), aid_rate=1e-3, krylov=30,
)  # fmt: skip
_ACCURACY_LQ = Accuracy(
    game="lqgan", source="normal-1d", train=1000, valid=1000, test=1000, batch=100, epochs=50, lr=0.1, latents=1000,
    metrics=("all",), seeds=tuple(range(10)), dtype="float64", horizons=(1, 5, 10, 20, 50), left_out=100,
    terms=(1, 10, 100, 1000), aid_rate=0.1, krylov=10,
)  # fmt: skip
# Few epochs are cheap enough on two cores for half of the paper's images.
_SHORT_MNIST = replace(_ACCURACY_MNIST, horizons=(1, 5), terms=(), krylov=0)
# An example of the paper's 10,000 weighs this much beside one of the reduced 500.
_LIGHT_MNIST = replace(_SHORT_MNIST, share=0.05)
_CLEANSING_2D = Cleansing(
    game="fcgan", source="normal-2d", train=50_000, valid=10_000, test=10_000, batch=100, epochs=70, latents=10_000,
    metrics=("all",), seeds=tuple(range(1385, 1400)), dtype="float64", shares=_POINT_SHARES,
)  # fmt: skip
_CLEANSING_MNIST = Cleansing(
    game="sigmoid-dcgan", source="mnist", train=50_000, valid=10_000, test=10_000, batch=100, epochs=20, decay=1e-3,
    width=32, latents=10_000, metrics=("fid", "is"), seeds=tuple(range(1385, 1400)), shares=_MNIST_SHARES,
    retrainings=("one-epoch", "full"), long_shares=(0.05, 0.1, 0.2, 0.3, 0.4),
)  # fmt: skip
_CLEANSING_1D = Cleansing(
    game="lqgan", source="normal-1d", train=1000, valid=1000, test=1000, batch=100, epochs=50, lr=0.1, latents=1000,
    metrics=("all",), seeds=tuple(range(10)), dtype="float64", shares=_POINT_SHARES, retrainings=("one-epoch", "full"),
    long_shares=_POINT_SHARES,
)  # fmt: skip
_BEYOND_ACCURACY = Accuracy(
    game="preset", source="mnist", train=10_000, valid=10_000, test=10_000, batch=50, epochs=50, latents=10_000,
    metrics=("fid",), seeds=tuple(range(10)), horizons=(1, 5, 10, 20, 50), left_out=200, krylov=30, auto=True,
    own={"width": 32},
)  # fmt: skip
# What the kinks of the papers' ReLU cost: the same training with a smooth activation.
_BEYOND_2D = replace(_ACCURACY_2D, activation="silu", terms=())
# A constant rate: at the end of a schedule that decays, no removal changes much any more.
_BEYOND_CLEANSING = Cleansing(
    game="preset", source="mnist", train=50_000, valid=10_000, test=10_000, batch=50, epochs=20, latents=10_000,
    metrics=("fid", "is"), seeds=tuple(range(15)), shares=(0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5),
    retrainings=("one-epoch", "five-epochs", "full", "auto"), long_shares=(0.02, 0.05, 0.1, 0.2, 0.3),
    own={"width": 32, "decay": "constant"},
)  # fmt: skip

PAPER: dict[str, Accuracy | Cleansing] = {
    "iclr-accuracy-2d": _ACCURACY_2D,
    "iclr-accuracy-mnist": _ACCURACY_MNIST,
    "iclr-accuracy-mnist-short": _SHORT_MNIST,
    "iclr-cleansing-2d": _CLEANSING_2D,
    "iclr-cleansing-mnist": _CLEANSING_MNIST,
    "tnnls-accuracy-lqgan": _ACCURACY_LQ,
    "tnnls-cleansing-1d": _CLEANSING_1D,
    "beyond-accuracy-light": _LIGHT_MNIST,
    "beyond-accuracy-2d": _BEYOND_2D,
    "beyond-accuracy-mnist": _BEYOND_ACCURACY,
    "beyond-cleansing-mnist": _BEYOND_CLEANSING,
    "beyond-cleansing-fashion": replace(_BEYOND_CLEANSING, source="fashion", train=8000, valid=2000, test=2000),
}

# The data sets that come with gansift have 10,000 images of MNIST; what is tried on two cores has to do with those.
_HELD_OUT: dict[str, Any] = {"valid": 2000, "test": 2000, "latents": 2000}
_REDUCED_BEYOND: dict[str, Any] = {
    "train": 1000, "seeds": tuple(range(6)), "own": {"width": 8, "decay": "constant"}, **_HELD_OUT,
}  # fmt: skip
_REDUCED_ACCURACY_2D: dict[str, Any] = {
    "train": 2000, "batch": 20, "seeds": tuple(range(1200, 1204)), "left_out": 100,
}  # fmt: skip
_REDUCED: dict[str, dict[str, Any]] = {
    "iclr-accuracy-2d": _REDUCED_ACCURACY_2D,
    "beyond-accuracy-2d": {**_REDUCED_ACCURACY_2D, "seeds": tuple(range(1200, 1203))},
    "iclr-accuracy-mnist": {
        "train": 500, "batch": 10, "lr": 2e-3, "seeds": (1090, 1091), "left_out": 20, "krylov": 10, **_HELD_OUT,
    },
    "iclr-accuracy-mnist-short": {"train": 5000, "batch": 50, "seeds": (1090, 1091), "left_out": 20, **_HELD_OUT},
    "beyond-accuracy-light": {"train": 500, "batch": 10, "lr": 2e-3, "seeds": (1090,), "left_out": 20, **_HELD_OUT},
    "iclr-cleansing-2d": {
        "train": 5000, "batch": 20, "lr": 2e-3, "seeds": tuple(range(1385, 1393)), **_HELD_OUT,
    },
    "iclr-cleansing-mnist": {
        "train": 6000, "batch": 50, "epochs": 42, "width": 8, "seeds": tuple(range(1385, 1389)),
        "retrainings": ("one-epoch",), "long_shares": (), **_HELD_OUT,
    },
    "tnnls-accuracy-lqgan": {},
    "tnnls-cleansing-1d": {},
    "beyond-accuracy-mnist": {
        "train": 500, "epochs": 40, "horizons": (1, 5, 10, 20, 40), "seeds": (0, 1), "left_out": 20,
        "own": {"width": 8}, **_HELD_OUT,
    },
    "beyond-cleansing-mnist": _REDUCED_BEYOND,
    "beyond-cleansing-fashion": {**_REDUCED_BEYOND, "seeds": tuple(range(4))},
}  # fmt: skip
_SMOKE: dict[str, Any] = {"train": 40, "batch": 10, "valid": 60, "test": 60, "latents": 60, "epochs": 2}
_SMOKE_IMAGES = {"width": 2, "classifier_epochs": 2}


def setting(experiment: str, size: str) -> Accuracy | Cleansing:
    """The experiment at one of `SIZES`."""
    whole = PAPER[experiment]
    if size == "paper":
        return whole
    return replace(whole, **_REDUCED[experiment]) if size == "reduced" else _smoke(whole)


def _smoke(whole: Accuracy | Cleansing) -> Accuracy | Cleansing:
    changes = _SMOKE | {"seeds": whole.seeds[:2]}
    if whole.source in ("mnist", "fashion"):
        changes |= _SMOKE_IMAGES
    if whole.game == "preset":
        changes["own"] = {"width": 2}
    if isinstance(whole, Accuracy):
        changes |= {"horizons": (1, 2), "left_out": 4, "terms": whole.terms[:2], "krylov": min(whole.krylov, 2)}
    else:
        changes |= {"shares": (0.1, 0.5), "long_shares": whole.long_shares and (0.5,)}
        changes["epochs"] = max([2, *(LAST_EPOCHS.get(name, 0) for name in whole.retrainings)])
    return replace(whole, **changes)
