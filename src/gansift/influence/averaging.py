"""Means over looks with their standard errors: of examples, and of groups of them.

Looks of windows with large adjoints are mostly noise: in one run a few of them, with norms of 5,000 where others had
20, drowned all the rest. So a look may weigh as the inverse of its spread over the examples, which keeps the average in
the metric's units.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from gansift.errors import UsageError

#: How looks are weighed: by the inverse of their spread, by that of its square, or all alike.
Weighing = Literal["spread", "precision", "alike"]
_POWERS: dict[str, float] = {"spread": -1.0, "precision": -2.0, "alike": 0.0}


def look_weights(values: np.ndarray, weighing: Weighing) -> np.ndarray:
    """One weight for each look, shape (L,), sum 1; a look in which all examples are alike says nothing and has none."""
    if weighing not in _POWERS:
        raise UsageError(f"looks are weighed by {', '.join(_POWERS)}, not {weighing!r}")
    spread = values.std(axis=1)
    if not spread.any():
        return np.full(len(values), 1 / len(values))
    weights = np.where(spread > 0, np.where(spread > 0, spread, 1.0) ** _POWERS[weighing], 0.0)
    return weights / weights.sum()


def seed_means(values: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The weighted mean over the looks of each group, shape (groups, N)."""
    rows = [groups == group for group in range(groups.max() + 1)]
    return np.stack([weights[of] @ values[of] / (weights[of].sum() or 1.0) for of in rows])


def standard_errors(
    values: np.ndarray, weights: np.ndarray, groups: np.ndarray, mean: np.ndarray
) -> tuple[np.ndarray | None, float]:
    """Standard errors of the weighted mean, shape (N,), and their degrees of freedom.

    Windows of one training resemble each other. How much is the same for all examples as far as anybody knows, so it is
    estimated from all of them together: the factor by which the variance between seeds is larger than that of
    independent looks. Each example has its own variance over all looks, times that factor; so the degrees of freedom
    are more than those of a few seeds.
    """
    effective = 1 / float((weights**2).sum())  # looks of equal weight that would be worth as much
    if effective <= 1 + 1e-9:
        return None, 0.0
    deviations = values - mean
    independent = (weights**2) @ deviations**2 * effective / (effective - 1)
    count = int(groups.max()) + 1
    if count == 1:
        return np.sqrt(independent), effective - 1
    shares = np.array([weights[groups == group].sum() for group in range(count)])
    spread = seed_means(values, weights, groups) - mean
    # The weighted form of the variance of a mean over seeds; with equal shares the usual one.
    between = (shares**2) @ spread**2 / (1 - float((shares**2).sum()))
    total = float(independent.mean())
    factor = max(1.0, float(between.mean()) / total) if total else 1.0
    return np.sqrt(independent * factor), max(count - 1.0, (effective - 1) / factor)
