"""The choice of horizon and number to remove, on validation data alone."""

from __future__ import annotations

from collections.abc import Sequence

from gansift.cleansing.statistics import Interval, mean_interval
from gansift.cleansing.trial import Cell, Trial


def by_cell(trials: Sequence[Trial]) -> dict[Cell, list[Trial]]:
    """Trials of all seeds, by cell, in the order of seeds."""
    cells: dict[Cell, list[Trial]] = {}
    for trial in sorted(trials, key=lambda trial: (trial.horizon, trial.removed, trial.seed)):
        cells.setdefault(Cell(trial.horizon, trial.removed), []).append(trial)
    return cells


def is_better(change: Interval, direction: str) -> bool:
    """Whether a change is for the better with 95 % confidence (by its sign alone where there is no interval)."""
    return cautious_gain(change, direction) > 0


def cautious_gain(change: Interval, direction: str) -> float:
    """By how much the metric gets better at the least, at the cautious end of the interval; negative if it may not."""
    low, high = change.ci95 or (change.mean, change.mean)
    return -high if direction == "lower" else low


def choose(trials: Sequence[Trial], direction: str) -> Cell | None:
    """The cell whose gain on validation data is the largest that can be relied on, or None if removal does not help.

    What is compared is the cautious end of each cell's 95 % interval over the seeds, not its mean: among many cells the
    best mean belongs too often to one that a lucky seed carried. A cell helps if its interval excludes no change. Test
    values are never looked at.

    Args:
        trials: of every seed and cell.
        direction: of the metric, ``lower`` or ``higher``.
    """
    gains = {
        cell: cautious_gain(mean_interval([trial.validation for trial in of_cell]), direction)
        for cell, of_cell in by_cell(trials).items()
    }
    best = max(gains, key=lambda cell: gains[cell], default=None)
    return best if best is not None and gains[best] > 0 else None
