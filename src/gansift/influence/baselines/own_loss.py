"""An example's own class loss: what finds wrong labels first, and what influence has to beat at it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from gansift.errors import UsageError
from gansift.influence.baselines.ranking import check_finite, chunk_size, present, ranked
from gansift.influence.estimator import Estimator
from gansift.influence.itd import Progress
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric, in_chunks
from gansift.training.trajectory import Run

_NAME = "own-loss"


def own_loss(run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None) -> Scores:
    """Rank examples by how wrong the trained players take their own labels to be.

    That is the cross-entropy of each training example's label under the game's `predict` at the end of the run: a class
    head, or a classifier. Examples of data sets whose labels the game does not learn (`Game.unlabelled`) rank
    last. Scores are in nats, above the best fitted example; they do not predict the metric. Called like every estimator
    (`gansift.influence.estimator.Function`).

    Raises:
        UsageError: if the horizon is not in the run, or the game predicts no classes, or no data set has them.
        GansiftError: if a loss is NaN or infinite.
    """
    step, trained = run.step, run.trained()
    if not step.game.offers("predict"):
        raise UsageError(
            f"{_NAME} needs a game that predicts labels, and {type(step.game).__name__} has no method predict(net, x). "
            "Use another estimator."
        )
    net = trained.net()

    def predict(x: Tensor) -> Tensor:
        return step.game.predict(net, x)

    losses = {
        name: _losses(predict, step.x[name], labels, chunk_size(metric))
        for name, labels in step.labels.items()
        if labels is not None and name not in step.game.unlabelled
    }
    if not losses:
        raise UsageError(f"{_NAME} needs training examples with labels, and these have none. Use another estimator.")
    least = torch.cat(list(losses.values())).min()
    harm = torch.cat([losses.get(name, least.expand(len(x))) for name, x in step.x.items()])
    return ranked(run, metric, horizon, _NAME, harm[present(run)])


def _losses(predict: Callable[[Tensor], Tensor], x: Tensor, labels: Tensor, chunk: int) -> Tensor:
    """The cross-entropy of each label, float64 (n,), on the CPU."""
    logits = in_chunks(predict, x, chunk).double().cpu()
    if logits.ndim != 2 or labels.is_floating_point() or int(labels.max()) >= logits.shape[1]:
        raise UsageError(
            f"{_NAME} compares labels that are classes with logits of shape (n, classes); these are of shape "
            f"{tuple(logits.shape)}, and the largest label is {labels.max().item()}. Use another estimator."
        )
    return check_finite(cross_entropy(logits, labels.cpu(), reduction="none"), _NAME, "class losses")


ESTIMATOR = Estimator("own-loss", own_loss, label="own class loss", ranks_only=True)
