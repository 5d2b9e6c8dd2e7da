"""Which training examples are copied most: those that samples are much nearer to than to anything around them."""

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

# Neighbours around a sample, its nearest one among them.
_NEIGHBOURS = 10
# Of training examples among one another, the share that is taken to be as near as a copy.
_CHANCE = 0.05
# Distances held at a time: 2^22 of them in float64 are 32 MiB.
_BLOCK = 2**22


def most_copied(run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None) -> Scores:
    """Rank examples by how many samples copy them, and how closely, in the metric's features.

    A sample's `nearness` to its nearest training example is set against that of training examples to one another: what
    exceeds the nearness of all but 5 % of these is the sample's evidence that the example is copied, and adds up over
    the samples. So it needs no held-out data, but of an example that is in the training data twice it sees nothing.
    Scores are such sums; they do not predict the metric, and many are 0. Called like every estimator
    (`gansift.influence.estimator.Function`).

    Raises:
        UsageError: if the horizon is not in the run, or the game has several data sets, no samples, or samples of
            another shape than its examples.
        GansiftError: if a feature of an example or of a sample is NaN or infinite.
    """
    name = "most-copied"
    check_samples(run, name)
    only_data_set(run, name)
    (examples,) = example_features(run, metric, name)
    size = max(1, _BLOCK // len(examples))
    usual = torch.cat([nearness(block, examples, skip=1)[1] for block in examples.split(size)])
    usual = usual[usual.isfinite()]
    least = usual.quantile(1 - _CHANCE) if len(usual) else torch.zeros((), dtype=torch.float64)
    total = torch.zeros(len(examples), dtype=torch.float64)
    for seen in sample_features(run, metric, name, len(examples)):
        for block in seen.split(size):
            rows, found = nearness(block, examples)
            total.index_add_(0, rows, (found - least).clamp(min=0))
    return ranked(run, metric, horizon, name, total)


def nearness(points: Tensor, examples: Tensor, skip: int = 0) -> tuple[Tensor, Tensor]:
    """Log of the mean distance to the k nearest examples over the distance to the nearest one, at most log 1000.

    >>> rows, near = nearness(torch.tensor([[1.0]]).double(), torch.tensor([[0.0], [3.0], [9.0]]).double())
    >>> rows.tolist(), near.exp().round(decimals=2).tolist()
    ([0], [3.67])

    Args:
        points: float64 (M, d).
        examples: float64 (N, d).
        skip: how many of the nearest are left out: 1 if the points are examples themselves.

    Returns:
        The row of the nearest example, (M,), and the logarithms, (M,); these are 0 where all k are equally near.
    """
    distances = torch.cdist(points, examples, compute_mode="donot_use_mm_for_euclid_dist")
    near, rows = distances.topk(min(_NEIGHBOURS + skip, len(examples)), largest=False)
    near, rows = near[:, skip:], rows[:, skip:]
    if not near.shape[1]:
        return torch.zeros(len(points), dtype=torch.int64), torch.zeros(len(points), dtype=torch.float64)
    mean = near.mean(dim=1)
    ratio = torch.where(mean > 0, mean / near[:, 0].clamp(min=1e-300), 1.0)
    return rows[:, 0], ratio.clamp(max=1e3).log()


ESTIMATOR = Estimator("most-copied", most_copied, label="copied by samples", ranks_only=True)
