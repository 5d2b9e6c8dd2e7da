"""Self-influence: what training on an example does to its own score, without retraining."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
from torch import Tensor

from gansift.games import Game
from gansift.games.parameters import Net
from gansift.influence.baselines.ranking import batch_of, check_own_scores, scores
from gansift.influence.estimator import Estimator
from gansift.influence.horizon import checked_horizon
from gansift.influence.itd import Progress, itd_metrics
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.metrics.net_metric import NetMetric
from gansift.metrics.own_score import own_scores
from gansift.training.memory import state_bytes
from gansift.training.trajectory import Run

_NAME = "self-influence"
# Bytes that the adjoints of all examples in one sweep may take.
_HELD = 128 * 2**20


def self_influence(run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None) -> Scores:
    """Score examples by what their own weight does to their own score (`metrics.own_score`), the most exposed first.

    With s_i the own score of example i, and w_i its weight in the last K steps, `Scores.harm` is w_i ds_i / dw_i: what
    the example owes to its being trained on, as far as one step tells. It is exact; the sweep is that of `itd` with a
    metric for every example, as many at a time as fit into memory. ``metric`` gives scores their sign and name, no
    more. Called like every estimator (`gansift.influence.estimator.Function`).

    Copies stand in for one another, so that each alone owes little to itself. Those that are the same number for number
    are scored together, by what their weights do to the own score of each; those that are nearly the same are not.

    Raises:
        UsageError: if the horizon is not in the run, the game has several data sets, or it says nothing of an example.
        GansiftError: if the sweep overflows.
        ReplayError: if a replayed state differs from the recorded one.
    """
    chosen = checked_horizon(run, horizon)
    return self_influence_horizons(run, metric, [chosen], progress)[chosen]


def self_influence_horizons(
    run: Run, metric: Metric, horizons: Collection[int], progress: Progress | None = None
) -> dict[int, Scores]:
    """The scores of several horizons; see `self_influence`."""
    check_own_scores(run, _NAME)
    size = state_bytes(run.state(run.steps)) + 8 * len(run.ids)
    chunks = torch.arange(len(run.ids)).split(max(1, _HELD // size))
    (x,) = run.step.x.values()
    same = torch.unique(x.flatten(1), dim=0, return_inverse=True)[1].cpu().numpy()
    values: dict[int, list[float]] = {horizon: [] for horizon in horizons}
    wildest: dict[int, Scores] = {}
    for number, rows in enumerate(chunks):
        own = [NetMetric(_Own(run, row), name=_NAME, direction="lower") for row in rows.tolist()]
        # All sweeps go back through the same steps, and the last one tells of them.
        swept = itd_metrics(run, own, horizons, progress if number == len(chunks) - 1 else None)
        for row, of_row in zip(rows.tolist(), swept, strict=True):
            for length, found in of_row.items():
                values[length].append(found.values[same == same[row]].sum())
                wildest[length] = max(found, wildest.get(length, found), key=_end)
    return {
        length: scores(run, metric, length, _NAME, _signed(metric, of_rows), wildest[length].growth)
        for length, of_rows in values.items()
        if len(of_rows) == len(run.ids)
    }


def _end(found: Scores) -> float:
    """The norm that the adjoint has grown to."""
    return found.growth[-1][1]


def _signed(metric: Metric, changes: list[float]) -> np.ndarray:
    """Changes of own scores, of which a lower one is better, with the sign of the metric's direction."""
    return np.array(changes) * (1 if metric.direction == "lower" else -1)


class _Own:
    """The own score of one training example, as a function of the players."""

    def __init__(self, run: Run, row: int) -> None:
        (data_set,) = run.step.x
        self._batch = batch_of(run, data_set, torch.tensor([row], device=run.weights.device))[data_set]

    def __call__(self, game: Game, net: Net) -> Tensor:
        return own_scores(game, net, self._batch).squeeze(0)


ESTIMATOR = Estimator(
    "self-influence",
    self_influence,
    label="exposed by itself",
    sweep=self_influence_horizons,
    ranks_only=True,
    metric="exposure",
)
