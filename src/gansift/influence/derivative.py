"""A metric's derivatives at the end of a run, with which every estimator that differentiates begins."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gansift.errors import GansiftError, UsageError
from gansift.games.trained import Trained
from gansift.metrics.metric import Metric, weight_gradient_of
from gansift.training.trajectory import Run


class Derivative(NamedTuple):
    """What a metric depends on once training has ended.

    Attributes:
        by_player: derivative in the flat parameters that are read out of each player.
        by_weight: derivative in the training weights at fixed players, float64, shape (N,); zero for a metric that does
            not read them.
    """

    by_player: dict[str, Tensor]
    by_weight: Tensor


def derivative(metric: Metric, run: Run, trained: Trained | None = None) -> Derivative:
    """A metric's derivatives at the end of a run, or at other parameters of its players.

    Raises:
        GansiftError: if all of them are zero, so that every score would be.
        UsageError: if the derivative in the weights is not of one number per training example.
    """
    source = run if trained is None else trained
    by_player, by_weight = metric.gradient(source), weight_gradient_of(metric, source)
    count = len(run.ids)
    if by_weight is None:
        by_weight = torch.zeros(count, dtype=torch.float64)
    if by_weight.shape != (count,):
        raise UsageError(
            f"the weight_gradient of {metric.name} must have one number for each of the {count} training examples, "
            f"shape ({count},), and has shape {tuple(by_weight.shape)}"
        )
    if not by_weight.any() and not any(gradient.any() for gradient in by_player.values()):
        raise GansiftError(
            f"{metric.name} does not change with any parameter, so no example has influence on it: its gradient is "
            "zero for every player. It may be saturated, evaluated only when it is asked for (lazily), or cut off from "
            "the parameters by detach() or torch.no_grad()."
        )
    return Derivative(by_player, by_weight.to(run.step.settings.device))
