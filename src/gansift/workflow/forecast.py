"""What a run is expected to take: measured on this machine, counted, and set beside what there is."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from gansift.cleansing.retraining import Harmful
from gansift.cleansing.trial import Cell
from gansift.workflow.choosing import chosen_cell, is_cleansed
from gansift.workflow.config import Config
from gansift.workflow.cost import ToDo
from gansift.workflow.directory import RunDirectory
from gansift.workflow.estimate import estimate, total
from gansift.workflow.from_scratch import FromScratch, judging, scores_of
from gansift.workflow.jobs import at_once, comparison, to_do
from gansift.workflow.machine import available_memory, free_disk
from gansift.workflow.measure import Told, measure
from gansift.workflow.new_models import Study
from gansift.workflow.opening import opened
from gansift.workflow.pipelines import jobs_until
from gansift.workflow.place import Place, check_scorable, place_of
from gansift.workflow.plan import Plan
from gansift.workflow.request import Request
from gansift.workflow.stages import resolved
from gansift.workflow.states import sizes
from gansift.workflow.verification import still_to_verify


def placed(asked: Request | Config, directory: RunDirectory | None) -> Place:
    """Data, system and configuration of what is asked for, or of a run directory.

    Raises:
        UsageError, TrainingError, DataError: as `prepare`; UsageError also for a differentially private training, of
            which there is nothing to estimate but that.
    """
    if not isinstance(asked, Config):
        place = resolved(asked)
    else:
        place = place_of(asked) if directory is None else opened(directory, asked)
    check_scorable(place)
    return place


def left_to_do(directory: RunDirectory, place: Place) -> tuple[list[ToDo], list[ToDo]]:
    """What is left until removals are tried, and what is left once all are, because it takes the choice."""
    plan = place.plan()
    return to_do(directory, plan, jobs_until(plan, "cleanse")), after_choice(directory, plan, place, sizes(place).stack)


def estimated(place: Place, directory: RunDirectory | None, told: Told = lambda what, step: None) -> dict[str, Any]:
    """What a run takes by stage, all of it, or what is left to do in a run directory; and what there is for it.

    Args:
        place: of what is asked for, see `placed`.
        directory: of a run.
        told: called while it is measured, see `measure`.

    Returns:
        ``stages`` and ``total`` (see `workflow.estimate.Row`; seconds and bytes), ``jobs``, ``available`` (bytes of
        ``memory``, None where unknown, and ``disk``), and whether it ``fits``.

    Raises:
        GansiftError: for what would stop the run at once.
    """
    place = replace(place, config=replace(place.config, jobs=at_once(place.plan(), "verify")))
    plan, of_states = place.plan(), sizes(place)
    with TemporaryDirectory() as empty:
        before, after = left_to_do(directory or RunDirectory(Path(empty)), place)
    rows = estimate(plan.config, of_states, measure(plan, place, told), before, after)
    everything = total(rows)
    memory, disk = available_memory(), free_disk(directory.root if directory else Path())
    return {
        "stages": [asdict(row) for row in rows],
        "total": asdict(everything),
        "jobs": plan.config.jobs,
        "available": {"memory": memory, "disk": disk},
        "fits": everything.disk <= disk and (memory is None or everything.memory <= memory),
    }


def after_choice(directory: RunDirectory, plan: Plan, place: Place, stack: int) -> list[ToDo]:
    """What is left of the stage `verify`; until something can be chosen, for a choice at the mean of the horizons."""
    if plan.way.new_models:
        return to_do(directory, plan, _judging(directory, plan, place))
    cell: Cell | None = Cell(round(fmean(plan.horizons)), 0)
    if is_cleansed(directory, plan):
        cell = chosen_cell(directory, plan, place.validation.direction)
    comparisons = [] if cell is None else [comparison(plan, seed, cell) for seed in plan.seeds]
    paths = {
        horizon: directory.scores(plan.main, plan.metric, plan.way.estimator, horizon) for horizon in plan.horizons
    }
    scored = [horizon for horizon, path in paths.items() if path.exists()]
    horizon = max(scored or plan.horizons) if cell is None else cell.horizon
    return to_do(directory, plan, comparisons) + still_to_verify(directory, plan, horizon, stack)


def _judging(directory: RunDirectory, plan: Plan, place: Place) -> list[FromScratch]:
    """The jobs that judge the choice; until something can be chosen, any choice."""
    if not all(job.done(directory) for job in jobs_until(plan, "cleanse")):
        classes = any(part.labels is not None for part in place.train.values())
        return judging(directory, plan, Harmful(scores_of(plan), plan.counts[0]), (), classes)
    study = Study(directory, place, plan)
    return [] if study.chosen is None else study.judging
