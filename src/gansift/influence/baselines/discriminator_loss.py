"""Influence on the discriminator's loss in place of a metric of samples: the papers' baseline (Terashita et al. 2021).

Exact like `itd`; what differs is the quantity that the scores predict.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gansift.errors import UsageError
from gansift.games.batch import Batches
from gansift.games.draw import Draw
from gansift.influence.baselines.ranking import check_discriminator, only_data_set
from gansift.influence.estimator import Estimator
from gansift.influence.itd import Progress, itd, itd_horizons
from gansift.influence.scores import Scores
from gansift.metrics.metric import Direction, Metric, trained_of
from gansift.metrics.net_metric import held_out_batch
from gansift.training.step import Step
from gansift.training.trajectory import Run

if TYPE_CHECKING:
    from gansift.data.examples import Examples

_NAME = "discriminator-loss"
# Held-out examples computed together.
_CHUNK = 500


def discriminator_loss(
    run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None
) -> Scores:
    """Score examples by their influence on the discriminator's loss on held-out examples.

    An example counts as harmful if its removal is predicted to lower that loss (`DiscriminatorLoss`), as in the
    papers' code, which removes the most negative predicted changes first. `Scores.harm` is by how much it falls, in
    the loss's units; ``metric`` gives the scores their sign, their name and its held-out examples, no more. Called
    like every estimator (`gansift.influence.estimator.Function`).

    Raises:
        UsageError: if the horizon is not in the run, the game has several data sets or no discriminator, or the
            metric has no ``reference``.
        GansiftError: if the sweep overflows.
        ReplayError: if a replayed state differs from the recorded one.
    """
    return _for_metric(itd(run, _loss(run, metric), horizon, progress), metric)


def discriminator_loss_horizons(
    run: Run, metric: Metric, horizons: Collection[int], progress: Progress | None = None
) -> dict[int, Scores]:
    """The scores of several horizons from one sweep; see `discriminator_loss` and `itd_horizons`."""
    found = itd_horizons(run, _loss(run, metric), horizons, progress)
    return {horizon: _for_metric(scores, metric) for horizon, scores in found.items()}


class DiscriminatorLoss:
    """The discriminator's loss on held-out examples of weight 1 and as many samples of fixed latents.

    It has everything that the discriminator lowers in training, penalties included, at the read-out parameters of both
    players (the averaged generator where an average is kept), and depends on both.

    Args:
        step: of the run, with a game of one data set.
        reference: held-out examples, never the training set.
    """

    name = _NAME
    direction: Direction = "lower"

    def __init__(self, step: Step, reference: Examples | Tensor) -> None:
        self._step = step
        self._reference = reference

    def value(self, source: Any) -> float:
        """The loss at trained players, or at those of a run."""
        return float(sum(loss.detach().double() for loss in self._losses(trained_of(source).parameters)))

    def gradient(self, source: Any) -> dict[str, Tensor]:
        """Its gradient in each player's flat read-out parameters."""
        leaves = {name: flat.detach().requires_grad_() for name, flat in trained_of(source).parameters.items()}
        gradient = {name: torch.zeros_like(flat) for name, flat in leaves.items()}
        for loss in self._losses(leaves):
            parts = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True)
            for name, part in zip(leaves, parts, strict=True):
                gradient[name] += part
        return gradient

    def _losses(self, parameters: Mapping[str, Tensor]) -> Iterator[Tensor]:
        """The share of each chunk of held-out examples in the loss, which is a mean over examples."""
        step, net = self._step, self._step.net(parameters)
        (name,), steps, device = step.x, step.settings.steps, step.settings.device
        draw = Draw(step.settings.seed, _NAME, dtype=step.dtype, device=device)
        for rows in torch.arange(len(self._reference)).split(_CHUNK):
            batch = replace(held_out_batch(self._reference, rows, step.dtype, device), step=steps - 1, steps=steps)
            loss = step.game.loss("discriminator", net, Batches({name: batch}), draw)
            yield len(rows) / len(self._reference) * loss


def _loss(run: Run, metric: Metric) -> DiscriminatorLoss:
    check_discriminator(run, _NAME)
    only_data_set(run, _NAME)
    reference = getattr(metric, "reference", None)
    if reference is None:
        raise UsageError(
            f"{_NAME} needs held-out examples, and the metric {metric.name} has no `reference`. Use FID or ALL."
        )
    return DiscriminatorLoss(run.step, reference)


def _for_metric(scores: Scores, metric: Metric) -> Scores:
    values = scores.values if metric.direction == scores.direction else -scores.values
    return replace(scores, values=values, metric=metric.name, direction=metric.direction, estimator=_NAME)


ESTIMATOR = Estimator(
    "discriminator-loss",
    discriminator_loss,
    label="discriminator's loss",
    sweep=discriminator_loss_horizons,
    ranks_only=True,
)
