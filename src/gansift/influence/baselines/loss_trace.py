"""The trace of an example's own loss over training: what tells exposed examples for free."""

from __future__ import annotations

import numpy as np
import torch

from gansift.influence.baselines.ranking import check_own_scores, own_scores_of_run, present, ranked
from gansift.influence.estimator import Estimator
from gansift.influence.itd import Progress
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run

_NAME = "loss-trace"


def loss_trace(run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None) -> Scores:
    """Rank examples by how far their own loss moved during training, the most exposed first (LT-IQR).

    The loss is log(1 + exp(-s)) of the own score s (`metrics.own_score`): the cross-entropy of the label, or the
    discriminator's loss on a real example. It is taken at every recorded state, and an example's score is the distance
    between the quartiles of its losses (Pollock and others, 2024, arXiv 2411.05743). Scores are in nats, above that of
    the least exposed example; they do not predict the metric. Called like every estimator
    (`gansift.influence.estimator.Function`).

    Raises:
        UsageError: if the horizon is not in the run, the game has several data sets, or it says nothing of an example.
    """
    check_own_scores(run, _NAME)
    scores = np.stack([own_scores_of_run(run, run.trained(number)) for number in run.checkpoints.numbers()])
    low, high = np.quantile(np.logaddexp(0, -scores), (0.25, 0.75), axis=0)
    return ranked(run, metric, horizon, _NAME, torch.from_numpy(high - low)[present(run)])


ESTIMATOR = Estimator("loss-trace", loss_trace, label="loss moved in training", ranks_only=True)
