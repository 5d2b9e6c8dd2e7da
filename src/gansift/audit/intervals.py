"""Intervals for shares and other statistics of samples that come in clusters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

_LEVEL = 0.95


def share_interval(hits: float, count: float) -> tuple[float, float]:
    """Exact 95 % interval of a share (Clopper and Pearson, 1934), also of counts that are not whole.

    >>> low, high = share_interval(0, 10)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.308)
    """
    tail = (1 - _LEVEL) / 2
    low = 0.0 if hits <= 0 else float(stats.beta.ppf(tail, hits, count - hits + 1))
    high = 1.0 if hits >= count else float(stats.beta.ppf(1 - tail, hits + 1, count - hits))
    return low, high


def clustered_share(hits: np.ndarray, clusters: np.ndarray) -> tuple[float, tuple[float, float]]:
    """A share among items of which those in one cluster count as one observation, with its 95 % interval.

    The exact interval for as many items as the clusters are worth, n^2 / sum of their squared sizes (Korn and
    Graubard, 1998, with Kish's effective size). With every item in a cluster of its own it is `share_interval`.

    Args:
        hits: whether each item counts, shape (n,), n at least 1; all of one cluster alike.
        clusters: the cluster of each item, whole numbers, shape (n,).
    """
    _, sizes = np.unique(clusters, return_counts=True)
    effective = len(hits) ** 2 / float((sizes.astype(float) ** 2).sum())
    share = float(np.mean(hits))
    return share, share_interval(share * effective, effective)


def bootstrap_interval(
    statistic: Callable[[np.ndarray, np.ndarray], float],
    clusters: np.ndarray,
    others: int,
    rng: np.random.Generator,
    resamples: int = 400,
) -> tuple[float, float]:
    """95 % percentile interval of a statistic of two samples, one of which comes in clusters.

    Args:
        statistic: of how often each item of both samples was drawn, whole numbers of shape (n,) and (others,).
        clusters: the cluster of each item of the first sample, shape (n,); whole clusters are drawn.
        others: size of the second sample, whose items are drawn one by one.
        rng: random numbers.
        resamples: how often the statistic is computed anew.
    """
    names, place = np.unique(clusters, return_inverse=True)
    values = [
        statistic(
            np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))[place],
            np.bincount(rng.integers(others, size=others), minlength=others),
        )
        for _ in range(resamples)
    ]
    tail = (1 - _LEVEL) / 2
    low, high = np.quantile([value for value in values if np.isfinite(value)] or [np.nan], (tail, 1 - tail))
    return float(low), float(high)
