"""The configuration of a run directory: one dataclass behind the flags, ``config.toml`` and ``config.json``."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from gansift.catalogue import ESTIMATOR_LABELS
from gansift.data.builtin import BUILTINS
from gansift.errors import GansiftError, UsageError
from gansift.files import read_json
from gansift.metrics.imagenet import is_imagenet
from gansift.metrics.scripts import script_path
from gansift.models.weights import read_architecture
from gansift.named import absolute_named

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


_T = TypeVar("_T")


def _option(default: Any, help_text: str, least: float | None = None) -> Any:
    return field(default=default, metadata={"help": help_text, "least": least})


class Decided(NamedTuple):
    """What a person decided to remove.

    Attributes:
        digest: of the set of examples; names the copy of the decisions in the run directory.
        removed: how many examples.
    """

    digest: str
    removed: int


class Way(NamedTuple):
    """How a run is cleansed.

    Attributes:
        estimator: whose scores say what is harmful.
        from_start: examples are removed from the whole run, not only from the horizon on.
        decided: what a person decided to remove, in place of the most harmful; the scores only predict then.
    """

    estimator: str
    from_start: bool
    decided: Decided | None = None

    @property
    def chooser(self) -> str:
        """Who says what is removed: the estimator, or a person's ``decisions``."""
        return self.estimator if self.decided is None else "decisions"

    @property
    def flags(self) -> str:
        """The command line's flags for it, each after a space."""
        own = "" if self.estimator == "itd" else f" --estimator {self.estimator}"
        chosen = "" if self.decided is None else " --decisions FILE"
        return own + chosen + (" --from-start" if self.from_start else "")


@dataclass(frozen=True)
class Config:
    """What `gansift run` does. A value of None (or ``auto``) is filled in by the preset that fits the data."""

    source: str = _option("", "built-in name, folder or zip of images, CSV, Parquet or .npz")
    labels: str | None = _option(None, "label file (CSV with path,label or dataset.json)")
    label: str | None = _option(None, "column of a table that is the label")
    group: str = _option("", "columns of a table that are kept beside it, e.g. sex,race")
    ignore: str = _option("", "columns of a table that are not read")
    include: str = _option("", "those of label and groups that are trained on, too")
    impute: str | None = _option(None, "what stands for missing numbers of a table: mean or median")
    size: int | None = _option(None, "crop and resize every image to this many pixels a side", 1)
    resize: str = _option("crop-lanczos", "how: crop, stretch or pad, and a filter: lanczos, bicubic, bilinear or box")
    skip_bad: bool = _option(False, "go on without images that cannot be read or have an odd size")
    split_seed: int = _option(0, "seed of the train/validation/test split")
    fractions: str = _option(
        "0.5,0.25,0.25", "shares of train, validation and test, e.g. 0.8,0.1,0.1, where the data are not split already"
    )
    game: str | None = _option(
        None, "your own game: module:function or file.py:function, called with the training examples"
    )
    model: str = _option(
        "auto", "networks: mlp, dcgan (28 or 32 pixels), stylegan2 (32, 64, 128 or 256 pixels), fc (points) or auto"
    )
    init: str | None = _option(None, "weights to start from: a file of `gansift export --format weights` or `convert`")
    lora: int = _option(0, "rank of low-rank adapters, the only thing that is then trained; 0 trains everything", 0)
    lora_layers: str = _option("*", "patterns of the names of layers that get adapters, e.g. convs.*,blocks.*")
    lora_start: str = _option("zero", "zero (training starts from the network as it is) or kaiming (the papers' code)")
    latent: int | None = _option(None, "number of latent variables", 1)
    width: int | None = _option(None, "width of the networks", 1)
    most: int | None = _option(None, "channels at most, of stylegan2", 1)
    depth: int | None = _option(None, "layers of stylegan2's mapping network", 1)
    activation: str | None = _option(None, "of stylegan2: silu (smooth) or lrelu (that of the paper)")
    noise: bool | None = _option(None, "add noise in every layer of stylegan2's generator, as the paper does")
    mixing: float = _option(0.9, "probability that stylegan2 mixes the styles of two latents", 0)
    path_length: float = _option(0.0, "weight of stylegan2's path-length regularisation, every 4 steps; 0 for none", 0)
    augment: str = _option("none", "what the discriminator sees is augmented by: translation,colour,cutout or none")
    mirror: bool = _option(False, "flip training images from left to right at random; each stays the example it is")
    loss: str = _option("non-saturating", "non-saturating, saturating, least-squares or wasserstein")
    r1: float | None = _option(None, "weight of the R1 penalty on real images", 0)
    r1_interval: int | None = _option(None, "steps from one R1 penalty to the next, which counts as often", 1)
    gradient_penalty: float = _option(0.0, "weight of the WGAN-GP penalty", 0)
    schedule: str = _option("alternating", "alternating, simultaneous, or n:m updates of discriminator and generator")
    steps: int | None = _option(None, "training steps", 1)
    batch: int = _option(50, "images in a batch", 1)
    optimizer: str = _option("adam", "adam, adamw, rmsprop or sgd")
    lr: float | None = _option(None, "learning rate of both players")
    generator_lr: float | None = _option(None, "learning rate of the generator, if it differs")
    beta1: float = _option(0.0, "decay of Adam's first moment, or the momentum of sgd and rmsprop")
    beta2: float | None = _option(None, "decay of Adam's second moment")
    eps: float | None = _option(None, "epsilon in Adam's denominator; 1e-3 to 1e-2 keeps training smooth")
    eps_inside: bool = _option(True, "put epsilon inside the root: sqrt(v + eps^2)")
    warmup: int | None = _option(None, "steps over which the learning rate rises")
    decay: str | None = _option(None, "learning rate after the warm-up: constant or cosine")
    final: float | None = _option(None, "share of the learning rate that a cosine ends at", 0)
    ema: float | None = _option(None, "decay of the averaged generator; 0 for none")
    dtype: str = _option("float32", "float32 or float64")
    compiled: bool = _option(False, "compile training steps and the sweep: faster for small networks and long runs")
    metric: str | None = _option(None, "fid, kid, is, all (average log-likelihood, for points) or module:name")
    features: str = _option(
        "auto", "classifier, autoencoder, imagenet[:dims], module:name, a TorchScript file, or auto"
    )
    latents: int = _option(2000, "generated samples behind each value of the metric", 2)
    seeds: int | None = _option(None, "training seeds; the first is your model, the others show if the gain holds", 1)
    horizons: str | None = _option(
        None, "horizons to try, in epochs, e.g. 1,5,20,all; auto: 1,2,4,8,... as far back as scores can be believed"
    )
    remove: str | None = _option(None, "numbers to remove, as counts or shares of the training set, e.g. 20,5%")
    renormalise: bool = _option(False, "removal divides a batch's loss by the sum of weights, not its size")
    from_start: bool = _option(False, "remove from the whole run, not only from the horizon on")
    estimator: str = _option("itd", "what scores the examples; `gansift score --help` lists the estimators")
    baselines: str = _option(
        "isolation-forest,density,discriminator-score,nearest-samples",
        "other estimators to remove as many examples by, at the choice made, or none",
    )
    verify: int | None = _option(None, "random removals retrained to verify the scores; 0 for none", 0)
    jobs: int | None = _option(
        None, "jobs at the same time; default one per processor, of the cluster if there is one", 1
    )
    cluster: str | None = _option(
        None,
        "spread jobs over a Ray cluster: ray://host:port, auto, or local for one on this machine; all its machines "
        "must see the run directory and the data under the same paths; none for processes of this machine",
    )
    memory: str | None = _option(
        None, "memory for training states brought back while scoring, over all jobs, e.g. 2GiB; less of it takes longer"
    )
    threads: int = _option(1, "processor threads of each job; results depend on it in the last bits", 1)
    device: str | None = _option(None, "cpu, cuda, ... (default: that of the run, or cpu)")
    accept_drift: bool | None = _option(
        None, "use a run recorded on another device although it replays here to other bits"
    )

    @property
    def way(self) -> Way:
        """The way of cleansing that is configured."""
        return Way(self.estimator, self.from_start)

    def with_absolute_paths(self) -> Config:
        """The same with every existing path absolute, so that a run goes on from any folder."""
        return replace(
            self,
            source=self.source if self.source in BUILTINS else _absolute(self.source),
            labels=self.labels and _absolute(self.labels),
            init=self.init and _absolute(self.init),
            game=self.game and absolute_named(self.game),
            metric=self.metric and absolute_named(self.metric),
            features=_absolute_features(self.features),
        )


def _absolute(path: str) -> str:
    return str(Path(path).absolute()) if Path(path).exists() else path


def _absolute_features(spec: str) -> str:
    script = None if spec in FITTED_FEATURES or is_imagenet(spec) else script_path(spec)
    if script is None:
        return absolute_named(spec)
    path, convention = script
    return f"{path.absolute()}@{convention}" if convention else str(path.absolute())


#: Features that are fitted on held-out data; anything else names a module, a file or a network of gansift's.
FITTED_FEATURES = ("auto", "classifier", "autoencoder")

#: The value of ``horizons`` that looks back as far as the adjoint's growth lets scores be believed.
AUTO = "auto"

#: The value of ``model`` for a game of one's own.
OWN = "own"

#: The value of ``cluster`` that keeps to processes of this machine.
NO_CLUSTER = "none"

#: Fields that change how fast a result is reached, not what it is but for rounding.
MACHINE = ("jobs", "cluster", "memory", "device", "accept_drift")

_POINTS: dict[str, Any] = {
    "model": "fc", "latent": 10, "width": 64, "r1": 0.1, "steps": 1500, "lr": 1e-3, "beta2": 0.99, "eps": 1e-3,
    "warmup": 100, "decay": "constant", "final": 0.0, "ema": 0.98,
    "metric": "all", "seeds": 8, "horizons": "1,5,20,all", "remove": "1%,2%,5%,10%",
    "verify": 30,
}  # fmt: skip
_SMALL_IMAGES: dict[str, Any] = {
    "model": "mlp", "latent": 16, "width": 64, "r1": 1.0, "steps": 1440, "lr": 1e-3, "beta2": 0.99, "eps": 1e-3,
    "warmup": 0, "decay": "constant", "final": 0.0, "ema": 0.98,
    "metric": "fid", "seeds": 8, "horizons": "1,5,10,20,all", "remove": "2%,5%,10%",
    "verify": 30,
}  # fmt: skip
_IMAGES: dict[str, Any] = {
    "model": "dcgan", "latent": 32, "width": 16, "r1": 1.0, "steps": 1000, "lr": 3e-3, "beta2": 0.999, "eps": 1e-2,
    "warmup": 100, "decay": "cosine", "final": 0.1, "ema": 0.99,
    "metric": "fid", "seeds": 5, "horizons": "1,2,5", "remove": "2%,10%",
    "verify": 20,
}  # fmt: skip
_STYLES: dict[str, Any] = {
    "model": "stylegan2", "latent": 64, "width": 16, "most": 64, "depth": 2, "activation": "silu", "noise": False,
    "r1": 0.3, "r1_interval": 16, "steps": 2000, "lr": 2e-3, "beta2": 0.99, "eps": 1e-3,
    "warmup": 100, "decay": "constant", "final": 0.0, "ema": 0.995,
    "metric": "fid", "seeds": 5, "horizons": "1,2,5", "remove": "2%,10%",
    "verify": 20,
}  # fmt: skip

#: Settings chosen for smooth training, by what the data are, or by the networks.
PRESETS = {"points": _POINTS, "images up to 16x16": _SMALL_IMAGES, "28x28 and 32x32": _IMAGES, "stylegan2": _STYLES}

# Settings of built-in networks and losses, which a game of one's own does not have.
_BUILT_IN = (
    "model", "init", "lora", "lora_layers", "lora_start", "latent", "width", "most", "depth", "activation", "noise",
    "mixing", "path_length", "augment", "mirror", "loss", "r1", "r1_interval", "gradient_penalty", "schedule",
    "generator_lr",
)  # fmt: skip


def preset(shape: tuple[int, ...], model: str = "auto") -> dict[str, Any]:
    """Settings chosen for smooth training of a model on examples of this shape.

    Raises:
        UsageError: if no built-in network takes that shape.
    """
    if len(shape) == 1:
        return _POINTS
    if max(shape[1:]) <= 16 or model == "mlp":
        return _SMALL_IMAGES
    if model == "stylegan2" or shape[1:] in ((64, 64), (128, 128), (256, 256)):
        return _STYLES
    if shape[1:] in ((28, 28), (32, 32)) or model == OWN:
        return _IMAGES
    raise UsageError(
        "the built-in networks take images up to 16x16 (mlp), of 28x28 and 32x32 (dcgan), or of 32x32, 64x64, 128x128 "
        f"and 256x256 (stylegan2), not {shape[2]}x{shape[1]}. Resize them with --size 32 (or 64, 28, 16), or choose "
        "--model mlp, or bring your own game with --game."
    )


def resolve(config: Config, shape: tuple[int, ...]) -> Config:
    """The configuration with every open value filled in for examples of this shape.

    Raises:
        UsageError: if nothing is known of that shape, or settings contradict one another.
        DataError: if the weights to start from cannot be read.
    """
    given = {
        key: value
        for key, value in asdict(config).items()
        if value is not None and (value != "auto" or key == "horizons")
    }
    chosen: dict[str, Any] = {}
    if config.game is not None:
        given |= _own_game(config)
    elif config.init is not None:
        chosen = _started_from(Path(config.init), given)
    chosen = preset(shape, chosen.get("model", given.get("model", "auto"))) | chosen
    here = {"features": "auto", "device": "cpu", "accept_drift": False}
    return Config(**{**asdict(config), "r1_interval": 1, **chosen, **here, **given})


def _own_game(config: Config) -> dict[str, Any]:
    """What is filled in for a game of one's own, for which the built-in networks' settings mean nothing."""
    usual = Config()
    odd = [name for name in _BUILT_IN if getattr(config, name) not in (getattr(usual, name), OWN)]
    # What resolving has filled in before is not what somebody gave.
    if odd and config.model != OWN:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in odd)
        raise UsageError(f"{flags}: these are settings of the built-in games; with --game, write them into your own")
    return {"model": OWN}


def _started_from(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a file of weights says of its networks, which nobody may contradict."""
    there = asdict(read_architecture(path))
    del there["shape"]
    for name, value in there.items():
        if given.get(name, value) != value:
            raise UsageError(
                f"--{name} {given[name]} does not go with --init {path}, whose networks have {value}. Leave it out."
            )
    return there


def moved(recorded: Config, given: Config) -> Config:
    """A recorded configuration with the settings of the machine as they are given now.

    A device is not left for the default one by saying nothing.
    """
    machine = {name: getattr(given, name) for name in MACHINE}
    kept = {name: getattr(recorded, name) for name in ("device", "accept_drift") if machine[name] is None}
    return replace(recorded, **machine | kept)


def merge(flags: Mapping[str, Any], toml: Path | None) -> Config:
    """Flags over the values of a ``config.toml`` over the defaults.

    Raises:
        UsageError: naming a key that does not exist or a value of the wrong type.
    """
    values = dict(_read_toml(toml)) if toml is not None else {}
    values.update({key: value for key, value in flags.items() if value is not None})
    known_fields = {item.name: item for item in fields(Config)}
    for key, value in values.items():
        if key not in known_fields:
            raise UsageError(f"{toml}: there is no setting {key!r}; there are {', '.join(known_fields)}")
        item = known_fields[key]
        if not _fits(str(item.type), value):
            raise UsageError(f"{toml}: {key} must be {item.type}, not {value!r}")
        least = item.metadata["least"]
        if (isinstance(value, float) and not math.isfinite(value)) or (least is not None and value < least):
            limit = "a finite number" if least is None else f"at least {least}"
            raise UsageError(f"--{key.replace('_', '-')} must be {limit}, not {value}")
    return Config(**values)


def known(value: _T | None) -> _T:
    """A setting that `resolve` has filled in."""
    if value is None:
        raise ValueError("the configuration is not resolved yet")
    return value


def load(path: Path) -> Config:
    """The configuration saved with a run directory.

    Raises:
        UsageError: if the folder holds no run.
    """
    if not path.exists():
        raise UsageError(f"{path.parent} holds no run (no {path.name} in it); start one with `gansift run SOURCE`")
    try:
        return Config(**{"r1_interval": 1} | read_json(path))  # runs of before have none
    except TypeError as error:
        raise UsageError(
            f"{path.parent} is no run directory of `gansift run`: its {path.name} has other settings. Give the folder "
            "that holds report.html, not one of its seeds."
        ) from error
    except GansiftError as error:
        raise GansiftError(
            f"{error}. Delete it and give the command that made this run again: it is written anew, and all results "
            "are kept."
        ) from error


def _read_toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"the configuration {path} cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the configuration {path} is not TOML: {error}") from error


def _fits(kind: str, value: Any) -> bool:
    wanted: tuple[type, ...] = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}[
        kind.split(" ")[0]
    ]
    return isinstance(value, wanted) and (kind.startswith("bool") or not isinstance(value, bool))


def parse_horizons(text: str, epoch: float, steps: int) -> list[int]:
    """Horizons in steps from a list in epochs, ascending; ``all`` is the whole run, longer ones are left out.

    ``auto`` stands for 1, 2, 4, 8, ... epochs and the whole run.

    Raises:
        UsageError: for an entry that is neither a positive number nor ``all``.
    """
    horizons = set()
    parts = text.split(",")
    if text.strip() == AUTO:
        parts = [str(2**power) for power in range(math.ceil(math.log2(max(1, steps / epoch))))] + ["all"]
    for part in parts:
        if part.strip() == "all":
            horizons.add(steps)
            continue
        epochs = _number(part, "--horizons", "epochs such as 1,5,20 or all")
        horizon = max(1, round(epochs * epoch))
        if horizon <= steps:
            horizons.add(horizon)
    return sorted(horizons) or [steps]


def parse_estimators(text: str) -> list[str]:
    """Names of estimators from a list; ``none`` is the empty one.

    Raises:
        UsageError: for a name that is not in `catalogue.ESTIMATOR_LABELS`.
    """
    names = [] if text.strip() == "none" else [part.strip() for part in text.split(",")]
    for name in names:
        if name not in ESTIMATOR_LABELS:
            raise UsageError(f"there is no estimator {name!r}; choose from {', '.join(ESTIMATOR_LABELS)}")
    return names


def parse_counts(text: str, count: int) -> list[int]:
    """Numbers of examples from counts and shares of ``count``, ascending.

    Raises:
        UsageError: for an entry that is neither, or more than there are.
    """
    counts = set()
    for part in text.split(","):
        share = part.strip().endswith("%")
        number = _number(part.strip().rstrip("%"), "--remove", "counts or shares such as 20,5%")
        removed = max(1, round(number / 100 * count)) if share else round(number)
        if not 1 <= removed < count:
            raise UsageError(
                f"--remove {part.strip()} is {removed} of {count} training examples; at least one must stay"
            )
        counts.add(removed)
    return sorted(counts)


def _number(text: str, flag: str, example: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 < number < float("inf"):
        raise UsageError(f"{flag}: {text.strip()!r} is not understood; give {example}")
    return number
