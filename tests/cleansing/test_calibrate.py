"""Predicted gains, corrected by what other seeds' retraining bore out."""

from __future__ import annotations

import numpy as np
import pytest

from gansift.cleansing import calibrated
from gansift.cleansing.trial import Trial


def _trials(predicted, measured):
    return [
        Trial(seed, 10, 5, p, m, 0.0, 0.0, 0.0)
        for seed, (p, m) in enumerate(zip(predicted, measured, strict=True))
    ]  # fmt: skip


def test_a_constant_overestimate_is_undone_exactly():
    assert calibrated(_trials([-4.0, -8.0, -2.0], [-1.0, -2.0, -0.5])) == pytest.approx(-3.5 / 3)


def test_no_seed_corrects_its_own_prediction():
    # Seed 0 alone kept nothing; its own correction comes from the others, which kept all.
    found = calibrated(_trials([-1.0, -1.0, -1.0], [0.0, -1.0, -1.0]))
    assert found == pytest.approx(np.mean([-1.0, -0.5, -0.5]))


def test_without_other_seeds_or_predictions_nothing_can_be_said():
    assert calibrated(_trials([-1.0], [-1.0])) is None
    assert calibrated(_trials([-1.0, 0.0], [-1.0, -1.0])) is None
    assert calibrated(_trials([float("inf"), -1.0, 1.0], [-1.0, -1.0, 1.0])) is None
