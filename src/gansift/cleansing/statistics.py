"""Means over training seeds with their 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Interval(NamedTuple):
    """A mean and its 95 % confidence interval; the interval is None for a single value."""

    mean: float
    ci95: tuple[float, float] | None


def mean_interval(values: Sequence[float]) -> Interval:
    """Mean over seeds and Student's t interval for it; for paired quantities give the differences.

    Raises:
        ValueError: for no values.
    """
    return _interval(values, 1 / len(values) if values else 0.0)


def prediction_interval(values: Sequence[float]) -> Interval:
    """Mean over seeds and the t interval in which the value of one further seed is to be expected.

    Raises:
        ValueError: for no values.
    """
    return _interval(values, 1 + 1 / len(values) if values else 0.0)


def _interval(values: Sequence[float], share: float) -> Interval:
    """``share`` is the variance of what the interval is for, in variances of a single value."""
    if not values:
        raise ValueError("no values to average")
    mean = float(np.mean(values))
    if len(values) == 1:
        return Interval(mean, None)
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) * np.sqrt(share))
    return Interval(mean, (mean - half, mean + half))
