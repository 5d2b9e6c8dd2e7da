"""Cleansing: choosing what to remove, retraining without it, and showing the gain."""

from gansift.cleansing.calibrate import calibrated
from gansift.cleansing.checked import Check, checked
from gansift.cleansing.choose import choose, complete_cells, cross_fitted, strongest
from gansift.cleansing.crossed import Crossed, crossed, difference
from gansift.cleansing.decisions import Decisions, read_decisions
from gansift.cleansing.folds import over_folds
from gansift.cleansing.new_models import Judgement, chosen_count, judge_removal
from gansift.cleansing.replicas import retrained_players
from gansift.cleansing.retrain import retrain
from gansift.cleansing.retraining import Harmful, Ids, Random, Removal, ScoresOf, changes
from gansift.cleansing.statistics import mean_interval
from gansift.cleansing.trial import Cell, Trial
from gansift.cleansing.verify import Verification, verify

__all__ = [
    "Cell",
    "Check",
    "Crossed",
    "Decisions",
    "Harmful",
    "Ids",
    "Judgement",
    "Random",
    "Removal",
    "ScoresOf",
    "Trial",
    "Verification",
    "calibrated",
    "changes",
    "checked",
    "choose",
    "chosen_count",
    "complete_cells",
    "cross_fitted",
    "crossed",
    "difference",
    "judge_removal",
    "mean_interval",
    "over_folds",
    "read_decisions",
    "retrain",
    "retrained_players",
    "strongest",
    "verify",
]
