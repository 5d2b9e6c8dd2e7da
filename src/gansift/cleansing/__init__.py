"""Cleansing: choosing what to remove, retraining without it, and showing the gain."""

from gansift.cleansing.choose import choose
from gansift.cleansing.retrain import retrain
from gansift.cleansing.statistics import mean_interval
from gansift.cleansing.trial import Cell, Trial, grid, try_cell

__all__ = ["Cell", "Trial", "choose", "grid", "mean_interval", "retrain", "try_cell"]
