"""The jobs of a run: small descriptions of work that any process can do, each with its files, needs and cost."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gansift.cleansing.checked import CHECKED
from gansift.cleansing.retraining import Harmful, Ids, Random, Removal, ScoresOf
from gansift.cleansing.trial import Cell
from gansift.files import read_json, write_sealed_json
from gansift.influence.estimators import ESTIMATORS, sweeps
from gansift.progress import Tick
from gansift.spread.executors import side_by_side
from gansift.training.checkpoints import DiskCheckpoints
from gansift.workflow.config import AUTO
from gansift.workflow.cost import Cost, ToDo
from gansift.workflow.directory import RunDirectory
from gansift.workflow.place import Place
from gansift.workflow.plan import Plan
from gansift.workflow.seed import Seed
from gansift.workflow.states import recorded

# Removals in one job of a verification: few, so that little is lost with a worker.
_REMOVALS = 5


@dataclass(frozen=True)
class Job(ABC):
    """A piece of work. It is pickled to other processes, and says nothing of where it is done.

    Attributes:
        seed: the training seed; of several the first.
        metrics: the keys of the metrics that the work is done for.
    """

    seed: int
    metrics: tuple[str, ...]

    @property
    @abstractmethod
    def stage(self) -> str:
        """``train``, ``score``, ``cleanse`` or ``verify``."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """All training seeds that it works on."""
        return (self.seed,)

    @property
    def needs(self) -> tuple[Job, ...]:
        """The jobs whose results this one reads."""
        return (Train(self.seed, self.metrics),)

    @abstractmethod
    def paths(self, directory: RunDirectory) -> list[Path]:
        """The files that are there, whole, once the job is done."""

    def done(self, directory: RunDirectory) -> bool:
        """Whether there is nothing left to do."""
        return all(path.exists() for path in self.paths(directory))

    @abstractmethod
    def cost(self, directory: RunDirectory, plan: Plan) -> Cost:
        """What there is to do if it is not done."""

    def gives(self, need: Job) -> bool:
        """Whether it does what another one is to do, perhaps for more metrics."""
        return replace(self, metrics=need.metrics) == need and set(self.metrics) >= set(need.metrics)

    @abstractmethod
    def run(self, directory: RunDirectory, place: Place, tick: Tick) -> None:
        """Do it, and write the files."""


@dataclass(frozen=True)
class SeedJob(Job):
    """A piece of work on one seed."""

    def run(self, directory: RunDirectory, place: Place, tick: Tick) -> None:
        """Do it, and write the files."""
        self._run(Seed(directory, place, self.seed), tick)

    @abstractmethod
    def _run(self, seed: Seed, tick: Tick) -> None: ...


@dataclass(frozen=True)
class Train(SeedJob):
    """Train one seed and measure what was trained."""

    stage = "train"

    def __str__(self) -> str:
        return f"training seed {self.seed}"

    @property
    def needs(self) -> tuple[Job, ...]:
        """Nothing."""
        return ()

    def paths(self, directory: RunDirectory) -> list[Path]:
        """The metrics' values, measured last, and the states, which all other jobs read."""
        return [*(directory.values(self.seed, metric) for metric in self.metrics), directory.checkpoints(self.seed)]

    def cost(self, directory: RunDirectory, plan: Plan) -> Cost:
        """The steps after the last checkpoint; of every metric two values."""
        left = plan.steps - max(DiskCheckpoints(directory.checkpoints(self.seed)).numbers(), default=0)
        return Cost(steps=left, saved=recorded(plan.steps, left), loaded=2, values=2 * len(self.metrics))

    def _run(self, seed: Seed, tick: Tick) -> None:
        seed.run = seed.train(tick)
        for metric in self.metrics:
            seed.values(metric)


@dataclass(frozen=True)
class Score(SeedJob):
    """Score every example by one estimator, for several metrics and horizons: one sweep passes all of them.

    Attributes:
        estimator: the name of the estimator.
        horizons: the horizons, in steps.
    """

    estimator: str
    horizons: tuple[int, ...]
    stage = "score"

    def __str__(self) -> str:
        return f"scoring seed {self.seed} by {self.estimator}"

    def paths(self, directory: RunDirectory) -> list[Path]:
        """The adjoint's growth; and of every horizon the scores, or why there are none."""
        growths = [directory.growth(self.seed, metric, self.estimator) for metric in self.metrics]
        asked = [(self.seed, metric, self.estimator, horizon) for metric in self.metrics for horizon in self.horizons]
        tried = [missing if (missing := directory.unscored(*one)).exists() else directory.scores(*one) for one in asked]
        return growths + tried

    def gives(self, need: Job) -> bool:
        """Whether it scores what another one is to score, perhaps for more metrics and horizons."""
        return (
            isinstance(need, Score)
            and set(self.horizons) >= set(need.horizons)
            and Job.gives(replace(self, horizons=need.horizons), need)
        )

    def cost(self, directory: RunDirectory, plan: Plan) -> Cost:
        """The sweeps, and what they leave; with ``auto`` the retrainings, too, that check the longest horizon."""
        count, horizons = len(self.metrics), self.horizons
        checks = count * CHECKED if plan.config.horizons.strip() == AUTO and sweeps(self.estimator) else 0
        return Cost(
            swept=((self.estimator, horizons),) * (1 if ESTIMATORS[self.estimator].joint else count),
            scores=count * len(horizons),
            growth=count * max(horizons) if sweeps(self.estimator) else 0,
            replicas=checks,
            redone=max(horizons) if checks else 0,
        )

    def _run(self, seed: Seed, tick: Tick) -> None:
        seed.score(self.estimator, self.metrics, self.horizons, tick)


@dataclass(frozen=True)
class Retrain(SeedJob):
    """Retrain without each of several sets of examples, and measure what that does to every metric.

    Attributes:
        horizon: the number of last steps to redo.
        removals: the sets of examples, in the order in which they are stacked.
        stage: the stage that the work is done for, which makes it no other job.
    """

    horizon: int
    removals: tuple[Removal, ...]
    stage: str = field(default="cleanse", compare=False)

    def __str__(self) -> str:
        return f"retraining seed {self.seed} over {self.horizon} steps without {len(self.removals)} sets of examples"

    @property
    def needs(self) -> tuple[Job, ...]:
        """The training, and the scores that say what to remove, of this or of other seeds."""
        scores = {Score(seed, (by.metric,), by.estimator, (by.horizon,)): None for by in self._by for seed in by.seeds}
        return (*super().needs, *scores)

    def paths(self, directory: RunDirectory) -> list[Path]:
        """The changes of each metric; the digest tells what they are of."""
        digest = hashlib.sha256(repr(self.removals).encode()).hexdigest()[:16]
        return [directory.retrained(self.seed, metric, self.horizon, digest) for metric in self.metrics]

    def done(self, directory: RunDirectory) -> bool:
        """Whether it is retrained, or cannot be: all seeds are scored, and one has no scores at this horizon."""
        return super().done(directory) or (
            any(
                directory.unscored(seed, by.metric, by.estimator, by.horizon).exists()
                for by in self._by
                for seed in by.seeds
            )
            and all(need.done(directory) for need in self.needs)
        )

    def cost(self, directory: RunDirectory, plan: Plan) -> Cost:
        """The retrainings, with the values of what they give, and the sweeps for scores that nobody keeps."""
        count = len(self.removals)
        return Cost(
            values=count * len(self.metrics),
            swept=tuple(
                (removal.by.estimator, (removal.by.horizon,))
                for removal in self.removals
                if isinstance(removal, Harmful) and removal.optional
            ),
            replicas=count,
            redone=self.horizon,
            listed=sum(removal.count for removal in self.removals if isinstance(removal, Ids)),
        )

    def rows(self, directory: RunDirectory, metric: str) -> list[dict[str, Any]]:
        """What it did to a metric, one row for each removal (see `Seed.retrain`); nothing where it cannot be done."""
        path = self.paths(directory)[self.metrics.index(metric)]
        return read_json(path) if path.exists() else []

    @property
    def _by(self) -> list[ScoresOf]:
        return list(dict.fromkeys(by for removal in self.removals for by in removal.needs))

    def _run(self, seed: Seed, tick: Tick) -> None:
        paths = dict(zip(self.metrics, self.paths(seed.directory), strict=True))
        missing = [metric for metric, path in paths.items() if not path.exists()]
        for metric, rows in seed.retrain(self.horizon, self.removals, missing, tick).items():
            write_sealed_json(paths[metric], rows)


def trial(plan: Plan, seed: int, horizon: int) -> Retrain:
    """The job that tries all numbers to remove at one horizon: the most harmful, then as many at random."""
    among = None if plan.way.decided is None else plan.way.decided.digest
    by = ScoresOf(plan.metric, plan.way.estimator, horizon, (seed,), among)
    harmful = [Harmful(by, count) for count in plan.counts]
    controls = [Random(removal, horizon) for removal in harmful]
    return Retrain(seed, plan.metrics, plan.redone(horizon), (*harmful, *controls))


def comparison(plan: Plan, seed: int, cell: Cell) -> Retrain:
    """The job that removes what other estimators call most harmful, at the chosen cell."""
    removals = tuple(
        Harmful(ScoresOf(plan.metric, estimator, cell.horizon, (seed,)), cell.removed, optional=True)
        for estimator in plan.compared
    )
    return Retrain(seed, plan.metrics, plan.redone(cell.horizon), removals, "verify")


def retrainings(seed: int, metric: str, horizon: int, removals: Sequence[tuple[str, ...]], stack: int) -> list[Retrain]:
    """The jobs that retrain a seed without each of ``removals``, in their order, to verify scores of any origin.

    They are cut where stacks of retrainings end, ``stack`` in each, so that the numbers are those of one process.
    """
    size = stack * math.ceil(_REMOVALS / stack)
    named = [Ids(tuple(ids)) for ids in removals]
    return [
        Retrain(seed, (metric,), horizon, tuple(named[first : first + size]), "verify")
        for first in range(0, len(named), size)
    ]


def pipeline(plan: Plan, last: str) -> list[Job]:
    """The jobs of all seeds up to the stage ``last``: ``train``, ``score`` or ``cleanse``.

    What others wait for comes first, and the longest trials before the shorter ones, so that no long work is left for
    the end.
    """
    jobs: list[Job] = [Train(seed, plan.metrics) for seed in plan.seeds]
    if last != "train":
        jobs += [Score(seed, plan.metrics, plan.way.estimator, tuple(plan.horizons)) for seed in plan.seeds]
    if last == "cleanse":
        jobs += [trial(plan, seed, horizon) for horizon in reversed(plan.horizons) for seed in plan.seeds]
    return jobs


def at_once(plan: Plan, last: str) -> int:
    """How many jobs are done at the same time up to the stage ``last``, which may be ``verify``."""
    # Training and scoring of a seed follow one another; its trials and retrainings do not.
    if last in ("train", "score"):
        most = len(plan.seeds)
    elif plan.way.new_models:
        most = max(len(plan.seeds), len(plan.choosing), len(plan.judging))
    else:
        most = len(pipeline(plan, "cleanse"))
    return side_by_side(plan.config.jobs, most)


def to_do(directory: RunDirectory, plan: Plan, jobs: Sequence[Job]) -> list[ToDo]:
    """What is left of these jobs, in their order."""
    left = [job for job in jobs if not job.done(directory)]
    rows: dict[tuple[str, int], list[int]] = {}  # what gives a need is of its stage and has its seed
    for row, job in enumerate(left):
        for seed in job.seeds:
            rows.setdefault((job.stage, seed), []).append(row)

    def before(job: Job) -> tuple[int, ...]:
        found = {
            row for need in job.needs for row in rows.get((need.stage, need.seed), ()) if left[row].gives(need)
        }  # fmt: skip
        return tuple(sorted(found))

    return [ToDo(job.stage, job.cost(directory, plan), before(job)) for job in left]
