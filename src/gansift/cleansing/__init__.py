"""Cleansing: choosing what to remove, retraining without it, and showing the gain."""

from gansift.cleansing.calibrate import calibrated
from gansift.cleansing.choose import choose, complete_cells, cross_fitted, strongest
from gansift.cleansing.decisions import Decisions, read_decisions
from gansift.cleansing.replicas import retrained_players
from gansift.cleansing.retrain import retrain
from gansift.cleansing.retraining import Harmful, Ids, Random, Removal, ScoresOf, changes
from gansift.cleansing.statistics import mean_interval
from gansift.cleansing.trial import Cell, Trial
from gansift.cleansing.verify import Verification, verify

__all__ = [
    "Cell",
    "Decisions",
    "Harmful",
    "Ids",
    "Random",
    "Removal",
    "ScoresOf",
    "Trial",
    "Verification",
    "calibrated",
    "changes",
    "choose",
    "complete_cells",
    "cross_fitted",
    "mean_interval",
    "read_decisions",
    "retrain",
    "retrained_players",
    "strongest",
    "verify",
]
