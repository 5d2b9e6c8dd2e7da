"""Verification in a run directory: scores against retraining, one file for each comparison, and the report's share."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gansift.cleansing.agreement import Statistic
from gansift.cleansing.verify import Verification, verify
from gansift.files import read_json, write_json
from gansift.influence.estimators import RANKINGS
from gansift.influence.scores import Scores
from gansift.training.trajectory import Run
from gansift.workflow.build import Workplace
from gansift.workflow.config import Config, known
from gansift.workflow.directory import RunDirectory

# Of the training examples, in each removal by which `gansift run` verifies its own scores.
_SHARE = 0.02
# Removals of which anything can be said.
_FEWEST = 3


def verify_scores(
    directory: RunDirectory,
    place: Workplace,
    runs: Sequence[Run],
    scores: Sequence[Scores],
    count: int,
    removed: int,
    tick: Callable[[float], None],
) -> dict[str, Any]:
    """Verify scores against retraining and write down what was found; read it if it is there already.

    Args:
        directory: of the run.
        place: data and metrics.
        runs: of the seeds to retrain; one for the truth of one model, several for what is to be expected.
        scores: of every run.
        count: random removals.
        removed: examples in each.
        tick: called with the number of steps redone.

    Returns:
        An entry of ``verification`` in ``report.json``.

    Raises:
        UsageError, GansiftError: as `cleansing.verify`.
    """
    path = _path(directory, scores, count, removed)
    if not path.exists():
        found = verify(
            runs, scores, place.validation, count=count, removed=removed, done=lambda steps: tick(float(steps))
        )
        write_json(path, _entry(found, runs, removed))
    return read_json(path)


def verify_itself(
    directory: RunDirectory, place: Workplace, run: Run, scores: Scores, tick: Callable[[float], None]
) -> None:
    """What `gansift run` verifies unasked: the main seed's scores against random removals of 2 %."""
    count, removed = own_removals(place.config, len(scores))
    if count:
        verify_scores(directory, place, [run], [scores], count, removed, tick)


def own_removals(config: Config, examples: int) -> tuple[int, int]:
    """How many random removals `gansift run` verifies its scores by, 0 for none, and the examples in each."""
    removed = max(1, round(_SHARE * examples))
    # Of few examples, single ones: no more than there are.
    count = min(known(config.verify), examples) if removed == 1 else known(config.verify)
    return (count if count >= _FEWEST else 0), removed


def has_verified(directory: RunDirectory, estimator: str) -> bool:
    """Whether scores of an estimator have been verified in any way."""
    return any(directory.verifications.glob(f"{estimator}-*.json"))


def read_verifications(directory: RunDirectory, estimator: str) -> list[dict[str, Any]]:
    """All that was verified so far, the scores of ``estimator`` first, then by horizon."""
    entries = [read_json(path) for path in sorted(directory.verifications.glob("*.json"))]
    return sorted(entries, key=lambda entry: (entry["estimator"] != estimator, entry["estimator"], entry["horizon"]))


def _path(directory: RunDirectory, scores: Sequence[Scores], count: int, removed: int) -> Path:
    """Named after what is verified; the hash tells score files of one estimator apart."""
    first = scores[0]
    digest = hashlib.sha256(b"".join(of_run.values.tobytes() for of_run in scores)).hexdigest()[:8]
    name = f"{first.estimator}-{first.horizon}-{count}x{removed}-seeds-{len(scores)}-{digest}"
    return directory.verifications / f"{name}.json"


def _entry(found: Verification, runs: Sequence[Run], removed: int) -> dict[str, Any]:
    statistics = {
        name: None if value is None else _statistic(value) for name, value in found.agreement._asdict().items()
    }
    if found.estimator in RANKINGS:
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
