"""Horizons and removals from their flags."""

from __future__ import annotations

import pytest

from gansift.errors import UsageError
from gansift.workflow.config import parse_estimators, parse_horizons


def test_horizons_are_epochs_in_steps_and_longer_ones_than_the_run_are_left_out():
    assert parse_horizons("5,1,100,all", epoch=16, steps=200) == [16, 80, 200]
    assert parse_horizons("1", epoch=300, steps=200) == [200]


@pytest.mark.parametrize(("steps", "found"), [(160, [16, 32, 64, 128, 160]), (128, [16, 32, 64, 128]), (10, [10])])
def test_automatic_horizons_double_up_to_the_whole_run(steps, found):
    assert parse_horizons("auto", epoch=16, steps=steps) == found


def test_estimators_are_known_names_or_none():
    assert parse_estimators("density, random") == ["density", "random"]
    assert parse_estimators("none") == []
    with pytest.raises(UsageError, match="no estimator 'magic'"):
        parse_estimators("density,magic")
