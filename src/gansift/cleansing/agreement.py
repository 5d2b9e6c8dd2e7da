"""How well predicted changes agree with true ones: correlations, slope and overlap of the extremes, with intervals."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from gansift.notebook import table

_RESAMPLES = 500
#: Share of the examples at each end of a ranking that count as its extremes (Terashita et al. 2021, section 5).
EXTREMES = 0.05


class Statistic(NamedTuple):
    """A statistic and its 95 % bootstrap interval over the removals.

    The value is NaN where it is not defined (all predictions or all truths equal); the interval is None where too few
    removals were made to resample them.
    """

    value: float
    ci95: tuple[float, float] | None


class Agreement(NamedTuple):
    """Predicted against true changes.

    Attributes:
        spearman: rank correlation; over random subsets it is the linear datamodeling score (LDS).
        kendall: Kendall's tau-b.
        pearson: linear correlation.
        slope: least-squares slope of truth on prediction; 1 if sizes are right, below 1 if effects are overestimated.
        jaccard: overlap of the extremes, 5 % at each end: intersection over union; None for fewer than 20 removals.
    """

    spearman: Statistic
    kendall: Statistic
    pearson: Statistic
    slope: Statistic
    jaccard: Statistic | None

    def _repr_html_(self) -> str:
        """The statistics with their intervals, in a notebook."""
        rows = [
            (name, statistic.value, None if statistic.ci95 is None else "{:.3g} to {:.3g}".format(*statistic.ci95))
            for name, statistic in self._asdict().items()
            if statistic is not None
        ]
        note = "Predicted beside true changes. 1 is the best for all but the slope, which is 1 where sizes are right."
        return table("Agreement", ("", "value", "95 % interval"), rows, note)


def agreement(predicted: np.ndarray, true: np.ndarray) -> Agreement:
    """Compare predicted with true changes, both of shape (M,).

    Raises:
        ValueError: for different shapes or fewer than 3 removals.
    """
    if predicted.shape != true.shape or predicted.ndim != 1 or len(true) < 3:
        raise ValueError(f"need 3 or more predicted and true changes; got shapes {predicted.shape} and {true.shape}")
    return Agreement(
        spearman=with_interval(spearman, predicted, true),
        kendall=with_interval(_kendall, predicted, true),
        pearson=with_interval(_pearson, predicted, true),
        slope=with_interval(_slope, predicted, true),
        jaccard=with_interval(_jaccard, predicted, true) if len(true) * EXTREMES >= 1 else None,
    )


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Rank correlation; NaN if either is constant."""
    return _pearson(stats.rankdata(one), stats.rankdata(other))


def _pearson(one: np.ndarray, other: np.ndarray) -> float:
    spread = one.std() * other.std()
    return float(np.mean((one - one.mean()) * (other - other.mean())) / spread) if spread > 0 else float("nan")


def _kendall(one: np.ndarray, other: np.ndarray) -> float:
    return float(stats.kendalltau(one, other).statistic)


def _slope(predicted: np.ndarray, true: np.ndarray) -> float:
    variance = predicted.var()
    return float(np.mean((predicted - predicted.mean()) * true) / variance) if variance > 0 else float("nan")


def _jaccard(predicted: np.ndarray, true: np.ndarray) -> float:
    one, other = _extremes(predicted), _extremes(true)
    return len(one & other) / len(one | other)


def _extremes(values: np.ndarray) -> set[int]:
    order, count = np.argsort(values, kind="stable"), round(EXTREMES * len(values))
    return {*order[:count].tolist(), *order[-count:].tolist()}


def with_interval(
    statistic: Callable[[np.ndarray, np.ndarray], float], predicted: np.ndarray, true: np.ndarray
) -> Statistic:
    """The statistic and the 2.5 and 97.5 % quantiles of it over resampled removals (seeded: same data, same interval).

    An interval from a handful of removals would be an invention; below 8 there is none.
    """
    value = statistic(predicted, true)
    if len(true) < 8 or not np.isfinite(value):
        return Statistic(value, None)
    random = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a resample may be constant
        rows = random.integers(len(true), size=(_RESAMPLES, len(true)))
        found = np.array([statistic(predicted[row], true[row]) for row in rows])
    low, high = np.nanquantile(found, [0.025, 0.975])
    return Statistic(value, (float(low), float(high)))
