"""A first estimate, within seconds: what there is to do, counted in training steps, at the pace of one that was timed.

It takes a step for all there is, and seeds that are trained in one stack for as slow as they are alone: the run takes
less, or about as long. `workflow.forecast` measures every part.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch

from gansift.report.words import duration
from gansift.workflow.cost import ToDo
from gansift.workflow.directory import RunDirectory
from gansift.workflow.estimate import Piece, makespan
from gansift.workflow.forecast import left_to_do
from gansift.workflow.jobs import at_once
from gansift.workflow.place import Place
from gansift.workflow.states import step_of

# Examples in the batch whose step is timed first: as many as layers that look at groups of a batch take.
_FEW = 8
# Steps that are timed, and the seconds after which no further one is begun, nor a whole batch timed, too.
_STEPS = 3
_PATIENCE = 1.0


class Rough(NamedTuple):
    """A first estimate.

    Attributes:
        seconds: on the clock, for all that is left.
        step: seconds of one training step.
        jobs: how many are done at the same time.
        timed: the training steps from which that is known.
    """

    seconds: float
    step: float
    jobs: int
    timed: str = "one training step"

    def __str__(self) -> str:
        jobs = f"{self.jobs} job{'s' if self.jobs > 1 else ''} at a time"
        return f"about {duration(self.seconds)} with {jobs}, from {self.timed} ({self.step:.2g} s)"


def rough(place: Place, directory: RunDirectory | None = None, step: float | None = None) -> Rough:
    """How long a run would take, or what is left of it in a run directory.

    Args:
        place: of the run.
        directory: of the run, if there is one.
        step: seconds of a training step, where they are known from many; else one is timed.
    """
    place = replace(place, config=replace(place.config, jobs=at_once(place.plan(), "verify")))
    told = {} if step is None else {"timed": "training steps with all jobs at work"}
    step = step_seconds(place) if step is None else step
    with TemporaryDirectory() as empty:
        before, after = left_to_do(directory or RunDirectory(Path(empty)), place)
    jobs = place.config.job_count
    return Rough(sum(_clock(part, step, jobs) for part in (before, after)), step, jobs, **told)


def _clock(left: list[ToDo], step: float, jobs: int) -> float:
    return makespan([Piece(one.stage, one.cost.work * step, one.needs) for one in left], jobs)


def step_seconds(place: Place) -> float:
    """Seconds of one training step; a long one is told from a batch of few examples."""
    whole = place.config.batch
    few = min(_FEW, whole)
    seconds = _timed(place, few) * whole / few
    return seconds if seconds > _PATIENCE or few == whole else _timed(place, whole)


def _timed(place: Place, batch: int) -> float:
    """Seconds of the quickest of a few steps: the first pays for what is set up once, and others wait for a core."""
    step = step_of(replace(place, config=replace(place.config, batch=batch)))
    weights = torch.ones(len(step.ids), dtype=step.dtype, device=place.config.device)
    state = step(step.initial(), 0, weights)
    seconds: list[float] = []
    while len(seconds) < _STEPS and sum(seconds) < _PATIENCE:
        start = time.perf_counter()
        state = step(state, 1 + len(seconds), weights)
        seconds.append(time.perf_counter() - start)
    return min(seconds)
