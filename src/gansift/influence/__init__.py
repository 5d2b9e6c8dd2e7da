"""Influence: how much each training example moves a metric."""

from gansift.influence.aid import aid
from gansift.influence.combine import CombinedScores, combine
from gansift.influence.estimators import ESTIMATORS, estimate
from gansift.influence.groups import Group, GroupEffect, group_effects
from gansift.influence.itd import itd, itd_horizons, itd_metrics
from gansift.influence.looks import Looks, Window
from gansift.influence.rolling import rolling, rolling_metrics, rolling_seeds
from gansift.influence.scores import Scores

__all__ = [
    "ESTIMATORS",
    "CombinedScores",
    "Group",
    "GroupEffect",
    "Looks",
    "Scores",
    "Window",
    "aid",
    "combine",
    "estimate",
    "group_effects",
    "itd",
    "itd_horizons",
    "itd_metrics",
    "rolling",
    "rolling_metrics",
    "rolling_seeds",
]
