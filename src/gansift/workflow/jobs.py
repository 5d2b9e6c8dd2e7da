"""The jobs of a run: small descriptions of work that any process can do, each with a file that vouches for it."""

from __future__ import annotations

import hashlib
import json
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from gansift.cleansing.replicas import stack_size
from gansift.cleansing.trial import Cell
from gansift.cleansing.verify import true_changes
from gansift.files import read_json, write_json
from gansift.influence.estimators import ESTIMATORS
from gansift.training.checkpoints import DiskCheckpoints
from gansift.training.trajectory import Run
from gansift.workflow.build import Workplace
from gansift.workflow.config import Config, Way, known
from gansift.workflow.directory import RunDirectory
from gansift.workflow.progress import Tick
from gansift.workflow.seeds import (
    SWEEP,
    compare_seed,
    comparison_work,
    plan,
    score_seed,
    train_seed,
    trial_work,
    try_removals,
    values_of_seed,
)

# Removals in one job of a verification: few, so that little is lost with a worker.
_REMOVALS = 5


@dataclass(frozen=True)
class Job(ABC):
    """A piece of work on one seed. It is pickled to other processes, and says nothing of where it is done.

    Attributes:
        seed: training seed.
        stage: ``train``, ``score``, ``cleanse`` or ``verify``.
    """

    seed: int
    stage: ClassVar[str]

    @property
    def needs(self) -> tuple[Job, ...]:
        """The jobs whose results this one reads."""
        return (Train(self.seed),)

    @abstractmethod
    def path(self, directory: RunDirectory) -> Path:
        """The file that is there, whole, once the job is done."""

    def done(self, directory: RunDirectory) -> bool:
        """Whether there is nothing left to do."""
        return self.path(directory).exists()

    @abstractmethod
    def work(self, directory: RunDirectory, config: Config, examples: int) -> float:
        """What there is to do if it is not done, in training steps, for ``examples`` training examples."""

    def run(self, directory: RunDirectory, place: Workplace, tick: Tick) -> None:
        """Do it, and write the file."""
        self._run(directory, place, train_seed(directory, place, self.seed, tick), tick)

    @abstractmethod
    def _run(self, directory: RunDirectory, place: Workplace, run: Run, tick: Tick) -> None: ...


@dataclass(frozen=True)
class Train(Job):
    """Train one seed and measure its generator."""

    stage = "train"

    def __str__(self) -> str:
        return f"training seed {self.seed}"

    @property
    def needs(self) -> tuple[Job, ...]:
        """Nothing."""
        return ()

    def path(self, directory: RunDirectory) -> Path:
        """The metric's values, measured last."""
        return directory.values(self.seed)

    def done(self, directory: RunDirectory) -> bool:
        """Whether it is measured, and its states, which all other jobs read, were not deleted since."""
        return super().done(directory) and directory.checkpoints(self.seed).exists()

    def work(self, directory: RunDirectory, config: Config, examples: int) -> float:
        """The steps after the last checkpoint."""
        done = DiskCheckpoints(directory.checkpoints(self.seed)).numbers()
        return known(config.steps) - max(done, default=0)

    def _run(self, directory: RunDirectory, place: Workplace, run: Run, tick: Tick) -> None:
        values_of_seed(directory, place, run, self.seed)


@dataclass(frozen=True)
class Score(Job):
    """Score every example by one estimator, for all horizons: one sweep passes all of them."""

    estimator: str
    stage = "score"

    def __str__(self) -> str:
        return f"scoring seed {self.seed} by {self.estimator}"

    def path(self, directory: RunDirectory) -> Path:
        """The adjoint's growth, written last."""
        return directory.growth(self.seed, self.estimator)

    def work(self, directory: RunDirectory, config: Config, examples: int) -> float:
        """The sweep."""
        return SWEEP * ESTIMATORS[self.estimator].steps_swept(plan(config, examples)[0])

    def _run(self, directory: RunDirectory, place: Workplace, run: Run, tick: Tick) -> None:
        score_seed(directory, place, run, self.seed, self.estimator, tick)


@dataclass(frozen=True)
class Try(Job):
    """Try all numbers to remove at one horizon."""

    horizon: int
    way: Way
    stage = "cleanse"

    def __str__(self) -> str:
        return f"trying removals from seed {self.seed} over {self.horizon} steps"

    @property
    def needs(self) -> tuple[Job, ...]:
        """The scores, which say what to remove."""
        return (Score(self.seed, self.way.estimator),)

    def path(self, directory: RunDirectory) -> Path:
        """The trials."""
        return directory.trials(self.seed, self.horizon, self.way)

    def done(self, directory: RunDirectory) -> bool:
        """Whether it is tried, or the seed was scored and has no scores at this horizon."""
        return super().done(directory) or (
            all(need.done(directory) for need in self.needs)
            and not directory.has_scores(self.seed, self.way.estimator, self.horizon)
        )

    def work(self, directory: RunDirectory, config: Config, examples: int) -> float:
        """The retrainings."""
        return trial_work(config, self.way, self.horizon, examples)

    def _run(self, directory: RunDirectory, place: Workplace, run: Run, tick: Tick) -> None:
        try_removals(directory, place, run, self.seed, self.horizon, self.way, tick)


@dataclass(frozen=True)
class Compare(Job):
    """Remove what other estimators call most harmful, at the chosen cell."""

    cell: Cell
    way: Way
    stage = "verify"

    def __str__(self) -> str:
        return f"comparing other estimators on seed {self.seed}"

    def path(self, directory: RunDirectory) -> Path:
        """What the others gave."""
        return directory.compared(self.seed, self.cell, self.way)

    def work(self, directory: RunDirectory, config: Config, examples: int) -> float:
        """The others' sweeps and retrainings."""
        return comparison_work(config, self.way, self.cell)

    def _run(self, directory: RunDirectory, place: Workplace, run: Run, tick: Tick) -> None:
        compare_seed(directory, place, run, self.seed, self.cell, self.way, tick)


@dataclass(frozen=True)
class Retrain(Job):
    """Retrain without each of several sets of examples and measure the change, to verify scores of any origin."""

    horizon: int
    removals: tuple[tuple[str, ...], ...]
    stage = "verify"

    def __str__(self) -> str:
        return f"retraining seed {self.seed} over {self.horizon} steps without random examples"

    def path(self, directory: RunDirectory) -> Path:
        """The changes; the hash tells which removals they are of."""
        digest = hashlib.sha256(json.dumps(self.removals).encode()).hexdigest()[:16]
        return directory.retrained(self.seed, self.horizon, digest)

    def changes(self, directory: RunDirectory) -> list[float]:
        """What was found, one change of the validation metric for each removal; NaN where a retraining broke down."""
        return [math.nan if change is None else change for change in read_json(self.path(directory))]

    def work(self, directory: RunDirectory, config: Config, examples: int) -> float:
        """The retrainings."""
        return float(self.horizon * len(self.removals))

    def _run(self, directory: RunDirectory, place: Workplace, run: Run, tick: Tick) -> None:
        found = true_changes(run, place.validation, self.removals, self.horizon, done=lambda steps: tick(float(steps)))
        write_json(self.path(directory), [None if math.isnan(change) else change for change in found])


def pipeline(config: Config, way: Way, last: str, examples: int) -> list[Job]:
    """The jobs of all seeds up to the stage ``last``: ``train``, ``score`` or ``cleanse``.

    What others wait for comes first, and the longest trials before the shorter ones, so that no long work is left for
    the end.
    """
    horizons, _ = plan(config, examples)
    seeds = range(known(config.seeds))
    jobs: list[Job] = [Train(seed) for seed in seeds]
    if last != "train":
        jobs += [Score(seed, way.estimator) for seed in seeds]
    if last == "cleanse":
        jobs += [Try(seed, horizon, way) for horizon in reversed(horizons) for seed in seeds]
    return jobs


def at_once(config: Config, way: Way, last: str, examples: int) -> int:
    """How many jobs are done at the same time up to the stage ``last``, which may be ``verify``."""
    # Training and scoring of a seed follow one another; its trials and retrainings do not.
    most = known(config.seeds) if last in ("train", "score") else len(pipeline(config, way, "cleanse", examples))
    return min(config.jobs or os.cpu_count() or 1, most)


def removals_in_a_job(stack: int) -> int:
    """How many removals one job retrains without, where ``stack`` retrainings are trained together."""
    return stack * math.ceil(_REMOVALS / stack)


def retrainings(run: Run, seed: int, horizon: int, removals: Sequence[tuple[str, ...]]) -> list[Retrain]:
    """The jobs that retrain one seed without each of ``removals``, in their order.

    They are cut where stacks of retrainings end, so that the numbers are those of one process.
    """
    size = removals_in_a_job(stack_size(run.step))
    return [Retrain(seed, horizon, tuple(removals[first : first + size])) for first in range(0, len(removals), size)]
