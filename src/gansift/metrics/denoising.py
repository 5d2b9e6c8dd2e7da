"""How well trained players undo noise: the loss of held-out examples, or of one example that is asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from gansift.metrics.net_metric import NetMetric

if TYPE_CHECKING:
    from gansift.data.examples import Examples

_CHUNK = 500
#: Times and noises behind the loss of one example; of many, fewer each are enough.
_OF_ONE = 64


def denoising_loss(examples: Examples) -> NetMetric:
    """The mean denoising loss of held-out examples, of a game with the method ``denoising_losses``.

    Times and noises are fixed, so that two trainings are compared on the same ones.

    Args:
        examples: held out, with their classes where the game is told any.
    """
    return NetMetric(
        _mean_loss,
        name="denoising-loss",
        direction="lower",
        examples=examples,
        chunk=_CHUNK,
        label="denoising loss",
        meaning="the mean squared error at undoing noise of held-out examples, at fixed times and noises",
        caution="What has a lower loss need not have better samples.",
    )


def query_loss(query: Examples, *, name: str, what: str, seed: int = 0) -> NetMetric:
    """The denoising loss of one example: which training examples made the model able to make it?

    The loss goes up without the examples that it owes most to; in the words of scores, these are the helpful ones.

    Args:
        query: that one example, with its class if it is known.
        name: of the metric, short and fit for a file name.
        what: the example in words, such as ``the image cat.png``.
        seed: decides the noises.
    """

    def loss(game: Any, net: Any, batch: Any) -> Tensor:
        return game.denoising_losses(net, batch.x, batch.label, looks=_OF_ONE, seed=seed).mean()

    return NetMetric(
        loss,
        name=name,
        direction="lower",
        examples=query,
        label="denoising loss of the query",
        meaning=f"the mean squared error at undoing noise of {what}, at {_OF_ONE} fixed times and noises",
        caution="It asks what the model owes its sense of this example to, and not whether the example is good.",
    )


def _mean_loss(game: Any, net: Any, batch: Any) -> Tensor:
    return game.denoising_losses(net, batch.x, batch.label).mean()
