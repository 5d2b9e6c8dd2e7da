"""The Spearman-Brown formula against simulated looks."""

from __future__ import annotations

import numpy as np
import pytest

from gansift.influence.reliability import looks_needed, reliability_of, stepped_up


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_the_reliability_of_a_mean_is_its_correlation_with_that_of_other_looks(noise):
    random = np.random.default_rng(0)
    truth = random.standard_normal(20_000)
    looks = truth + noise * random.standard_normal((10, 20_000))
    whole, one = reliability_of(looks[:5])
    assert one == pytest.approx(1 / (1 + noise**2), abs=0.02)
    assert whole == pytest.approx(np.corrcoef(looks[:5].mean(axis=0), looks[5:].mean(axis=0))[0, 1], abs=0.02)


def test_as_many_looks_as_are_needed_reach_the_reliability_and_one_fewer_does_not():
    for one in (0.05, 0.3, 0.62, 0.8, 0.95):
        count = looks_needed(one, 0.8)
        assert stepped_up(one, count) >= 0.8 - 1e-9
        assert count == 1 or stepped_up(one, count - 1) < 0.8


def test_looks_that_contradict_one_another_have_no_reliability():
    look = np.arange(5.0)
    assert reliability_of(np.stack([look, -look])) == (0, 0)
    assert looks_needed(0.0, 0.8) is None


def test_one_look_or_looks_without_differences_tell_nothing():
    assert reliability_of(np.arange(5.0)[None]) == (None, None)
    assert reliability_of(np.stack([np.arange(5.0), np.ones(5)])) == (None, None)
