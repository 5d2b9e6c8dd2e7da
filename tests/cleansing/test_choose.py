"""Choosing on validation data, and the intervals over seeds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gansift import cleansing, training
from gansift.cleansing.trial import Cell, Trial, random_ids
from toys import examples, gan


def _trial(seed, horizon, removed, validation, test=0.0):
    return Trial(seed, horizon, removed, 0.0, validation, test, 0.0, 0.0)


def test_the_interval_is_that_of_students_t_test():
    values = [0.3, -0.2, 0.5, 0.1]
    mean, ci95 = cleansing.mean_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean == pytest.approx(np.mean(values))
    assert ci95 == pytest.approx((expected.low, expected.high))


def test_a_single_seed_has_no_interval():
    assert cleansing.mean_interval([0.4]) == (0.4, None)


def test_the_best_validation_change_is_chosen_whatever_the_test_says():
    trials = [
        *[_trial(seed, 10, 5, -1.0 - 0.01 * seed, test=-9.0) for seed in range(3)],
        *[_trial(seed, 20, 5, -2.0 - 0.01 * seed, test=+9.0) for seed in range(3)],
    ]
    assert cleansing.choose(trials, "lower") == Cell(20, 5)


def test_a_sure_gain_is_preferred_to_a_larger_one_carried_by_a_lucky_seed():
    lucky = [_trial(seed, 10, 5, value) for seed, value in enumerate([-0.5, -0.6, -0.4, -0.5, -9.0])]
    large_but_spread = [_trial(seed, 20, 5, value) for seed, value in enumerate([-1.0, -2.6, -1.2, -2.5, -0.6])]
    sure = [_trial(seed, 30, 5, value) for seed, value in enumerate([-1.2, -1.1, -1.3, -1.2, -1.2])]
    assert cleansing.choose(lucky + large_but_spread + sure, "lower") == Cell(30, 5)


def test_a_gain_within_the_noise_over_seeds_is_not_chosen():
    noisy = [_trial(seed, 10, 5, value) for seed, value in enumerate([-5.0, 4.0, -1.0])]
    assert cleansing.choose(noisy, "lower") is None
    assert cleansing.choose([_trial(seed, 10, 5, 1.0 + 0.1 * seed) for seed in range(3)], "lower") is None


def test_the_direction_decides_what_helps():
    rising = [_trial(seed, 10, 5, 1.0 + 0.1 * seed) for seed in range(3)]
    assert cleansing.choose(rising, "higher") == Cell(10, 5)


def test_random_removal_is_the_same_again_and_differs_between_cells():
    run = training.train(gan(), examples(), steps=3, batch_size=4, optimizers=training.SGD(lr=0.1))
    assert random_ids(run, Cell(2, 4)) == random_ids(run, Cell(2, 4))
    assert set(random_ids(run, Cell(2, 4))) != set(random_ids(run, Cell(3, 4)))
