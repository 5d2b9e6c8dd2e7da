"""Reliability: would the same examples be called harmful if other seeds were looked at?

Spearman (1910) and Brown (1910): if the scores of two single looks have a correlation of r on average, the means over k
looks have a correlation of k r / (1 + (k - 1) r) with those over k others.
"""

from __future__ import annotations

import math

import numpy as np


def stepped_up(one: float, looks: float) -> float:
    """The reliability of a mean over so many looks, from that of one.

    >>> round(stepped_up(0.5, 4), 3)
    0.8
    """
    return looks * one / (1 + (looks - 1) * one)


def looks_needed(one: float, reliability: float) -> int | None:
    """How many looks give a mean of this reliability; None where a single one has none.

    >>> looks_needed(0.5, 0.8), looks_needed(0.0, 0.8)
    (4, None)
    """
    if one <= 0:
        return None
    if one >= 1:
        return 1
    # A count that is whole but for rounding is not rounded up.
    return max(1, math.ceil(reliability * (1 - one) / (one * (1 - reliability)) - 1e-9))


def reliability_of(looks: np.ndarray) -> tuple[float | None, float | None]:
    """The reliability of the mean over looks, and that of one; both None for a single look.

    One look's is the mean correlation of all pairs of looks over the examples; below 0 it counts as 0. Looks in which
    all examples are alike have no correlation and are left out.

    Args:
        looks: shape (L, N).
    """
    varying = looks[looks.std(axis=1) > 0]
    if len(varying) < 2:
        return None, None
    correlations = np.corrcoef(varying)
    one = max(0.0, float(correlations[np.triu_indices(len(varying), 1)].mean()))
    return stepped_up(one, len(varying)), one
