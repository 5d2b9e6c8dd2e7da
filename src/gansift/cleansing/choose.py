"""The choice of horizon and number to remove, on validation data alone, and its judges: seeds that did not choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gansift.cleansing.statistics import Interval, mean_interval, prediction_interval
from gansift.cleansing.trial import Cell, Trial

#: The trials of every cell that all seeds have tried, in the order of seeds.
Cells = Mapping[Cell, Sequence[Trial]]


def complete_cells(trials: Sequence[Trial], seeds: int) -> dict[Cell, list[Trial]]:
    """Trials by cell, ordered by seed; a cell that fewer than ``seeds`` seeds have tried is left out.

    A seed lacks a trial where its derivatives overflow or its retraining breaks down. A mean over the seeds that are
    left would be one over those that happened to go well.
    """
    cells: dict[Cell, list[Trial]] = {}
    for trial in sorted(trials, key=lambda trial: (trial.horizon, trial.removed, trial.seed)):
        cells.setdefault(Cell(trial.horizon, trial.removed), []).append(trial)
    return {cell: of_cell for cell, of_cell in cells.items() if len(of_cell) == seeds}


def is_better(change: Interval, direction: str) -> bool:
    """Whether a change is for the better with 95 % confidence; never without an interval."""
    return change.ci95 is not None and _cautious_gain(change, direction) > 0


def _cautious_gain(change: Interval, direction: str) -> float:
    """By how much the metric gets better at the least: at the cautious end of the interval, or the mean without one."""
    low, high = change.ci95 or (change.mean, change.mean)
    return -high if direction == "lower" else low


def choose(cells: Cells, direction: str) -> Cell | None:
    """The cell whose gain on validation data can be relied on most, or None if removal does not help.

    A removal is carried out on one model, so what is compared is the gain that one further seed may expect at the
    least: the cautious end of each cell's 95 % prediction interval. The best mean over seeds belongs too often to a
    cell that a lucky seed carried. A cell helps if the 95 % interval of its mean excludes no change. Test values are
    never looked at. With one seed there are no intervals, and the best change is taken.

    Args:
        cells: as from `complete_cells`.
        direction: of the metric, ``lower`` or ``higher``.
    """
    best = strongest(cells, direction)
    if best is None:
        return None
    mean = mean_interval([trial.validation for trial in cells[best]])
    return best if _cautious_gain(mean, direction) > 0 else None


def cross_fitted(cells: Cells, direction: str) -> list[Trial]:
    """For every seed its trial of the cell that the *other* seeds would choose.

    The best of many cells looks better than it is, also on test data, since both metrics see the same retrained
    generators. A seed that had no part in the choice is free of that bias; the mean over these trials is an honest
    estimate of what the choice gains. With one seed there is no other, and its own best cell is returned.

    Args:
        cells: as from `complete_cells`; at least one.
        direction: of the metric, ``lower`` or ``higher``.
    """
    seeds = len(next(iter(cells.values())))
    judged = []
    for seed in range(seeds):
        others = {
            cell: [trial for row, trial in enumerate(of_cell) if row != seed or seeds == 1]
            for cell, of_cell in cells.items()
        }
        cell = strongest(others, direction)
        assert cell is not None
        judged.append(cells[cell][seed])
    return judged


def strongest(cells: Cells, direction: str) -> Cell | None:
    """The cell whose gain on validation data one further seed can rely on most, if only as the smallest loss.

    None if there are no cells.
    """
    return max(cells, key=lambda cell: _expected_gain(cells[cell], direction), default=None)


def _expected_gain(trials: Sequence[Trial], direction: str) -> float:
    return _cautious_gain(prediction_interval([trial.validation for trial in trials]), direction)
