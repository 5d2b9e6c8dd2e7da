"""Means over folds with their errors, against formulas of the textbook and in simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gansift.cleansing.crossed import crossed
from gansift.cleansing.folds import over_folds
from gansift.metrics import Replicates

_BLOCKS = 20


def _without(values):
    block = np.arange(len(values)) % _BLOCKS
    return [values[block != number].mean() for number in range(_BLOCKS)]


def _fold(seeds, examples, latents):
    """A change that is the sum of a seed's own part, a mean over held-out examples and one over latents."""
    whole = examples.mean() + latents.mean()
    return [
        Replicates(
            own + whole,
            tuple(own + left + latents.mean() for left in _without(examples)),
            tuple(own + examples.mean() + left for left in _without(latents)),
        )
        for own in seeds
    ]


def _drawn(random, folds=4, seeds=8, examples=60, latents=60):
    """Folds that share latents and a part of what seeds do, and have examples of their own."""
    shared, drawn = random.standard_normal(seeds), random.standard_normal(latents)
    return [
        _fold(shared + random.standard_normal(seeds), random.standard_normal(examples), drawn) for _ in range(folds)
    ]


def _errors_of_means(values):
    return stats.sem([values[np.arange(len(values)) % _BLOCKS == number].mean() for number in range(_BLOCKS)])


def test_errors_of_disjoint_examples_add_up_and_shared_seeds_and_latents_do_not_average_out():
    random = np.random.default_rng(0)
    own = random.standard_normal((3, 7))
    examples = random.standard_normal((3, 40))
    latents = random.standard_normal(60)
    found = over_folds([_fold(*pair, latents) for pair in zip(own, examples, strict=True)])
    assert found.mean == pytest.approx(own.mean() + examples.mean() + latents.mean())
    assert found.of_seeds == pytest.approx(stats.sem(own.mean(axis=0)))
    assert found.of_examples == pytest.approx(sum(_errors_of_means(one) ** 2 for one in examples) ** 0.5 / 3)
    assert found.of_latents == pytest.approx(_errors_of_means(latents))
    assert found.error**2 == pytest.approx(found.of_seeds**2 + found.of_examples**2 + found.of_latents**2)


def test_one_fold_is_the_mean_over_its_seeds():
    fold = _drawn(np.random.default_rng(1), folds=1)[0]
    found, expected = over_folds([fold]), crossed(fold)
    np.testing.assert_allclose(found[:2] + found[3:], expected[:2] + expected[3:])


def test_the_interval_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(2)
    covered = [low <= 0 <= high for low, high in (over_folds(_drawn(random)).interval.ci95 for _ in range(400))]
    assert 0.92 <= np.mean(covered) <= 0.99


def test_a_fold_in_which_nothing_was_removed_changes_nothing():
    fold = _drawn(np.random.default_rng(3), folds=1)[0]
    alone, diluted = over_folds([fold]), over_folds([fold, None, None, None])
    assert diluted.mean == pytest.approx(alone.mean / 4)
    assert diluted.error == pytest.approx(alone.error / 4)
    assert over_folds([None, None]) is None


def test_a_seed_that_broke_down_in_one_fold_is_left_out_of_all():
    first, second = _drawn(np.random.default_rng(4), folds=2)
    found = over_folds([[None, *first[1:]], second])
    assert found.mean == pytest.approx(over_folds([first[1:], second[1:]]).mean)
    assert over_folds([[None] * len(first), second]) is None


def test_bias_of_a_metric_on_few_examples_is_shared_by_folds():
    random = np.random.default_rng(5)
    biased = []
    for _ in range(4):
        x = random.standard_normal(60)
        rest = [np.delete(x, np.arange(number, 60, _BLOCKS)) for number in range(_BLOCKS)]
        # The square of a mean is too large by variance / n.
        biased.append([Replicates(float(x.mean() ** 2), tuple(float(one.mean() ** 2) for one in rest))] * 2)
    found = over_folds(biased)
    assert found.of_examples > np.sqrt(sum(0.25 * crossed(one).of_examples ** 2 for one in biased)) / 4
    assert found.of_examples >= abs(np.mean([19 * (np.mean(one[0].without_examples) - one[0].value) for one in biased]))
