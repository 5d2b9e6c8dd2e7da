"""Cleansing: choosing what to remove, retraining without it, and showing the gain."""

from gansift.cleansing.retrain import retrain

__all__ = ["retrain"]
