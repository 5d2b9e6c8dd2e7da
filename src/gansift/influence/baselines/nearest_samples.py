"""Similarity: credit from nearby generated samples, after GMValuator (Yang et al. 2025) without its image quality."""

from __future__ import annotations

import torch
from torch import Tensor

from gansift.influence.baselines.ranking import (
    check_samples,
    example_features,
    only_data_set,
    ranked,
    sample_features,
)
from gansift.influence.estimator import Estimator
from gansift.influence.itd import Progress
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run

# Training examples that share a sample's credit.
_NEIGHBOURS = 10
# Distances held at a time: 2^22 of them in float64 are 32 MiB.
_BLOCK = 2**22


def nearest_samples(run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None) -> Scores:
    """Rank examples by how little the generated samples resemble them, in the metric's features.

    There are as many samples as the metric takes, or as there are examples where it does not say, and each gives away
    one unit of credit (see `credit`). Scores are units of credit below that of the example with most; they do not
    predict the metric. Examples near no sample have no credit and stay in the order of the data. Called like every
    estimator (`gansift.influence.estimator.Function`).

    Raises:
        UsageError: if the horizon is not in the run, or the game has several data sets, no samples, or samples of
            another shape than its examples.
        GansiftError: if a feature of an example or of a sample is NaN or infinite.
    """
    name = "nearest-samples"
    check_samples(run, name)
    only_data_set(run, name)
    (examples,) = example_features(run, metric, name)
    total = torch.zeros(len(examples), dtype=torch.float64)
    for seen in sample_features(run, metric, name, len(examples)):
        for block in seen.split(max(1, _BLOCK // len(examples))):
            rows, shares = credit(block, examples)
            total.index_add_(0, rows.flatten(), shares.flatten())
    return ranked(run, metric, horizon, name, -total)


def credit(samples: Tensor, examples: Tensor) -> tuple[Tensor, Tensor]:
    """What each sample gives to its k nearest examples: exp(-d / mean d), divided by the sum over them.

    The distances d are Euclidean; dividing them by their mean over the k makes the shares independent of the
    features' scale.

    Args:
        samples: float64 (M, d).
        examples: float64 (N, d).

    Returns:
        Rows of the k = min(10, N) nearest examples, (M, k), and their shares, (M, k), which sum to 1.

    >>> rows, shares = credit(torch.tensor([[1.0]]).double(), torch.tensor([[0.0], [2.0], [9.0]]).double())
    >>> rows.tolist(), shares.round(decimals=2).tolist()
    ([[0, 1, 2]], [[0.47, 0.47, 0.06]])
    """
    distances = torch.cdist(samples, examples, compute_mode="donot_use_mm_for_euclid_dist")
    nearest, rows = distances.topk(min(_NEIGHBOURS, len(examples)), largest=False)
    scale = nearest.mean(dim=1, keepdim=True)
    return rows, torch.softmax(-nearest / torch.where(scale > 0, scale, 1.0), dim=1)


ESTIMATOR = Estimator("nearest-samples", nearest_samples, label="unlike the samples", ranks_only=True)
