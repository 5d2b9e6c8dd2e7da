"""Influence: how much each training example moves a metric."""

from gansift.influence.itd import itd, itd_horizons
from gansift.influence.scores import Scores

__all__ = ["Scores", "itd", "itd_horizons"]
