"""The jobs behind the question of new models: looks at the scored trainings, and fresh ones without what they name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gansift.catalogue import ROLLING
from gansift.cleansing.retraining import Harmful, Ids, Random, Removal, ScoresOf
from gansift.files import read_json, write_sealed_json
from gansift.influence.groups import Group
from gansift.metrics import Replicates
from gansift.progress import Tick
from gansift.workflow.config import parse_estimators
from gansift.workflow.cost import Cost
from gansift.workflow.directory import RunDirectory
from gansift.workflow.jobs import Job, SeedJob
from gansift.workflow.plan import Plan
from gansift.workflow.seed import Seed

#: The training with everything, beside which all others are judged.
NOTHING = Ids(())


@dataclass(frozen=True)
class Look(SeedJob):
    """Look at every example in windows all through one scored training.

    Attributes:
        scored: how many seeds are, among which the validation data are shared out.
    """

    scored: int
    stage = "score"

    def __str__(self) -> str:
        return f"scoring seed {self.seed} all through its training"

    def paths(self, directory: RunDirectory) -> list[Path]:
        """The looks by each metric."""
        return [directory.looks(self.seed, metric, self.scored) for metric in self.metrics]

    def cost(self, directory: RunDirectory, plan: Plan) -> Cost:
        """A sweep of the whole run for each metric; its windows add up to no more."""
        return Cost(swept=(("itd", (plan.steps,)),) * len(self.metrics), scores=len(self.metrics))

    def _run(self, seed: Seed, tick: Tick) -> None:
        seed.look(self.metrics, self.scored, tick)


@dataclass(frozen=True)
class Rank(SeedJob):
    """Score every example by another estimator, with which the choice is compared.

    Attributes:
        estimator: its name.
        horizon: steps of the whole run, which is what examples are removed from.
    """

    estimator: str
    horizon: int
    stage = "score"

    def __str__(self) -> str:
        return f"ranking by {self.estimator}"

    def paths(self, directory: RunDirectory) -> list[Path]:
        """The scores by each metric, or why there are none."""
        asked = [(self.seed, metric, self.estimator, self.horizon) for metric in self.metrics]
        return [missing if (missing := directory.unscored(*one)).exists() else directory.scores(*one) for one in asked]

    def cost(self, directory: RunDirectory, plan: Plan) -> Cost:
        """What the estimator takes for each metric."""
        return Cost(swept=((self.estimator, (self.horizon,)),) * len(self.metrics), scores=len(self.metrics))

    def _run(self, seed: Seed, tick: Tick) -> None:
        seed.rank(self.estimator, self.metrics, tick)


@dataclass(frozen=True)
class FromScratch(SeedJob):
    """Train a fresh seed from scratch without each of several sets of examples, and measure every metric.

    Attributes:
        removals: the sets, in the order in which they are stacked.
        stage: that it is done for, which makes it no other job.
    """

    removals: tuple[Removal, ...]
    stage: str = field(default="cleanse", compare=False)

    def __str__(self) -> str:
        return f"training seed {self.seed} from scratch without each of {len(self.removals)} sets of examples"

    @property
    def needs(self) -> tuple[Job, ...]:
        """The looks and rankings that say what to remove; the seed itself need not be trained."""
        by = dict.fromkeys(by for removal in self.removals for by in removal.needs)
        return tuple(
            Look(seed, (one.metric,), len(one.seeds))
            if one.estimator == ROLLING
            else Rank(seed, (one.metric,), one.estimator, one.horizon)
            for one in by
            for seed in one.seeds
        )

    def paths(self, directory: RunDirectory) -> list[Path]:
        """The values of each metric; the digest tells what they are of."""
        digest = hashlib.sha256(repr(self.removals).encode()).hexdigest()[:16]
        return [directory.from_scratch(self.seed, metric, digest) for metric in self.metrics]

    def cost(self, directory: RunDirectory, plan: Plan) -> Cost:
        """The trainings, with the values of what they give."""
        count = len(self.removals)
        return Cost(values=count * len(self.metrics), replicas=count, redone=plan.steps)

    def found(self, directory: RunDirectory, metric: str) -> list[dict[str, Any]]:
        """One row for each removal, see `Seed.train_from_scratch`; nothing before it is done."""
        path = self.paths(directory)[self.metrics.index(metric)]
        return read_json(path) if path.exists() else []

    def _run(self, seed: Seed, tick: Tick) -> None:
        paths = dict(zip(self.metrics, self.paths(seed.directory), strict=True))
        missing = [metric for metric, path in paths.items() if not path.exists()]
        for metric, rows in seed.train_from_scratch(self.removals, missing, tick).items():
            write_sealed_json(paths[metric], rows)


def scores_of(plan: Plan) -> ScoresOf:
    """The scores that the choice rests on: the mean over all windows of all scored seeds."""
    return ScoresOf(plan.metric, ROLLING, plan.steps, tuple(plan.seeds))


def choosing(plan: Plan) -> list[FromScratch]:
    """Trying all numbers to remove, each beside as many at random, on the seeds that choose."""
    harmful = [Harmful(scores_of(plan), count) for count in plan.counts]
    controls = [Random(removal, plan.steps) for removal in harmful]
    return [FromScratch(seed, plan.metrics, (NOTHING, *harmful, *controls)) for seed in plan.choosing]


def rankings(plan: Plan) -> list[Rank]:
    """Ranking by the other estimators, on the first scored seed."""
    names = [name for name in parse_estimators(plan.config.baselines) if name != "random"]
    return [Rank(plan.main, plan.metrics, name, plan.steps) for name in names]


def judging(
    directory: RunDirectory, plan: Plan, chosen: Ids | Harmful, groups: Sequence[Group], classes: bool
) -> list[FromScratch]:
    """Judging a choice on further seeds: beside as many at random, other ways to choose, and whole groups.

    Args:
        directory: of the run, in which rankings are done; an estimate is made before.
        plan: of the run.
        chosen: the examples to remove.
        groups: of which the effect is to be proved.
        classes: whether examples have classes, so that a control can have those of the choice.
    """
    controls = [Random(chosen, plan.steps), *([Random(chosen, plan.steps, balanced=True)] if classes else [])]
    others = [
        Harmful(ScoresOf(plan.metric, rank.estimator, plan.steps, (rank.seed,)), chosen.count)
        for rank in rankings(plan)
        # One that does not fit the game has none; one that is not tried yet is counted with.
        if not rank.done(directory) or directory.scores(rank.seed, plan.metric, rank.estimator, plan.steps).exists()
    ]
    whole = [Ids(group.ids) for group in groups]
    removals: tuple[Removal, ...] = (NOTHING, chosen, *controls, *others, *whole)
    return [FromScratch(seed, plan.metrics, removals, "verify") for seed in plan.judging]


def measured(row: dict[str, Any], split: str) -> Replicates | None:
    """The value of a row on one split with its replicates; None where the training broke down."""
    value = row[split]
    if value is None:
        return None
    return Replicates(value["value"], tuple(value["without_examples"]), tuple(value["without_latents"]))
