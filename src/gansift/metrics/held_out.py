"""How well trained players label held-out examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.nn.functional import cross_entropy

from gansift.errors import UsageError
from gansift.metrics.net_metric import NetMetric

if TYPE_CHECKING:
    from gansift.data.examples import Examples

_CHUNK = 500


def class_loss(examples: Examples, *, name: str = "class-loss", what: str = "held-out examples") -> NetMetric:
    """The mean cross-entropy of held-out labels under a game's `predict`; its reported twin is the share of errors.

    Args:
        examples: labelled, and never trained on.
        name: of the metric; its twin has ``error`` for ``loss`` in it.
        what: the examples in words.

    Raises:
        UsageError: if the examples have no labels.
    """
    if examples.labels is None:
        raise UsageError(f"the metric {name} compares predicted labels with those of {what}, which have none")
    error = NetMetric(
        _error,
        name=name.replace("loss", "error"),
        direction="lower",
        examples=examples,
        chunk=_CHUNK,
        label=name.replace("-", " ").replace("loss", "error"),
        meaning=f"the share of {what} that get a wrong label",
    )
    return NetMetric(
        _loss,
        name=name,
        direction="lower",
        examples=examples,
        chunk=_CHUNK,
        reported=error,
        label=name.replace("-", " "),
        meaning=f"the mean cross-entropy of the labels of {what}",
    )


def _loss(game: Any, net: Any, batch: Any) -> Tensor:
    return cross_entropy(game.predict(net, batch.x), batch.label)


def _error(game: Any, net: Any, batch: Any) -> Tensor:
    return (game.predict(net, batch.x).argmax(1) != batch.label).to(batch.x.dtype).mean()
