"""Outliers: the distance to the nearest other examples (Kuan and Mueller 2022, who found it to be enough)."""

from __future__ import annotations

import torch
from torch import Tensor

from gansift.influence.baselines.ranking import example_features, ranked
from gansift.influence.estimator import Estimator
from gansift.influence.itd import Progress
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run

_NAME = "far-neighbours"
_NEIGHBOURS = 10
# Features up to which lengths count, and not directions alone; cleanlab draws the line there, too.
_FEW = 3
# Distances held at a time: 2^22 of them in float64 are 32 MiB.
_BLOCK = 2**22


def far_neighbours(run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None) -> Scores:
    """Rank examples by how far their ten nearest others are, in the metric's features.

    Only the examples that the run was trained with count, and every data set has its own. Where wrong examples lie
    scattered this finds them without any training; copies of one, and kinds with more than ten members that look alike,
    are near each other and pass for usual. Scores are mean distances, less the least of them; they do not predict the
    metric. Called like every estimator (`gansift.influence.estimator.Function`).

    Raises:
        UsageError: if the horizon is not in the run.
        GansiftError: if a feature is NaN or infinite.
    """
    sets = example_features(run, metric, _NAME)
    return ranked(run, metric, horizon, _NAME, torch.cat([remoteness(features) for features in sets]))


def remoteness(features: Tensor) -> Tensor:
    """The mean distance of each row to its k = min(10, n - 1) nearest others; 0 for a row alone.

    Up to three features the distance is Euclidean. Beyond it is that of directions, 1 - cosine: how long a vector of
    learned features is tells little of whether it belongs to the others. A row of zeros has distance 1 to all.

    Args:
        features: float64 (n, d).

    Returns:
        Shape (n,).

    >>> remoteness(torch.tensor([[0.0], [1.0], [4.0]], dtype=torch.float64)).tolist()
    [2.5, 2.0, 3.5]
    """
    count = min(_NEIGHBOURS, len(features) - 1)
    if not count:
        return torch.zeros(len(features), dtype=features.dtype)
    directions = torch.nn.functional.normalize(features) if features.shape[1] > _FEW else None
    means = []
    for rows in torch.arange(len(features)).split(max(1, _BLOCK // len(features))):
        if directions is None:
            distances = torch.cdist(features[rows], features, compute_mode="donot_use_mm_for_euclid_dist")
        else:
            distances = 1 - directions[rows] @ directions.T
        distances[torch.arange(len(rows)), rows] = torch.inf  # not to itself
        means.append(distances.topk(count, largest=False).values.mean(dim=1))
    return torch.cat(means)


ESTIMATOR = Estimator("far-neighbours", far_neighbours, label="far from its neighbours", ranks_only=True)
