"""Which scores are not chance: one-sided p-values and the rule of Benjamini and Hochberg (1995)."""

from __future__ import annotations

import numpy as np
from scipy import stats


def p_values(harm: np.ndarray, errors: np.ndarray, freedom: float) -> np.ndarray:
    """One-sided p-values of Student's t for the hypothesis that an example does no harm, shape (N,).

    An example whose looks all say exactly the same has no error: its p-value is 0 if that is harm, and 1 otherwise.

    Args:
        harm: above 0 where removal is for the better, shape (N,).
        errors: standard errors, shape (N,).
        freedom: degrees of freedom.
    """
    certain = errors == 0
    t = harm / np.where(certain, 1.0, errors)
    return np.where(certain, np.where(harm > 0, 0.0, 1.0), stats.t.sf(t, freedom))


def discoveries(p: np.ndarray, rate: float) -> np.ndarray:
    """Rows that are called discoveries at a false discovery rate, the smallest p-value first.

    With p-values in ascending order, all up to the last one with p_(k) <= rate k / N.

    >>> discoveries(np.array([0.9, 0.001, 0.04, 0.03]), 0.1).tolist()
    [1, 3, 2]
    """
    order = np.argsort(p, kind="stable")
    below = p[order] <= rate * np.arange(1, len(p) + 1) / len(p)
    last = int(np.flatnonzero(below).max(initial=-1)) + 1
    return order[:last]
