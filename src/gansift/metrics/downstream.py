"""What a classifier learns from training examples as the players change them, tested on held-out ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gansift.errors import UsageError
from gansift.metrics.net_metric import NetMetric, held_out_batch

if TYPE_CHECKING:
    from gansift.data.examples import Examples

# Of the penalty on a coefficient, beside the mean squared error; features have unit variance on held-out data.
_RIDGE = 0.01
_CHUNK = 500


def downstream(
    change: Callable[[Any, Any, Tensor], Tensor],
    features: Callable[[Tensor], Tensor],
    train: Examples,
    held: Examples,
    rows: slice = slice(None),
    *,
    name: str = "downstream-loss",
    what: str = "changed training examples",
) -> NetMetric:
    """The squared error on held-out examples of ridge regression that is fitted to changed training examples.

    With standardised fixed features and a 1 in the rows of Phi, indicators Y of the classes and the training weights w
    on the diagonal of V, W = (Phi^T V Phi / sum w + ridge I)^-1 Phi^T V Y / sum w; the metric is the mean of
    |W^T phi - y|^2. It reads the training weights: an example that is removed leaves the fit, too, which is most of its
    effect. The reported twin is the share of wrong labels.

    Args:
        change: ``change(game, net, x)`` -> what the players make of examples, in their shape.
        features: samples (n, *shape) -> (n, d), differentiable and fixed.
        train: the labelled training examples that are changed, n of them.
        held: held-out examples with labels of the same classes.
        rows: where the training examples stand among those of all data sets.
        name: of the metric; its twin has ``error`` for ``loss`` in it.
        what: the classifier is fitted to, in words.

    Raises:
        UsageError: without labels, or if the held-out examples have classes that the training examples do not have.
    """
    if train.labels is None or held.labels is None or train.class_names is None or held.class_names is None:
        raise UsageError(f"the metric {name} fits and tests a classifier: training and held-out examples need labels")
    unknown = sorted(set(held.class_names) - set(train.class_names))
    if unknown:
        raise UsageError(f"the metric {name} cannot test classes that no training example has: {', '.join(unknown)}")
    numbers = torch.tensor([train.class_names.index(one) for one in held.class_names])
    with torch.no_grad():
        reference = torch.cat([features(part) for part in held.x.split(_CHUNK)]).double()
    mean, spread = reference.mean(0), reference.std(0)
    spread = torch.where(spread > 0, spread, torch.ones_like(spread))

    def standardised(x: Tensor) -> Tensor:
        parts = [(features(part) - mean.to(x)) / spread.to(x) for part in x.split(_CHUNK)]
        made = torch.cat(parts)
        return torch.cat([made, torch.ones_like(made[:, :1])], 1)

    def predicted(game: Any, net: Any, batch: Any, weights: Tensor) -> tuple[Tensor, Tensor]:
        everything = held_out_batch(train, torch.arange(len(train)), batch.x.dtype, batch.x.device)
        inputs, weight = standardised(change(game, net, everything.x)), weights[rows]
        truth = torch.eye(len(train.class_names or ()), dtype=batch.x.dtype, device=batch.x.device)
        penalty = torch.full((inputs.shape[1],), _RIDGE, dtype=inputs.dtype, device=inputs.device)
        penalty[-1] = 0.0
        weighted = (inputs * (weight / weight.sum())[:, None]).T
        fitted = torch.linalg.solve(weighted @ inputs + penalty.diag(), weighted @ truth[everything.label])
        return standardised(batch.x) @ fitted, truth[numbers.to(batch.x.device)[batch.label]]

    def metric(function: Callable[..., Tensor], called: str, meaning: str, reported: NetMetric | None) -> NetMetric:
        return NetMetric(
            partial(function, predicted), name=called, direction="lower", examples=held, reads_weights=True,
            reported=reported, label=called.replace("-", " "), meaning=meaning,
        )  # fmt: skip

    classifier = f"of a linear classifier of fixed features that is fitted to {what}"
    error = metric(_error, name.replace("loss", "error"), f"the share of held-out errors {classifier}", None)
    return metric(_loss, name, f"the squared error on held-out examples {classifier}", error)


def _loss(predicted: Any, game: Any, net: Any, batch: Any, weights: Tensor) -> Tensor:
    found, truth = predicted(game, net, batch, weights)
    return (found - truth).square().sum(1).mean()


def _error(predicted: Any, game: Any, net: Any, batch: Any, weights: Tensor) -> Tensor:
    found, truth = predicted(game, net, batch, weights)
    return (found.argmax(1) != truth.argmax(1)).to(found.dtype).mean()
