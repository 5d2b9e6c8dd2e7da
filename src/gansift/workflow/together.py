"""The same work on several seeds of a small game at once: they are trained, and looked at, in one stack."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gansift.progress import Tick
from gansift.workflow.cost import Cost
from gansift.workflow.directory import RunDirectory
from gansift.workflow.from_scratch import Look
from gansift.workflow.jobs import Job, Train
from gansift.workflow.place import Place
from gansift.workflow.plan import Plan
from gansift.workflow.seed import Seed, look_together, train_together


@dataclass(frozen=True)
class Together(Job):
    """Jobs of one kind on several seeds, each of which leaves what it leaves alone, but for rounding.

    Attributes:
        others: the further seeds.
    """

    others: tuple[int, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """All of them."""
        return (self.seed, *self.others)

    @property
    @abstractmethod
    def each(self) -> Sequence[Job]:
        """The job of each seed."""

    @property
    def needs(self) -> tuple[Job, ...]:
        """What any of them needs."""
        return tuple(dict.fromkeys(need for job in self.each for need in job.needs))

    def paths(self, directory: RunDirectory) -> list[Path]:
        """The files of all."""
        return [path for job in self.each for path in job.paths(directory)]

    def gives(self, need: Job) -> bool:
        """Whether one of them does what another job is to do."""
        return self == need or any(job.gives(need) for job in self.each)

    def cost(self, directory: RunDirectory, plan: Plan) -> Cost:
        """What they take one by one, with the number of them: done together, a step of each takes less."""
        costs = [job.cost(directory, plan) for job in self.each if not job.done(directory)]
        return Cost(
            steps=sum(cost.steps for cost in costs),
            saved=sum(cost.saved for cost in costs),
            loaded=sum(cost.loaded for cost in costs),
            values=sum(cost.values for cost in costs),
            swept=tuple(one for cost in costs for one in cost.swept),
            scores=sum(cost.scores for cost in costs),
            together=len(self.seeds),
        )

    def _opened(self, directory: RunDirectory, place: Place) -> list[Seed]:
        return [Seed(directory, place, seed) for seed in self.seeds]


@dataclass(frozen=True)
class TrainTogether(Together):
    """Train several seeds in one stack and measure what was trained."""

    stage = "train"

    def __str__(self) -> str:
        return f"training seeds {_listed(self.seeds)}"

    @property
    def each(self) -> list[Train]:
        """Training each seed."""
        return [Train(seed, self.metrics) for seed in self.seeds]

    def run(self, directory: RunDirectory, place: Place, tick: Tick) -> None:
        """Do it, and write the files."""
        seeds = self._opened(directory, place)
        train_together(seeds, tick)
        for seed in seeds:
            for metric in self.metrics:
                seed.values(metric)


@dataclass(frozen=True)
class LookTogether(Together):
    """Look at every example in windows all through several trainings.

    Attributes:
        scored: how many seeds are, among which the validation data are shared out.
    """

    scored: int
    stage = "score"

    def __str__(self) -> str:
        return f"scoring seeds {_listed(self.seeds)} all through their trainings"

    @property
    def each(self) -> list[Look]:
        """The looks of each seed."""
        return [Look(seed, self.metrics, self.scored) for seed in self.seeds]

    def run(self, directory: RunDirectory, place: Place, tick: Tick) -> None:
        """Do it, and write the files."""
        look_together(self._opened(directory, place), self.metrics, self.scored, tick)


def trainings(plan: Plan) -> list[Job]:
    """Training the seeds that are scored."""
    return [
        TrainTogether(first, plan.metrics, tuple(others)) if others else Train(first, plan.metrics)
        for first, *others in plan.stacks
    ]


def scorings(plan: Plan) -> list[Job]:
    """Looking at them."""
    scored = len(plan.seeds)
    return [
        LookTogether(first, plan.metrics, tuple(others), scored) if others else Look(first, plan.metrics, scored)
        for first, *others in plan.stacks
    ]


def _listed(seeds: Sequence[int]) -> str:
    return f"{', '.join(map(str, seeds[:-1]))} and {seeds[-1]}"
