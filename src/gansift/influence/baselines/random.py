"""Removal at random: what any ranking has to beat."""

from __future__ import annotations

import torch

from gansift.games.draw import Draw
from gansift.influence.baselines.ranking import present, ranked
from gansift.influence.estimator import Estimator
from gansift.influence.itd import Progress
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run


def random_ranking(run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None) -> Scores:
    """Rank examples at random, decided by the run's seed.

    Scores are uniform numbers without a unit. Called like every estimator (`gansift.influence.estimator.Function`).

    Raises:
        UsageError: if the horizon is not in the run.
    """
    draw = Draw(run.step.settings.seed, "random scores", dtype=torch.float64)
    return ranked(run, metric, horizon, "random", draw.uniform(len(run.ids))[present(run)])


ESTIMATOR = Estimator("random", random_ranking, label="at random", ranks_only=True)
