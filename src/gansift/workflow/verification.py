"""Verification in a run directory: scores against retraining, one file for each comparison, and the report's share."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gansift.cleansing.agreement import Statistic
from gansift.cleansing.replicas import stack_size
from gansift.cleansing.verify import Verification, judge, planned_removals
from gansift.files import read_json, write_sealed_json
from gansift.influence.estimators import ranks_only
from gansift.influence.scores import Scores
from gansift.training.trajectory import Run
from gansift.workflow.cost import ToDo
from gansift.workflow.directory import RunDirectory
from gansift.workflow.jobs import Job, Retrain, retrainings, to_do
from gansift.workflow.plan import Plan
from gansift.workflow.seed import Seed


@dataclass(frozen=True)
class Planned:
    """A verification that is to be done, or read if it is done already.

    Attributes:
        path: the file in which the verification is written down.
        metric: the key of the metric whose scores are verified.
        runs: the runs of the seeds to retrain; one for the truth of one model, several for what is to be expected.
        scores: the scores of every run.
        removals: the ids that are removed together in each retraining.
        jobs: the retrainings of every run, in the order of the removals.
    """

    path: Path
    metric: str
    runs: Sequence[Run]
    scores: Sequence[Scores]
    removals: Sequence[tuple[str, ...]]
    jobs: Sequence[Sequence[Retrain]]

    @property
    def to_do(self) -> list[Job]:
        """The jobs of all runs."""
        return [job for of_run in self.jobs for job in of_run]

    def conclude(self, directory: RunDirectory) -> dict[str, Any]:
        """Write down what was found, once the jobs are done.

        Returns:
            An entry of ``verification`` in ``report.json``.

        Raises:
            GansiftError: if nearly every retraining broke down.
        """
        if not self.path.exists():
            verification = judge(self.scores, self.removals, self._true(directory), self.scores[0].horizon)
            write_sealed_json(self.path, _entry(verification, self.runs, len(self.removals[0])))
        return read_json(self.path)

    def _true(self, directory: RunDirectory) -> list[list[float]]:
        rows = [[row for job in of_run for row in job.rows(directory, self.metric)] for of_run in self.jobs]
        changes = [[row["validation"] for row in of_run] for of_run in rows]
        return [[math.nan if change is None else change for change in of_run] for of_run in changes]


def planned(seeds: Sequence[Seed], scores: Sequence[Scores], count: int, removed: int) -> Planned:
    """The verification of scores against ``count`` retrainings without ``removed`` random examples each.

    Args:
        seeds: to retrain.
        scores: of every seed, by the metric that is asked about.
        count: of retrainings.
        removed: examples in each.

    Raises:
        UsageError: as `cleansing.verify`.
    """
    place, directory, runs = seeds[0].place, seeds[0].directory, [seed.run for seed in seeds]
    removals = planned_removals(runs, scores, place.validation, count, removed)
    jobs = [
        retrainings(seed.number, place.asked, scores[0].horizon, removals, stack_size(seed.run.step)) for seed in seeds
    ]
    name = _name(place.asked, scores[0].estimator, scores[0].horizon, (count, removed), len(scores))
    # The hash tells score files of one estimator apart.
    digest = hashlib.sha256(b"".join(of_run.values.tobytes() for of_run in scores)).hexdigest()[:8]
    return Planned(directory.verifications / f"{name}-{digest}.json", place.asked, runs, scores, removals, jobs)


def planned_itself(seed: Seed, scores: Scores) -> Planned | None:
    """What `gansift run` verifies unasked: a seed's scores against random removals of 2 %; None for nothing."""
    count, removed = seed.plan.verified
    return planned([seed], [scores], count, removed) if count else None


def still_to_verify(directory: RunDirectory, plan: Plan, horizon: int, stack: int) -> list[ToDo]:
    """What is left of what `gansift run` verifies unasked, before it is drawn which examples are removed."""
    count, removed = plan.verified
    name = _name(plan.metric, plan.way.estimator, horizon, (count, removed), 1)
    if any(directory.verifications.glob(f"{name}-*.json")):
        return []
    unknown = [("",) * removed] * count
    return to_do(directory, plan, retrainings(plan.main, plan.metric, horizon, unknown, stack))


def read_verifications(directory: RunDirectory, plan: Plan) -> list[dict[str, Any]]:
    """All that was verified of a metric so far, the scores of the plan's estimator first, then by horizon."""
    estimator = plan.way.estimator
    entries = [read_json(path) for path in sorted(directory.verifications.glob(f"{plan.metric}-*.json"))]
    return sorted(entries, key=lambda entry: (entry["estimator"] != estimator, entry["estimator"], entry["horizon"]))


def _name(metric: str, estimator: str, horizon: int, removals: tuple[int, int], seeds: int) -> str:
    """Named after what is verified."""
    return f"{metric}-{estimator}-{horizon}-{removals[0]}x{removals[1]}-seeds-{seeds}"


def statistics(verification: Verification) -> dict[str, Any]:
    """How well predictions and truth agree, and the ceiling, each as JSON holds it; None for what means nothing."""
    found = {
        name: None if value is None else _statistic(value) for name, value in verification.agreement._asdict().items()
    }
    if ranks_only(verification.estimator):
        found["slope"] = None
    ceiling = verification.ceiling
    return {**found, "ceiling": None if ceiling is None else {"value": ceiling, "ci95": None}}


def _entry(verification: Verification, runs: Sequence[Run], removed: int) -> dict[str, Any]:
    return {
        "estimator": verification.estimator,
        "horizon": verification.horizon,
        "epochs": round(verification.horizon / runs[0].epoch, 2),
        "kind": "leave-one-out" if removed == 1 else "subsets",
        "removed": removed,
        "count": len(verification.removals),
        "seeds": len(runs),
        "truth": "same-seed" if len(runs) == 1 else "expected",
        **statistics(verification),
        "predicted": verification.predicted.tolist(),
        "true": verification.true.mean(axis=0).tolist(),
        "removals": [list(ids) for ids in verification.removals],
    }


def _statistic(statistic: Statistic) -> dict[str, Any]:
    return {"value": finite(statistic.value), "ci95": statistic.ci95 and list(statistic.ci95)}


def finite(value: float) -> float | None:
    """A number as JSON holds it: None for one that is not defined."""
    return value if math.isfinite(value) else None
