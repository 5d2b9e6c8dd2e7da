"""The order of all examples by harm, and which of them are removed: what several sections rest on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gansift.report import words
from gansift.report.shown import Shown
from gansift.report.summary import Summary


@dataclass(frozen=True)
class Ranking:
    """All examples by harm.

    Attributes:
        order: rows, the most harmful first, shape (N,).
        harm: how much better the metric is predicted to get by each removal, shape (N,), by row.
        removed: whether each example is removed, shape (N,), by row.
    """

    order: np.ndarray
    harm: np.ndarray
    removed: np.ndarray

    @property
    def harmful(self) -> int:
        """Number of harmful examples."""
        return int((self.harm > 0).sum())

    @property
    def helpful(self) -> int:
        """Number of helpful examples."""
        return int((self.harm < 0).sum())


def ranking(summary: Summary, shown: Shown) -> Ranking:
    """Rank the examples that are shown."""
    harm = words.harm(shown.values, summary.direction)
    order = np.argsort(-harm, kind="stable")
    if shown.removed is not None:
        return Ranking(order, harm, np.array([identity in shown.removed for identity in shown.ids]))
    removed = np.zeros(len(order), dtype=bool)
    removed[order[: summary.removed]] = True
    return Ranking(order, harm, removed)
