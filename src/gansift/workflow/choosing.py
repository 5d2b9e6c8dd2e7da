"""What all seeds' trials choose."""

from __future__ import annotations

from gansift.cleansing.choose import Cells, choose, complete_cells, strongest
from gansift.cleansing.trial import Cell, Trial
from gansift.workflow.config import Way
from gansift.workflow.directory import RunDirectory
from gansift.workflow.jobs import pipeline, trial
from gansift.workflow.plan import Plan


def is_cleansed(directory: RunDirectory, plan: Plan) -> bool:
    """Whether every seed was measured and has tried removals at every horizon for which it has scores."""
    return all(directory.values(seed, plan.metric).exists() for seed in plan.seeds) and all(
        job.done(directory) for job in pipeline(plan, "cleanse") if job.stage != "train"
    )


def read_trials(directory: RunDirectory, plan: Plan) -> list[Trial]:
    """The finished trials of all seeds, but for those whose retraining broke down."""
    return [one for seed in plan.seeds for horizon in plan.horizons for one in _trials(directory, plan, seed, horizon)]


def _trials(directory: RunDirectory, plan: Plan, seed: int, horizon: int) -> list[Trial]:
    rows = trial(plan, seed, horizon).rows(directory, plan.metric)
    count = len(rows) // 2
    trials = []
    for harmful, control in zip(rows[:count], rows[count:], strict=True):
        changes = [row[split] for row in (harmful, control) for split in ("validation", "test")]
        if None not in changes:
            trials.append(Trial(seed, horizon, harmful["removed"], harmful["predicted"], *changes))
    return trials


def chosen_cell(directory: RunDirectory, plan: Plan, direction: str) -> Cell | None:
    """The cell that all seeds' trials choose on validation data; None if nothing is chosen.

    Args:
        directory: of the run.
        plan: of it.
        direction: of the metric, ``lower`` or ``higher``.
    """
    return choice(complete_cells(read_trials(directory, plan), len(plan.seeds)), direction, plan.way)


def choice(cells: Cells, direction: str, way: Way) -> Cell | None:
    """The cell that a way of cleansing settles on: none if removal does not help, unless a person decided on it."""
    return choose(cells, direction) if way.decided is None else strongest(cells, direction)
