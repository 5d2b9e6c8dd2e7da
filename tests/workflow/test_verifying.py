"""What `gansift verify` is asked for is understood as one horizon and one number, or refused before it begins."""

from __future__ import annotations

import pytest

from configs import config
from gansift.errors import UsageError
from gansift.workflow import stages
from gansift.workflow.config import Way
from gansift.workflow.plan import Plan

PLAN = Plan(config(steps=80), 100, 10, Way("itd", False))


@pytest.mark.parametrize(
    ("horizon", "remove", "message"),
    [
        ("1,2", "5", "--horizon 1,2: give one horizon"),
        ("auto", "5", "--horizon auto: give one horizon"),
        ("-1", "5", "--horizon: '-1' is not understood"),
        ("nan", "5", "--horizon: 'nan' is not understood"),
        (None, "1,2", "--remove 1,2: give one count or share"),
        (None, "nan%", "--remove: 'nan' is not understood"),
    ],
)
def test_what_is_no_single_number_is_refused_whatever_the_run_is(horizon, remove, message):
    with pytest.raises(UsageError, match=message):
        stages.Verifying(None, horizon, 3, remove, False).check()


def test_a_horizon_is_in_epochs_and_no_longer_than_the_run():
    stages.Verifying(None, "3", 3, "5%", False).check()
    assert [stages._given_horizon(text, PLAN) for text in ("3", "0.25", "8", "all")] == [30, 2, 80, 80]
    for text in ("9", "1e30"):
        with pytest.raises(UsageError, match=f"--horizon {text}: the run has 80 steps, 8 epochs; give at most"):
            stages._given_horizon(text, PLAN)
