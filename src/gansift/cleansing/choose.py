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
    low, high = change.ci95 or (change.mean, change.mean)
    return high < 0 if direction == "lower" else low > 0


def choose(trials: Sequence[Trial], direction: str) -> Cell | None:
    """The cell with the best mean validation change over the seeds, or None if removal does not help.

    Only cells count whose 95 % interval over the seeds excludes no change. Test values are never looked at.

    Args:
        trials: of every seed and cell.
        direction: of the metric, ``lower`` or ``higher``.
    """
    sign = -1 if direction == "lower" else 1
    changes = {
        cell: mean_interval([trial.validation for trial in of_cell]) for cell, of_cell in by_cell(trials).items()
    }
    helping = [cell for cell, change in changes.items() if is_better(change, direction)]
    return max(helping, key=lambda cell: sign * changes[cell].mean, default=None)
