"""What improves models that are trained anew: the whole question, from the first training to the verdict.

Trainings are scored all through (`influence.rolling`), fresh ones choose how many examples to remove, and further fresh
ones judge exactly those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gansift.catalogue import ROLLING
from gansift.cleansing.crossed import Crossed, crossed
from gansift.cleansing.new_models import Judgement, Values, change_of, chosen_count, judge_removal
from gansift.cleansing.retraining import Harmful, Ids
from gansift.errors import UsageError
from gansift.influence.combine import CombinedScores, combine
from gansift.influence.groups import Group, GroupEffect, group_effects
from gansift.influence.looks import Looks
from gansift.influence.scores import Scores
from gansift.named import suggestion
from gansift.workflow.directory import RunDirectory
from gansift.workflow.from_scratch import (
    FromScratch,
    choosing,
    judging,
    measured,
    rankings,
    scores_of,
)
from gansift.workflow.job_tasks import Do
from gansift.workflow.jobs import Job
from gansift.workflow.kinds import audited_groups, kinds_of
from gansift.workflow.place import Place
from gansift.workflow.plan import Plan
from gansift.workflow.together import scorings, trainings

#: The way to choose of a person who named kinds to remove.
GROUPS = "groups"

# Groups whose removal is tried for real.
_PROVED = 3


def jobs_until(plan: Plan, last: str) -> list[Job]:
    """The jobs that are known before anything is chosen, up to the stage ``last``."""
    jobs = trainings(plan)
    if last != "train":
        jobs += scorings(plan)
    if last in ("cleanse", "verify"):
        jobs += [*_choosing(plan), *rankings(plan)]
    return jobs


def _choosing(plan: Plan) -> list[FromScratch]:
    """The jobs that choose a number; none where a person said what is to be removed."""
    return [] if plan.config.remove_groups else choosing(plan)


def work(directory: RunDirectory, place: Place, plan: Plan, last: str, do: Do) -> None:
    """Do everything up to the stage ``last`` that is not done yet.

    Raises:
        UsageError: for a kind to remove that does not exist.
    """
    found = Study(directory, place, plan)
    _ = found.asked  # what cannot be removed is refused before anything is trained
    do(trainings(plan), f"train {len(plan.seeds)} seeds")
    if last == "train":
        return
    do(scorings(plan), f"score {len(plan.seeds)} seeds")
    if last == "score":
        return
    do([*_choosing(plan), *rankings(plan)], f"choose on {len(plan.choosing)} fresh seeds")
    if found.chosen is not None:
        do(found.judging, f"judge on {len(plan.judging)} fresh seeds")


@dataclass(frozen=True)
class Arm:
    """One way to choose as many examples, judged.

    Attributes:
        name: of the estimator, or ``groups``, ``random`` or ``random-balanced``.
        validation: the change on validation data, None where no seed went through.
        test: that on test data.
    """

    name: str
    validation: Crossed | None
    test: Crossed | None


@dataclass(frozen=True)
class Study:
    """What the jobs found, as far as they are done.

    Attributes:
        directory: of the run.
        place: data, metrics and configuration.
        plan: of the run.
    """

    directory: RunDirectory
    place: Place
    plan: Plan

    @cached_property
    def looks(self) -> list[Looks]:
        """Of every scored seed."""
        seeds = self.plan.seeds
        return [Looks.read(self.directory.looks(seed, self.plan.metric, len(seeds))) for seed in seeds]

    @cached_property
    def scores(self) -> CombinedScores:
        """The mean over all looks."""
        return combine(self.looks)

    @cached_property
    def kinds(self) -> list[GroupEffect]:
        """Every kind of examples with its predicted effect, the most harmful first."""
        effects = group_effects(self.looks, kinds_of(self.place))
        return sorted(effects, key=lambda effect: effect.predicted * self._sign, reverse=True)

    @property
    def _sign(self) -> int:
        """By which a change for the better is positive."""
        return -1 if self.place.validation.direction == "lower" else 1

    @cached_property
    def asked(self) -> list[Group]:
        """The kinds that a person asked to remove whole; none in most runs.

        Raises:
            UsageError: for a kind that there is not.
        """
        names = [name.strip() for name in (self.plan.config.remove_groups or "").split(",") if name.strip()]
        if not names:
            return []
        kinds = {group.name: group for group in (*kinds_of(self.place), *audited_groups(self.directory.audits))}
        for name in names:
            if name not in kinds:
                raise UsageError(
                    f"--remove-groups: there is no kind {name!r}{suggestion(name, kinds)}; there are "
                    f"{', '.join(kinds) or 'none'}"
                )
        return [kinds[name] for name in names]

    @cached_property
    def tried(self) -> dict[int, tuple[Crossed | None, Crossed | None]]:
        """For each number of examples the change on validation data, and that of as many at random."""
        rows = self._rows(_choosing(self.plan), "validation")
        counts = self.plan.counts
        if not rows:
            return {}
        return {
            count: (change_of(rows[1 + place], rows[0]), change_of(rows[1 + place + len(counts)], rows[0]))
            for place, count in enumerate(counts)
        }

    @property
    def predicted(self) -> dict[int, float]:
        """For each number of examples the sum of their scores."""
        return {count: self.scores.harmful(count).sum() for count in self.plan.counts}

    @cached_property
    def chosen(self) -> Ids | Harmful | None:
        """What is judged: kinds that were asked for, or the number that the choosing seeds choose; None for none."""
        if self.asked:
            named = {identity for group in self.asked for identity in group.ids}
            return Ids(tuple(identity for identity in self.scores.ids if identity in named))
        changes = {count: change for count, (change, _) in self.tried.items()}
        count = chosen_count(changes, self.place.validation.direction)
        return None if count is None else Harmful(scores_of(self.plan), count)

    @property
    def chosen_scores(self) -> Scores:
        """The scores of the examples that are judged."""
        assert self.chosen is not None
        if isinstance(self.chosen, Harmful):
            return self.scores.harmful(self.chosen.count)
        return self.scores[[self.scores.rows[identity] for identity in self.chosen.ids]]

    @property
    def is_finished(self) -> bool:
        """Whether everything is done that the verdict rests on."""
        first = all(job.done(self.directory) for job in jobs_until(self.plan, "cleanse"))
        return first and (self.chosen is None or all(job.done(self.directory) for job in self.judging))

    @cached_property
    def proved(self) -> list[Group]:
        """The most harmful kinds, as far as their harm is sure, whose removal is tried for real."""
        sure = [
            effect.group
            for effect in self.kinds
            if effect.ci95 is not None and min(self._sign * end for end in effect.ci95) > 0
        ]
        return sure[:_PROVED]

    @cached_property
    def judging(self) -> list[FromScratch]:
        """The jobs that judge the choice."""
        assert self.chosen is not None
        return judging(self.directory, self.plan, self.chosen, self.proved, self._classes)

    @property
    def _classes(self) -> bool:
        return any(
            part.labels is not None and not part.labels.is_floating_point() for part in self.place.train.values()
        )

    def judgement(self, split: str) -> Judgement | None:
        """What the judging seeds say of the choice; None without one, or if no seed went through."""
        if self.chosen is None:
            return None
        rows = self.judged(split)
        return judge_removal(rows[0], rows[1], rows[2])

    def judged(self, split: str) -> list[Values]:
        """The values of every judging seed: with everything, without the choice, without as many at random, and so on.

        The rows have the `arm_names`, and those of the `proved` kinds are the last.
        """
        return self._rows(self.judging, split)

    @property
    def arm_names(self) -> list[str]:
        """What each row of `judged` is without: ``random``, or the name of what chose it; empty for other rows."""
        names = [removal_name(removal) for removal in self.judging[0].removals]
        names[1] = ROLLING if isinstance(self.chosen, Harmful) else GROUPS
        return names

    @cached_property
    def arms(self) -> list[Arm]:
        """The choice beside other ways to choose as many examples, on the judging seeds."""
        if self.chosen is None:
            return []
        validation, test = (self.judged(split) for split in ("validation", "test"))
        return [
            Arm(name, change_of(validation[row], validation[0]), change_of(test[row], test[0]))
            for row, name in enumerate(self.arm_names)
            if name
        ]

    @cached_property
    def proofs(self) -> dict[str, Crossed | None]:
        """For each kind whose removal was tried, what that changed on test data."""
        if self.chosen is None or not self.proved:
            return {}
        rows = self.judged("test")
        first = len(rows) - len(self.proved)
        return {group.name: change_of(rows[first + place], rows[0]) for place, group in enumerate(self.proved)}

    def kept(self, split: str) -> float | None:
        """The mean value with everything kept over the choosing seeds; None where they are not trained."""
        rows = self._rows(_choosing(self.plan), split)
        values = [value for value in rows[0] if value is not None] if rows else []
        return crossed(values).mean if values else None

    def values(self, split: str) -> list[list[float | None]]:
        """For every judging seed the values with everything, without the choice, and without as many at random."""
        rows = self.judged(split)[:3]
        return [[None if value is None else value.value for value in of_seed] for of_seed in zip(*rows, strict=True)]

    def _rows(self, jobs: Sequence[FromScratch], split: str) -> list[Values]:
        """For each removal its values by seed; nothing before all jobs are done."""
        found = [job.found(self.directory, self.plan.metric) for job in jobs]
        if not found or not all(found):
            return []
        return [[measured(of_seed[row], split) for of_seed in found] for row in range(len(jobs[0].removals))]


def removal_name(removal: Any) -> str:
    """What a chart calls a way to choose: an estimator or ``random``; empty for what is no such way."""
    by = getattr(removal, "by", None)
    if by is not None:
        return str(by.estimator)
    if hasattr(removal, "like"):
        return "random-balanced" if removal.balanced else "random"
    return ""
