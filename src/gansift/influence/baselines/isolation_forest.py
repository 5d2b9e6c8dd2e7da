"""Anomaly: an isolation forest on the training examples (Liu, Ting and Zhou 2008), the papers' baseline."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gansift.games.draw import Draw
from gansift.influence.baselines.ranking import example_features, ranked
from gansift.influence.estimator import Estimator
from gansift.influence.itd import Progress
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run


def isolation_forest(run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None) -> Scores:
    """Rank examples by how abnormal they are, with an isolation forest on the metric's features.

    The forest is scikit-learn's with its defaults, fitted to the examples that the run was trained with; on all their
    numbers where the metric has no features. Every data set has a forest of its own. Neither the generator nor the
    metric's value plays a part. Scores are differences of anomaly scores, without a unit. Called like every estimator
    (`gansift.influence.estimator.Function`).

    Raises:
        UsageError: if the horizon is not in the run.
        GansiftError: if a feature is NaN or infinite.
    """
    from sklearn.ensemble import IsolationForest  # only here: importing scikit-learn takes a second

    def abnormality(x: np.ndarray) -> Tensor:
        forest = IsolationForest(random_state=Draw(run.step.settings.seed, "isolation forest").seed()).fit(x)
        return -torch.from_numpy(forest.score_samples(x))

    sets = example_features(run, metric, "isolation-forest")
    return ranked(run, metric, horizon, "isolation-forest", torch.cat([abnormality(x.numpy()) for x in sets]))


ESTIMATOR = Estimator("isolation-forest", isolation_forest, label="Isolation Forest", ranks_only=True)
