"""What the two papers published, as far as it is known, each number with how it is known. None: not available.

ICLR 2021: Terashita et al., "Influence Estimation for Generative Adversarial Networks". TNNLS 2025: Terashita et al.,
"Data Cleansing for GANs". Their full text was not at hand: the authors' code, settings and notebooks were, and of the
second paper the abstract and the captions. Nothing here is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from papers.settings import PAPER

#: How a number or statement is known.
SOURCES = {
    "settings": "the authors' published settings",
    "notebooks": "printed in the authors' notebooks",
    "plots": "read from the plots in the authors' notebooks, within 0.01",
    "captions": "the paper's captions, as a public summary gives them",
    "second-hand": "a public summary by machine",
}


class Number(NamedTuple):
    """A mean over seeds, and its standard deviation where it was printed."""

    mean: float
    deviation: float | None = None


@dataclass(frozen=True)
class Curve:
    """Published numbers against a count.

    Attributes:
        source: key of `SOURCES`.
        points: by epochs looked back or by examples removed.
    """

    source: str
    points: Mapping[int, Number]


#: Reading error of a number from ``plots``.
READ_WITHIN = 0.01
#: Seeds behind the accuracy and the cleansing of the ICLR paper.
ACCURACY_SEEDS, CLEANSING_SEEDS = 10, 15
#: Examples left out behind each point of the accuracy.
LEFT_OUT = 200
#: Training examples of both cleansing experiments of the ICLR paper.
CLEANSED_FROM = 50_000
#: Overlap of the extremes that chance gives 200 examples.
CHANCE_JACCARD = 0.0538

_EPOCHS = (1, 5, 10, 20, 50)


def _read(*means: float) -> Curve:
    return Curve("plots", {epochs: Number(mean) for epochs, mean in zip(_EPOCHS, means, strict=True)})


#: ICLR, Figure 1: Kendall's tau and Jaccard of the extremes, by statistic and metric; epochs looked back.
ACCURACY: dict[tuple[str, str], Curve] = {
    ("kendall", "all"): _read(0.87, 0.83, 0.85, 0.84, 0.67),
    ("kendall", "fid"): _read(0.94, 0.87, 0.73, 0.44, 0.23),
    ("kendall", "log-is"): _read(0.90, 0.80, 0.68, 0.35, 0.07),
    ("jaccard", "all"): _read(0.57, 0.46, 0.53, 0.43, 0.30),
    ("jaccard", "fid"): _read(0.82, 0.70, 0.50, 0.27, 0.18),
    ("jaccard", "log-is"): _read(0.78, 0.63, 0.42, 0.23, 0.16),
}

_IMAGES_REMOVED = (500, 1000, 2500, 5000, 10_000, 15_000, 20_000, 25_000, 35_000, 45_000)
_POINTS_REMOVED = (500, 1000, 2500, 5000, 7500, 10_000, 12_500, 15_000, 17_500, 20_000)


def _printed(removed: tuple[int, ...], *numbers: tuple[float, float] | float) -> Curve:
    found = [Number(*number) if isinstance(number, tuple) else Number(number) for number in numbers]
    return Curve("notebooks", dict(zip(removed, found, strict=True)))


#: ICLR, Figure 2 to 4 and Tables 9 to 12: change of the test metric after one-epoch retraining, by metric and by what
#: chose; examples removed. ALL is in hundredths, see `SCALES`.
CLEANSING: dict[str, dict[str, Curve]] = {
    "fid": {
        "itd fid": _printed(
            _IMAGES_REMOVED, (-0.10, 0.13), (-0.13, 0.18), (-0.18, 0.28), (-0.19, 0.46), (-0.25, 0.45), (-0.36, 0.35),
            (-0.38, 0.36), (-0.38, 0.37), (-0.23, 0.46), (0.23, 0.60),
        ),
        "itd is": _printed(
            _IMAGES_REMOVED, (-0.07, 0.10), (-0.10, 0.14), (-0.14, 0.22), (-0.14, 0.37), (-0.26, 0.28), (-0.32, 0.29),
            (-0.34, 0.30), (-0.36, 0.30), (-0.22, 0.45), (0.17, 0.50),
        ),
        "discriminator-loss": _printed(
            _IMAGES_REMOVED, (-0.03, 0.06), (-0.04, 0.08), (-0.07, 0.07), (-0.13, 0.10), (-0.18, 0.12), (-0.20, 0.13),
            (-0.19, 0.14), (-0.15, 0.14), (-0.06, 0.12), (0.34, 0.19),
        ),
        "isolation-forest": _printed(_IMAGES_REMOVED, 0.01, 0.02, 0.05, 0.10, 0.24, 0.42, 0.73, 1.09, 2.56, 6.99),
        "random": _printed(
            _IMAGES_REMOVED, -0.02, -0.01, -0.01, -0.02, -0.01, 0.00, -0.00, -0.02, -0.08, (-0.14, 0.24)
        ),
    },
    "is": {
        "itd fid": _printed(
            _IMAGES_REMOVED, (0.03, 0.07), (0.04, 0.09), (0.04, 0.17), (0.03, 0.25), (0.04, 0.24), (0.09, 0.13),
            (0.10, 0.12), (0.10, 0.13), (0.04, 0.17), (-0.18, 0.28),
        ),
        "itd is": _printed(
            _IMAGES_REMOVED, (0.04, 0.05), (0.04, 0.08), (0.05, 0.14), (0.04, 0.23), (0.08, 0.15), (0.11, 0.13),
            (0.12, 0.14), (0.14, 0.14), (0.09, 0.25), (-0.07, 0.24),
        ),
        "discriminator-loss": _printed(_IMAGES_REMOVED, 0.01, 0.01, 0.02, 0.04, 0.04, 0.04, 0.04, 0.01, 0.00, -0.15),
        "isolation-forest": _printed(_IMAGES_REMOVED, 0.00, 0.01, 0.01, 0.00, -0.01, -0.05, -0.13, -0.23, -0.67, -1.70),
        "random": _printed(_IMAGES_REMOVED, 0.01, 0.00, 0.01, 0.01, 0.00, 0.00, 0.00, 0.00, 0.01, 0.01),
    },
    "all": {
        "itd all": _printed(
            _POINTS_REMOVED, (0.08, 0.06), (0.15, 0.11), (0.30, 0.26), (0.40, 0.49), (0.34, 0.74), (0.13, 1.00), -0.21,
            -0.67, -1.23, -1.85,
        ),
        "discriminator-loss": _printed(
            _POINTS_REMOVED, 0.02, 0.04, 0.09, (0.17, 0.18), (0.24, 0.28), (0.29, 0.39), (0.31, 0.52), (0.31, 0.66),
            0.27, 0.20,
        ),
        "isolation-forest": _printed(_POINTS_REMOVED, 0.02, 0.04, 0.08, 0.11, 0.09, 0.02, -0.08, -0.21, -0.40, -0.66),
        "random": _printed(_POINTS_REMOVED, 0.01, 0.02, 0.04, 0.06, 0.06, 0.04, -0.01, -0.09, -0.20, -0.36),
    },
}  # fmt: skip

#: A change times this is what `CLEANSING` holds.
SCALES = {"fid": 1, "is": 1, "all": 100}
#: Test metric before anything was removed, by experiment, from ``plots``.
BEFORE = {"iclr-cleansing-2d": {"all": -2.868}, "iclr-cleansing-mnist": {"fid": 1.84, "is": 5.80}}


class Single(NamedTuple):
    """The change of a test metric in one seed, in the unit of `CLEANSING`; from ``notebooks``."""

    metric: str
    seed: int
    removed: int
    scored_by: str
    change: float


SINGLE_SEEDS = (
    Single("fid", 1385, 25_000, "itd fid", -0.85),
    Single("fid", 1386, 25_000, "itd fid", -0.45),
    Single("fid", 1387, 25_000, "itd fid", 0.09),
    Single("fid", 1388, 25_000, "itd fid", -0.71),
    Single("fid", 1389, 25_000, "itd fid", -0.12),
    Single("fid", 1385, 25_000, "itd is", -0.71),
    Single("fid", 1385, 25_000, "discriminator-loss", -0.21),
    Single("fid", 1385, 25_000, "isolation-forest", 1.80),
    Single("fid", 1385, 25_000, "random", -0.21),
    Single("all", 1385, 5000, "itd all", 1.24),
    Single("all", 1385, 5000, "discriminator-loss", 0.67),
    Single("all", 1385, 5000, "isolation-forest", 0.73),
    Single("all", 1385, 5000, "random", 0.43),
)

#: The papers' settings, by the names that our own have; what is missing here is not available. Those of the ICLR paper
#: are what `--size paper` runs.
SETTINGS: dict[str, dict[str, Any]] = {
    **{name: asdict(setting) for name, setting in PAPER.items() if name.startswith("iclr-")},
    "tnnls-accuracy-lqgan": {"game": "lqgan", "source": "normal-1d", "left_out": 100},
    "tnnls-cleansing-1d": {"game": "lqgan", "source": "normal-1d"},
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A figure of the TNNLS paper.

    Attributes:
        shows: what is to be seen there.
        says: what is known of its outcome, with a source for each statement.
        values: its numbers; None: not available.
    """

    shows: str
    says: tuple[tuple[str, str], ...] = ()
    values: Curve | None = None


#: The TNNLS paper's figures whose captions are known. Of Figures 6 to 10 and the nine tables nothing is.
TNNLS: dict[int, Figure] = {
    1: Figure(
        "mean Kendall's tau of estimated with true influence of 100 examples, of ALL on the LQGAN and of IS on the "
        "DCGAN, for ITD and for AID with 1, 10, 100 and 1,000 terms; bars from the 10th to the 90th percentile of "
        "repeated runs",
    ),
    2: Figure(
        "average test metric against the number of removals: ALL, IS and FID, and FID of a StyleGAN, after full and "
        "after one-epoch retraining",
        (
            ("cleansing improves IS, FID and ALL across models", "second-hand"),
            ("one-epoch retraining is nearly as good as full retraining", "second-hand"),
        ),
    ),
    3: Figure(
        "a histogram of the 1-D normal data, coloured by mean influence on ALL, and densities of the truth, of samples "
        "without removal and of samples after cleansing",
    ),
    4: Figure(
        "total influence on FID by digit, and samples before and after cleansing",
        (
            ("the digits 1 and 7 are the most harmful", "captions"),
            ("after cleansing, their latents give other digits", "captions"),
        ),
    ),
    5: Figure(
        "the 27 cats that are most harmful and most helpful by influence on FID over the entire fine-tuning of a "
        "StyleGAN, and 27 at random",
    ),
}
#: The classes that the TNNLS paper finds most harmful for FID on MNIST, from ``captions``.
HARMFUL_DIGITS = ("1", "7")
#: What the ICLR paper's notebooks show besides numbers.
ICLR_SAYS = (
    "The images that are harmful for FID and IS are mostly of the digit 1, and some latents that gave 1s give 7s or 2s "
    "after cleansing.",
    "In the plane the harmful points fill the upper right of the cloud and the helpful ones the middle: regions, not "
    "outliers.",
)
