"""How far back scores can be believed, as a few retrainings tell: the backward sweep alone may be too generous."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gansift.cleansing.replicas import Done
from gansift.cleansing.retraining import changes
from gansift.cleansing.verify import FEWEST, judge, planned_removals
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run

#: Retrainings of one horizon.
CHECKED = 12
#: The rank correlation of scores and retrainings from which a horizon is believed. With twelve retrainings scores whose
#: true correlation is 0.2 reach it in one of forty cases, and those of 0.9 in eleven of twelve. (From 0.5 on, one in
#: seven of the first would pass, and in `benchmarks/checked.py` one did.)
LEAST = 0.7

_SHARE = 0.02


@dataclass(frozen=True)
class Check:
    """What retraining said of the scores of one horizon.

    Attributes:
        horizon: in steps.
        count: of retrainings.
        removed: examples in each.
        spearman: rank correlation of what scores predicted and what came; None where nearly every retraining broke
            down, or all came out alike.
        holds: whether that is enough to believe them.
    """

    horizon: int
    count: int
    removed: int
    spearman: float | None
    holds: bool


def checked(run: Run, scores: Mapping[int, Scores], metric: Metric, done: Done | None = None) -> list[Check]:
    """Retrain without a few random sets of 2 % of the examples, from the longest horizon down until scores rank them.

    Where networks are small the retrainings of one horizon are stacked, and take little more than one of them.

    Args:
        run: a recorded run.
        scores: of it, by horizon.
        metric: that of the scores.
        done: called with the number of training steps redone.

    Returns:
        A check of each horizon that was tried, the longest first; only the last one may hold.

    Raises:
        UsageError: if scores and run do not belong together.
    """
    removed = max(1, round(_SHARE * len(run.ids)))
    count = min(CHECKED, len(run.ids)) if removed == 1 else CHECKED
    checks = []
    for horizon in sorted(scores, reverse=True):
        found = _spearman(run, scores[horizon], metric, count, removed, done)
        checks.append(Check(horizon, count, removed, found, found is not None and found >= LEAST))
        if checks[-1].holds:
            break
    return checks


def _spearman(run: Run, scores: Scores, metric: Metric, count: int, removed: int, done: Done | None) -> float | None:
    removals = planned_removals([run], [scores], metric, count, removed)
    true = [change for (change,) in changes(run, removals, scores.horizon, [metric], done=done)]
    if sum(map(math.isfinite, true)) < FEWEST:
        return None
    found = judge([scores], removals, [true], scores.horizon).agreement.spearman.value
    return found if math.isfinite(found) else None
