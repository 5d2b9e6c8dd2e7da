"""Influence: how much each training example moves a metric."""

from gansift.influence.aid import aid
from gansift.influence.estimators import ESTIMATORS, estimate
from gansift.influence.itd import itd, itd_horizons, itd_metrics
from gansift.influence.scores import Scores

__all__ = ["ESTIMATORS", "Scores", "aid", "estimate", "itd", "itd_horizons", "itd_metrics"]
