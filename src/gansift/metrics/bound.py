"""How well a variational autoencoder explains held-out examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from gansift.metrics.net_metric import NetMetric

if TYPE_CHECKING:
    from gansift.data.examples import Examples

_CHUNK = 500


def negative_bound(examples: Examples) -> NetMetric:
    """The negative evidence lower bound of held-out examples, in nats a number: the mean of ``game.negative_bounds``.

    Noises are fixed, so that two trainings are compared on the same ones. It is no less than the negative
    log-likelihood, on average over noises.

    Args:
        examples: held out.
    """
    return NetMetric(
        _mean,
        name="bound",
        direction="lower",
        examples=examples,
        chunk=_CHUNK,
        logarithmic=True,
        label="negative bound",
        meaning="the negative evidence lower bound of held-out examples, in nats a number, at fixed noises",
        caution="What has a lower bound need not have better samples.",
    )


def _mean(game: Any, net: Any, batch: Any) -> Tensor:
    return game.negative_bounds(net, batch.x).mean()
