"""How much of held-out examples an autoencoder does not give back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from gansift.metrics.net_metric import NetMetric

if TYPE_CHECKING:
    from gansift.data.examples import Examples

_CHUNK = 500


def reconstruction(examples: Examples | Tensor) -> NetMetric:
    """The mean squared difference of held-out examples from what a game's ``reconstruct`` makes of them.

    Args:
        examples: held out; of several data sets, those of all.
    """
    return NetMetric(
        _error, name="reconstruction", direction="lower", examples=examples, chunk=_CHUNK,
        label="reconstruction error", meaning="the mean squared error of a number of a reconstructed example",
        caution="A blurred image may have a small error.",
    )  # fmt: skip


def _error(game: Any, net: Any, batch: Any) -> Tensor:
    return (game.reconstruct(net, batch.x) - batch.x).square().mean()
