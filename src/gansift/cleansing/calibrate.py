"""What becomes of a predicted gain: effects aimed at the tail of a ranking do not add up, so predictions are too large.

The share of a prediction that retraining bears out is measured, not modelled: on other seeds, at the same cell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gansift.cleansing.trial import Trial


def calibrated(trials: Sequence[Trial]) -> float | None:
    """The mean prediction for a cell, each seed's corrected by the share that the other seeds' retraining bore out.

    Args:
        trials: of one cell, one for each seed.

    Returns:
        The corrected change of the validation metric; None for one seed, or where predictions are not finite or sum to
        zero.
    """
    predicted = np.array([trial.predicted for trial in trials])
    measured = np.array([trial.validation for trial in trials])
    if len(trials) < 2 or not np.isfinite(predicted).all():  # the sweep may have overflowed
        return None
    others_predicted, others_measured = predicted.sum() - predicted, measured.sum() - measured
    if not others_predicted.all():
        return None
    return float(np.mean(predicted * others_measured / others_predicted))
