"""Areas, rates and thresholds against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve

from gansift.audit.roc import Roc, area, balanced, found_at, threshold


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    return rng.normal(0.7, 1, (3, 150)).round(1), rng.normal(0, 1, (3, 200)).round(1)


def _labelled(members, others):
    return np.repeat([1, 0], [len(members), len(others)]), np.concatenate([members, others])


def test_the_area_is_scikit_learns_also_with_ties(scores):
    expected = [roc_auc_score(*_labelled(*pair)) for pair in zip(*scores, strict=True)]
    assert area(*scores) == pytest.approx(np.mean(expected), rel=1e-12)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3, 1.0])
def test_what_is_found_at_few_false_alarms_lies_on_scikit_learns_curve(scores, rate):
    expected = []
    for pair in zip(*scores, strict=True):
        alarms, found, _ = roc_curve(*_labelled(*pair), drop_intermediate=False)
        expected.append(found[alarms <= rate + 1e-12].max())
    assert found_at(*scores, rate) == pytest.approx(np.mean(expected))


def test_a_threshold_is_the_best_one_and_its_accuracy_scikit_learns(scores):
    members, others = scores[0][0], scores[1][0]
    limit = threshold(members, others)
    labels, values = _labelled(members, others)
    assert balanced(members, others, limit) == pytest.approx(balanced_accuracy_score(labels, values >= limit))
    every = [balanced(members, others, place) for place in np.linspace(-4, 4, 801)]
    assert balanced(members, others, limit) >= max(every) - 1e-12


def test_intervals_of_the_area_cover_the_true_one_as_often_as_they_say():
    rng, true, covered = np.random.default_rng(1), 0.7602, 0  # of normal distributions one standard deviation apart
    for _ in range(120):
        low, high = Roc(rng.normal(1, 1, (1, 60)), rng.normal(0, 1, (1, 80))).area.ci95
        covered += low <= true <= high
    assert 105 <= covered <= 120


def test_guessing_seldom_succeeds_and_a_real_difference_does():
    rng = np.random.default_rng(2)
    guesses = [Roc(*rng.normal(size=(2, 1, 100))).succeeds(attacks=5) for _ in range(60)]
    assert sum(guesses) <= 3  # each at 0.5 %
    assert Roc(rng.normal(1, 1, (1, 100)), rng.normal(0, 1, (1, 100))).succeeds(attacks=5)


def test_accuracy_by_thresholds_of_the_other_half_of_nothing_is_a_half():
    rng = np.random.default_rng(3)
    found = [Roc(*rng.normal(size=(2, 1, 60))).balanced_accuracy for _ in range(80)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.02)


def test_sets_are_told_where_single_examples_hardly_are():
    rng = np.random.default_rng(4)
    roc = Roc(rng.normal(0.3, 1, (1, 400)), rng.normal(0, 1, (1, 400)))
    assert roc.of_sets(20) > roc.area.value + 0.15
    assert roc.of_sets(300) is None


def test_there_is_no_rate_that_so_few_others_cannot_show(scores):
    roc = Roc(*scores)
    assert roc.at(0.001) is None
    low, high = roc.at(0.01).ci95
    assert low <= roc.at(0.01).value <= high
    alarms, found = roc.curve()
    assert list(alarms) == sorted(alarms)
    assert alarms[-1] == found[-1] == 0.0
