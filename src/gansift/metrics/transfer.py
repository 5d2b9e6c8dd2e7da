"""How far an attribute's shares move when examples of one data set are transferred to another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gansift.data.columns import LABEL, Column
from gansift.data.examples import Examples
from gansift.errors import UsageError
from gansift.metrics.features import ClassifierFeatures
from gansift.metrics.net_metric import NetMetric

# A change of a share that matters.
_SCALE = 0.01


def transfer(
    examples: Examples, logits: Callable[[Tensor], Tensor], source: str, target: str, *, attribute: str = "attribute"
) -> NetMetric:
    """How far the shares of an attribute's values move in a transfer: their total variation distance.

    With p(x) the probabilities that a fixed judge gives to the values of the attribute, and x' and x'' an example's
    reconstruction and its transfer, it is

        1/2 sum over the values of |mean of p(x'') - mean of p(x')|,

    for an attribute of two values the score after the transfer less that before, without its sign. What the
    autoencoder does to the attribute is in both, so that what moves is the transfer's. The reported twin has the value
    that the judge decides for in place of probabilities: the shift of the shares.

    Args:
        examples: held-out examples of the source.
        logits: the judge, samples (n, *shape) -> logits of the values (n, k); differentiable and fixed.
        source: name of the data set that is transferred.
        target: name of the one that it is transferred to.
        attribute: what the judge tells, in a word.
    """

    def metric(decided: Any, name: str, label: str, what: str, reported: NetMetric | None) -> NetMetric:
        return NetMetric(
            partial(_moved, logits, decided, source, target), name=name, direction="lower", examples=examples,
            scale=_SCALE, reported=reported, label=label,
            meaning=f"how far {what} of {attribute} move when {source} is transferred to {target}",
            caution="That shares move says nothing of what else of an example is kept.",
        )  # fmt: skip

    hard = metric(_decision, "transfer-difference", "transfer difference", "the shares of the values", None)
    return metric(_probability, "transfer-shift", "transfer shift", "the mean probabilities of the values", hard)


def judge_of(parts: Sequence[Examples], attribute: str, *, steps: int = 500) -> tuple[ClassifierFeatures, Examples]:
    """A small classifier of an attribute, fitted to held-out examples of all data sets together.

    Args:
        parts: of each data set, of one shape.
        attribute: name of a column of categories that all of them have.
        steps: that it is trained for.

    Returns:
        The classifier, and what it was fitted to: the examples part after part, with the attribute as their label.

    Raises:
        UsageError: if a data set has no such column.
        DataError: if there are too few examples, or all have one value.
    """
    values = [_values(part, attribute) for part in parts]
    together = Column.of([value for own in values for value in own])
    numbers = together.values.split([len(part) for part in parts])
    joined = Examples.joined(
        [replace(part, columns={LABEL: Column(own, together.names)}) for part, own in zip(parts, numbers, strict=True)]
    )
    return ClassifierFeatures.fit(joined, steps=steps), joined


def _values(part: Examples, attribute: str) -> list[str]:
    """The name of each example's value."""
    column = part.columns.get(attribute)
    if column is None or column.names is None:
        raise UsageError(
            f"there is no column {attribute!r} of categories in every data set: one has "
            f"{', '.join(part.columns) or 'none'}"
        )
    return [column.names[value] for value in column.values.tolist()]


def _moved(logits: Any, decided: Any, source: str, target: str, game: Any, net: Any, batch: Any) -> Tensor:
    before = decided(logits(game.reconstruct(net, batch.x))).mean(0)
    after = decided(logits(game.transfer(net, batch.x, source, target))).mean(0)
    return (after - before).abs().sum() / 2


def _probability(logits: Tensor) -> Tensor:
    return logits.softmax(1)


def _decision(logits: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1]).to(logits.dtype)
