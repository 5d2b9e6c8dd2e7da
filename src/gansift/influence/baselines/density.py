"""Instance selection: a normal density on features (DeVries, Drozdzal and Taylor 2020)."""

from __future__ import annotations

import torch
from torch import Tensor

from gansift.influence.baselines.ranking import example_features, ranked
from gansift.influence.estimator import Estimator
from gansift.influence.itd import Progress
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run

# Share of its variance that is added to every feature's: those of few examples span no full space.
_RIDGE = 1e-6


def density(run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None) -> Scores:
    """Rank examples by how rare they are, with a normal density on the metric's features.

    The density has mean and covariance of the examples that the run was trained with; every data set has its own.
    Scores are nats by which the logarithm of an example's density lies below that of the densest one; they do not
    predict the metric. Called like every estimator (`gansift.influence.estimator.Function`).

    Raises:
        UsageError: if the horizon is not in the run.
        GansiftError: if a feature is NaN or infinite.
    """
    rarities = [rarity(of_set) for of_set in example_features(run, metric, "density")]
    return ranked(run, metric, horizon, "density", torch.cat(rarities))


def rarity(features: Tensor) -> Tensor:
    """-log N(f_i; mean, covariance + ridge) up to a constant: half the squared Mahalanobis distance to the mean.

    With no more examples than features the distances are nearly the same for all, whatever the ridge.

    Args:
        features: f, float64 (n, d).

    Returns:
        Shape (n,), in nats.

    >>> rarity(torch.tensor([[-1.0], [0.0], [0.0], [0.0], [1.0]], dtype=torch.float64)).round(decimals=3).tolist()
    [1.25, 0.0, 0.0, 0.0, 1.25]
    """
    deviations = features - features.mean(dim=0)
    covariance = deviations.T @ deviations / len(features)
    variance = covariance.diagonal()
    ridge = torch.where(variance > 0, _RIDGE * variance, 1.0)
    factor = torch.linalg.cholesky(covariance + ridge.diag())
    return torch.linalg.solve_triangular(factor, deviations.T, upper=False).square().sum(dim=0) / 2


ESTIMATOR = Estimator("density", density, label="rare features", ranks_only=True)
