"""Verification in a run directory: scores against retraining, one file for each comparison, and the report's share."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gansift.cleansing.agreement import Statistic
from gansift.cleansing.verify import Verification, judge, planned_removals
from gansift.files import read_json, write_json
from gansift.influence.estimators import ranks_only
from gansift.influence.scores import Scores
from gansift.training.trajectory import Run
from gansift.workflow.build import Workplace
from gansift.workflow.config import Config, known
from gansift.workflow.directory import RunDirectory
from gansift.workflow.jobs import Job, Retrain, retrainings

# Of the training examples, in each removal by which `gansift run` verifies its own scores.
_SHARE = 0.02
# Removals of which anything can be said.
_FEWEST = 3


@dataclass(frozen=True)
class Planned:
    """A verification that is to be done, or read if it is done already.

    Attributes:
        path: where it is written down.
        runs: of the seeds to retrain; one for the truth of one model, several for what is to be expected.
        scores: of every run.
        removals: the ids removed together in each retraining.
        jobs: the retrainings, for every run in the order of the removals.
    """

    path: Path
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
            true = [[change for job in of_run for change in job.changes(directory)] for of_run in self.jobs]
            found = judge(self.scores, self.removals, true, self.scores[0].horizon)
            write_json(self.path, _entry(found, self.runs, len(self.removals[0])))
        return read_json(self.path)


def planned(
    directory: RunDirectory, place: Workplace, runs: Sequence[Run], scores: Sequence[Scores], count: int, removed: int
) -> Planned:
    """The verification of scores against ``count`` retrainings without ``removed`` random examples each.

    Raises:
        UsageError: as `cleansing.verify`.
    """
    removals = planned_removals(runs, scores, place.validation, count, removed)
    horizon = scores[0].horizon
    jobs = [retrainings(run, run.step.settings.seed, horizon, removals) for run in runs]
    return Planned(_path(directory, scores, count, removed), runs, scores, removals, jobs)


def planned_itself(directory: RunDirectory, place: Workplace, run: Run, scores: Scores) -> Planned | None:
    """What `gansift run` verifies unasked: the main seed's scores against random removals of 2 %; None for nothing."""
    count, removed = own_removals(place.config, len(scores))
    return planned(directory, place, [run], [scores], count, removed) if count else None


def own_removals(config: Config, examples: int) -> tuple[int, int]:
    """How many random removals `gansift run` verifies its scores by, 0 for none, and the examples in each."""
    removed = max(1, round(_SHARE * examples))
    # Of few examples, single ones: no more than there are.
    count = min(known(config.verify), examples) if removed == 1 else known(config.verify)
    return (count if count >= _FEWEST else 0), removed


def has_verified_itself(directory: RunDirectory, config: Config, estimator: str, horizon: int, examples: int) -> bool:
    """Whether what `gansift run` verifies unasked is written down."""
    return any(directory.verifications.glob(f"{_name(estimator, horizon, *own_removals(config, examples), 1)}-*.json"))


def read_verifications(directory: RunDirectory, estimator: str) -> list[dict[str, Any]]:
    """All that was verified so far, the scores of ``estimator`` first, then by horizon."""
    entries = [read_json(path) for path in sorted(directory.verifications.glob("*.json"))]
    return sorted(entries, key=lambda entry: (entry["estimator"] != estimator, entry["estimator"], entry["horizon"]))


def _path(directory: RunDirectory, scores: Sequence[Scores], count: int, removed: int) -> Path:
    """Named after what is verified; the hash tells score files of one estimator apart."""
    first = scores[0]
    digest = hashlib.sha256(b"".join(of_run.values.tobytes() for of_run in scores)).hexdigest()[:8]
    name = _name(first.estimator, first.horizon, count, removed, len(scores))
    return directory.verifications / f"{name}-{digest}.json"


def _name(estimator: str, horizon: int, count: int, removed: int, seeds: int) -> str:
    return f"{estimator}-{horizon}-{count}x{removed}-seeds-{seeds}"


def _entry(found: Verification, runs: Sequence[Run], removed: int) -> dict[str, Any]:
    statistics = {
        name: None if value is None else _statistic(value) for name, value in found.agreement._asdict().items()
    }
    if ranks_only(found.estimator):
        statistics["slope"] = None
    return {
        "estimator": found.estimator,
        "horizon": found.horizon,
        "epochs": round(found.horizon / runs[0].epoch, 2),
        "kind": "leave-one-out" if removed == 1 else "subsets",
        "removed": removed,
        "count": len(found.removals),
        "seeds": len(runs),
        "truth": "same-seed" if len(runs) == 1 else "expected",
        **statistics,
        "ceiling": None if found.ceiling is None else {"value": found.ceiling, "ci95": None},
        "predicted": found.predicted.tolist(),
        "true": found.true.mean(axis=0).tolist(),
        "removals": [list(ids) for ids in found.removals],
    }


def _statistic(statistic: Statistic) -> dict[str, Any]:
    value = statistic.value
    return {"value": value if math.isfinite(value) else None, "ci95": statistic.ci95 and list(statistic.ci95)}
