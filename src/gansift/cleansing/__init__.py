"""Cleansing: choosing what to remove, retraining without it, and showing the gain."""

from gansift.cleansing.choose import choose, complete_cells, cross_fitted
from gansift.cleansing.replicas import retrained_samplers
from gansift.cleansing.retrain import retrain
from gansift.cleansing.statistics import mean_interval
from gansift.cleansing.trial import Cell, Trial, try_horizon

__all__ = [
    "Cell",
    "Trial",
    "choose",
    "complete_cells",
    "cross_fitted",
    "mean_interval",
    "retrain",
    "retrained_samplers",
    "try_horizon",
]
