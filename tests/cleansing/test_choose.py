"""Choosing on validation data, and the intervals over seeds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gansift import cleansing, training
from gansift.cleansing.choose import is_better
from gansift.cleansing.statistics import prediction_interval
from gansift.cleansing.trial import Cell, Trial, random_ids
from toys import examples, gan


def _trial(seed, horizon, removed, validation, test=0.0):
    return Trial(seed, horizon, removed, 0.0, validation, test, 0.0, 0.0)


def _choose(trials, direction):
    return cleansing.choose(cleansing.complete_cells(trials, len({trial.seed for trial in trials})), direction)


def test_the_interval_is_that_of_students_t_test():
    values = [0.3, -0.2, 0.5, 0.1]
    mean, ci95 = cleansing.mean_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean == pytest.approx(np.mean(values))
    assert ci95 == pytest.approx((expected.low, expected.high))


def test_the_prediction_interval_holds_the_next_seed_as_often_as_it_says():
    random = np.random.default_rng(0)
    draws = random.standard_normal((4000, 6))
    intervals = [prediction_interval(list(row[:5])) for row in draws]
    held = np.mean([low <= row[5] <= high for row, (_, (low, high)) in zip(draws, intervals, strict=True)])
    assert held == pytest.approx(0.95, abs=0.01)


def test_a_single_seed_has_no_interval():
    assert cleansing.mean_interval([0.4]) == (0.4, None)
    assert prediction_interval([0.4]) == (0.4, None)


def test_the_best_validation_change_is_chosen_whatever_the_test_says():
    trials = [
        *[_trial(seed, 10, 5, -1.0 - 0.01 * seed, test=-9.0) for seed in range(3)],
        *[_trial(seed, 20, 5, -2.0 - 0.01 * seed, test=+9.0) for seed in range(3)],
    ]
    assert _choose(trials, "lower") == Cell(20, 5)


def test_a_sure_gain_is_preferred_to_a_larger_one_carried_by_a_lucky_seed():
    lucky = [_trial(seed, 10, 5, value) for seed, value in enumerate([-0.5, -0.6, -0.4, -0.5, -9.0])]
    large_but_spread = [_trial(seed, 20, 5, value) for seed, value in enumerate([-1.0, -2.6, -1.2, -2.5, -0.6])]
    sure = [_trial(seed, 30, 5, value) for seed, value in enumerate([-1.2, -1.1, -1.3, -1.2, -1.2])]
    assert _choose(lucky + large_but_spread + sure, "lower") == Cell(30, 5)


def test_a_gain_within_the_noise_over_seeds_is_not_chosen():
    noisy = [_trial(seed, 10, 5, value) for seed, value in enumerate([-5.0, 4.0, -1.0])]
    assert _choose(noisy, "lower") is None
    assert _choose([_trial(seed, 10, 5, 1.0 + 0.1 * seed) for seed in range(3)], "lower") is None


def test_the_direction_decides_what_helps():
    rising = [_trial(seed, 10, 5, 1.0 + 0.1 * seed) for seed in range(3)]
    assert _choose(rising, "higher") == Cell(10, 5)


def test_a_cell_that_a_seed_lacks_is_never_chosen():
    tried = [_trial(seed, 10, 5, -1.0 - 0.1 * seed) for seed in range(3)]
    lacking = [_trial(seed, 60, 5, -9.0 - 0.1 * seed) for seed in range(2)]
    assert _choose(tried + lacking, "lower") == Cell(10, 5)
    assert cleansing.complete_cells(lacking, 3) == {}
    assert cleansing.choose({}, "lower") is None


def test_one_seed_takes_its_best_change_but_shows_no_gain():
    trials = [_trial(0, 10, 5, -1.0), _trial(0, 20, 5, -2.0)]
    assert _choose(trials, "lower") == Cell(20, 5)
    assert not is_better(cleansing.mean_interval([-2.0]), "lower")
    assert _choose([_trial(0, 10, 5, 1.0)], "lower") is None


def test_every_seed_is_judged_at_the_cell_that_the_others_choose():
    # Cell 10 is best for all but seed 2, which alone would carry cell 20.
    steady = [_trial(seed, 10, 5, -1.0 - 0.01 * seed, test=-1.0) for seed in range(4)]
    lucky = [_trial(seed, 20, 5, -9.0 if seed == 2 else -0.5, test=-9.0) for seed in range(4)]
    cells = cleansing.complete_cells(steady + lucky, 4)
    judged = cleansing.cross_fitted(cells, "lower")
    assert [(trial.seed, trial.horizon, trial.test) for trial in judged] == [(s, 10, -1.0) for s in range(4)]


def test_judging_by_other_seeds_is_free_of_the_bias_of_choosing_the_best():
    """Without any effect, and with test changes that equal the validation changes, the choice's own seeds deceive."""
    random = np.random.default_rng(0)
    own, others = [], []
    for _ in range(300):
        noise = random.standard_normal((15, 5))
        trials = [_trial(s, 1 + c, 5, noise[c, s], test=noise[c, s]) for c in range(15) for s in range(5)]
        cells = cleansing.complete_cells(trials, 5)
        best = min(cells, key=lambda cell: np.mean([trial.validation for trial in cells[cell]]))
        own.append(np.mean([trial.test for trial in cells[best]]))
        others.append(np.mean([trial.test for trial in cleansing.cross_fitted(cells, "lower")]))
    assert np.mean(own) < -0.5
    assert abs(np.mean(others)) < 4 * np.std(others) / np.sqrt(len(others))


def test_random_removal_is_the_same_again_and_differs_between_cells():
    run = training.train(gan(), examples(), steps=3, batch_size=4, optimizers=training.SGD(lr=0.1))
    removed = run.ids[:4]
    assert random_ids(run, Cell(2, 4), removed) == random_ids(run, Cell(2, 4), removed)
    assert set(random_ids(run, Cell(2, 4), removed)) != set(random_ids(run, Cell(3, 4), removed))
