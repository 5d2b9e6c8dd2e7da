"""How undecided trained players are about held-out examples whose labels nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from gansift.metrics.net_metric import NetMetric

if TYPE_CHECKING:
    from gansift.data.examples import Examples

_CHUNK = 500


def prediction_entropy(examples: Examples, *, name: str = "entropy", what: str = "held-out examples") -> NetMetric:
    """The mean entropy of the class probabilities that a game's `predict` gives, in nats.

    It needs no labels, and so can be had where adaptation is really used. Players that are sure of wrong labels have a
    low one, too.

    Args:
        examples: never trained on.
        name: of the metric.
        what: the examples in words.
    """
    return NetMetric(
        _entropy,
        name=name,
        direction="lower",
        examples=examples,
        chunk=_CHUNK,
        label=name.replace("-", " "),
        meaning=f"the mean entropy of the labels that are predicted for {what}",
        caution="it stands in for the error where labels are missing: who is sure of wrong labels has a low one, too",
    )


def _entropy(game: Any, net: Any, batch: Any) -> Tensor:
    logs = game.predict(net, batch.x).log_softmax(1)
    return -(logs.exp() * logs).sum(1).mean()
