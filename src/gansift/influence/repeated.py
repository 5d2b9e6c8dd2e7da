"""Repeated removal: remove a few, redo the training without them, score what is left afresh, and go on.

One ranking by exact scores overestimates its own extremes: effects aimed at the tail do not add up. Fresh scores know
what has gone already. They are fitted to one model's training even more closely than a single ranking's, and belong to
different trainings, so what comes out is an order of removal, not a prediction.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace

import torch

from gansift.errors import GansiftError
from gansift.influence.baselines.ranking import present, ranked
from gansift.influence.horizon import checked_horizon
from gansift.influence.itd import Progress, itd, itd_horizons
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.train import redo
from gansift.training.trajectory import Run

_log = logging.getLogger(__name__)

_NAME = "itd-repeated"
#: Rounds of scoring; in each the same number of examples goes.
ROUNDS = 4
# Of the examples, how many have gone after all rounds.
_UP_TO = 0.1


def itd_repeated(run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None) -> Scores:
    """Rank examples by the round of removal in which they go, and within a round by exact scores.

    The 2.5 % with the most harmful scores (`itd`) go first; the last ``horizon`` steps are redone without them, the
    rest is scored in that training, and so on until 10 % have gone. All others follow by the last scores. Each round
    costs a retraining and a sweep of the horizon. Called like every estimator
    (`gansift.influence.estimator.Function`).

    Raises:
        UsageError, GansiftError, ReplayError: as `itd`, for the run itself. A retraining that breaks down, or whose
            sweep overflows, ends the rounds with a warning.
    """
    chosen = checked_horizon(run, horizon)
    return _repeated(run, metric, itd(run, metric, chosen, progress), progress)


def itd_repeated_horizons(
    run: Run, metric: Metric, horizons: Collection[int], progress: Progress | None = None
) -> dict[int, Scores]:
    """The scores of several horizons; only their first round shares one sweep. See `itd_repeated`."""
    return {
        horizon: _repeated(run, metric, scores, progress)
        for horizon, scores in itd_horizons(run, metric, horizons, progress).items()
    }


def _repeated(run: Run, metric: Metric, first: Scores, progress: Progress | None) -> Scores:
    rows = present(run).tolist()
    each = max(1, round(_UP_TO * len(rows) / ROUNDS))
    order = _by_harm(first, rows)
    for gone in range(each, ROUNDS * each, each):
        try:
            scores = _without(run, metric, order[:gone], first.horizon, progress)
        except GansiftError as error:
            _log.warning("%s stays with the scores after %d removals: %s", _NAME, gone - each, error)
            break
        order[gone:] = _by_harm(scores, order[gone:])
    place = {row: float(-number) for number, row in enumerate(order)}
    harm = torch.tensor([place[row] for row in rows])
    return replace(ranked(run, metric, first.horizon, _NAME, harm), growth=first.growth)


def _by_harm(scores: Scores, rows: list[int]) -> list[int]:
    harm = scores.harm
    return sorted(rows, key=lambda row: -harm[row])


def _without(run: Run, metric: Metric, removed: list[int], horizon: int, progress: Progress | None) -> Scores:
    """Scores in the run whose last steps are redone without some examples."""
    weights = run.weights.clone()
    weights[removed] = 0
    return itd(redo(run, weights, horizon), metric, horizon, progress)
