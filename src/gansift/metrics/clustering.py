"""How well clusters fit held-out examples, and how well they agree with labels that nobody told them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from gansift.metrics.net_metric import NetMetric

if TYPE_CHECKING:
    from gansift.data.examples import Examples

# Examples whose aligned prototypes are in memory together.
_CHUNK = 200


def matched_accuracy(clusters: np.ndarray, labels: np.ndarray) -> float:
    """The share of examples whose cluster stands for their label, under the best one-to-one assignment of the two.

    The Hungarian method finds it (Kuhn 1955). With more clusters than labels some stand for none.

    >>> matched_accuracy(np.array([2, 2, 0, 0, 1]), np.array([0, 0, 1, 1, 1]))
    0.8

    Args:
        clusters: of each example, whole numbers from 0, shape (n,).
        labels: the same.
    """
    counts = np.zeros((int(clusters.max()) + 1, int(labels.max()) + 1))
    np.add.at(counts, (clusters, labels), 1)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return float(counts[rows, columns].sum() / len(labels))


def cluster_loss(examples: Examples, *, logarithmic: bool = False) -> NetMetric:
    """The mean of what held-out examples cost the clusters; with labels its reported twin is the share of errors.

    For plain clusters the cost is the squared distance to the nearest prototype, however transformed; for a mixture the
    negative logarithm of the density. An error is a label that is not that of the cluster under `matched_accuracy`.

    Args:
        examples: never trained on; labels are only reported.
        logarithmic: the cost is the logarithm of a density.
    """
    twin = None
    if examples.labels is not None and examples.class_names is not None and len(examples.class_names) > 1:
        twin = NetMetric(
            _error,
            name="cluster-error",
            direction="lower",
            examples=examples,
            label="cluster error",
            meaning="the share of held-out examples whose label is not that of their cluster, matched one to one",
        )
    what = "negative log-density" if logarithmic else "squared distance to the nearest prototype"
    return NetMetric(
        _loss,
        name="cluster-loss",
        direction="lower",
        examples=examples,
        chunk=_CHUNK,
        reported=twin,
        logarithmic=logarithmic,
        label="cluster loss",
        meaning=f"the mean {what} of held-out examples",
    )


def _loss(game: Any, net: Any, batch: Any) -> Tensor:
    return game.loss_of(game.costs(net, batch.x)).mean()


def _error(game: Any, net: Any, batch: Any) -> Tensor:
    with torch.no_grad():
        clusters = torch.cat([game.assigned(net, part) for part in batch.x.split(_CHUNK)])
    error = 1 - matched_accuracy(clusters.cpu().numpy(), batch.label.cpu().numpy())
    return torch.tensor(error, dtype=batch.x.dtype, device=batch.x.device)
