"""Agreement of predicted and true changes: against SciPy, and at the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from gansift.cleansing.agreement import agreement, with_interval


def _pairs(count: int = 60, noise: float = 0.5):
    random = np.random.default_rng(3)
    predicted = random.normal(size=count)
    return predicted, 0.7 * predicted + noise * random.normal(size=count) + 2.0


def test_statistics_are_those_of_scipy():
    predicted, true = _pairs()
    found = agreement(predicted, true)
    assert found.spearman.value == pytest.approx(stats.spearmanr(predicted, true).statistic, rel=1e-12)
    assert found.kendall.value == pytest.approx(stats.kendalltau(predicted, true).statistic, rel=1e-12)
    assert found.pearson.value == pytest.approx(stats.pearsonr(predicted, true).statistic, rel=1e-12)
    assert found.slope.value == pytest.approx(stats.linregress(predicted, true).slope, rel=1e-12)


def test_the_bootstrap_interval_covers_the_true_correlation_about_95_percent_of_the_time():
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(100):
        one = random.normal(size=50)
        other = 0.8 * one + 0.6 * random.normal(size=50)
        low, high = with_interval(lambda a, b: np.corrcoef(a, b)[0, 1], one, other).ci95
        covered += low <= 0.8 <= high
    assert 86 <= covered <= 100


def test_jaccard_is_the_overlap_of_both_ends():
    values = np.arange(40.0)
    assert agreement(values, values).jaccard.value == 1.0
    other = values.copy()
    other[[0, 20]] = other[[20, 0]]  # one of the four extremes is another one
    assert agreement(values, other).jaccard.value == pytest.approx(3 / 5)
    assert agreement(values[:19], values[:19]).jaccard is None


def test_a_perfect_prediction_and_a_reversed_one():
    predicted, _ = _pairs()
    assert agreement(predicted, 3 * predicted).slope.value == pytest.approx(3)
    assert agreement(predicted, -predicted).spearman.value == pytest.approx(-1)


def test_what_is_constant_has_no_correlation_and_few_removals_no_interval():
    predicted, true = _pairs()
    assert math.isnan(agreement(predicted, np.zeros(60)).spearman.value)
    assert agreement(np.zeros(60), true).slope.ci95 is None
    assert agreement(predicted[:7], true[:7]).spearman.ci95 is None
    with pytest.raises(ValueError, match="3 or more"):
        agreement(predicted[:2], true[:2])
