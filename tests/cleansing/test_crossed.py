"""Intervals that cover seeds, held-out examples and latents, against formulas and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gansift.cleansing.crossed import crossed, difference
from gansift.cleansing.statistics import mean_interval
from gansift.metrics import Replicates


def _measured(seeds, examples, latents, blocks=20):
    """A mean over seeds, examples and latents, with replicates: value_s = a_s + mean e + mean l."""

    def without(values):
        block = np.arange(len(values)) % blocks
        return [values[block != number].mean() for number in range(blocks)]

    return [
        Replicates(
            own + examples.mean() + latents.mean(),
            tuple(own + left + latents.mean() for left in without(examples)),
            tuple(own + examples.mean() + left for left in without(latents)),
        )
        for own in seeds
    ]


def test_the_parts_of_the_error_are_those_of_the_textbook():
    random = np.random.default_rng(0)
    seeds, examples, latents = (random.standard_normal(count) for count in (7, 40, 60))
    found = crossed(_measured(seeds, examples, latents, blocks=20))
    assert found.mean == pytest.approx(seeds.mean() + examples.mean() + latents.mean())
    assert found.of_seeds == pytest.approx(stats.sem(seeds))
    # With equal blocks the jackknife of a mean is the standard error of the means of blocks.
    for part, values in ((found.of_examples, examples), (found.of_latents, latents)):
        means = [values[np.arange(len(values)) % 20 == number].mean() for number in range(20)]
        assert part == pytest.approx(stats.sem(means))
    assert found.error**2 == pytest.approx(found.of_seeds**2 + found.of_examples**2 + found.of_latents**2)


def test_without_replicates_it_is_the_interval_over_seeds():
    values = [1.0, -2.0, 0.5, 3.0]
    found = crossed([Replicates(value) for value in values])
    np.testing.assert_allclose(found.interval.ci95, mean_interval(values).ci95)
    assert found.of_examples is None
    assert found.of_latents is None


def test_one_seed_has_no_interval():
    found = crossed([Replicates(1.0, (1.0, 2.0), (1.0, 1.5))])
    assert found.error is None
    assert found.interval == (1.0, None)
    with pytest.raises(ValueError, match="no values"):
        crossed([])


def test_the_interval_covers_other_seeds_examples_and_latents_and_one_over_seeds_alone_does_not():
    random = np.random.default_rng(1)
    inside, seeds_alone = [], []
    for _ in range(300):
        measured = _measured(random.standard_normal(8), 4 * random.standard_normal(60), 3 * random.standard_normal(80))
        low, high = crossed(measured).interval.ci95
        inside.append(low <= 0 <= high)
        low, high = mean_interval([value.value for value in measured]).ci95
        seeds_alone.append(low <= 0 <= high)
    assert np.mean(inside) >= 0.93
    assert np.mean(seeds_alone) < 0.85


def test_a_bias_that_few_examples_bring_widens_the_interval():
    """The variance with divisor n is too small by its n-th part, which the jackknife knows."""
    random = np.random.default_rng(2)
    x = random.standard_normal(40)
    without = tuple(float(np.delete(x, row).var()) for row in range(40))
    found = crossed([Replicates(float(x.var()), without)] * 2)
    bias = 39 * (np.mean(without) - x.var())
    assert bias == pytest.approx(-x.var(ddof=1) / 40)
    deviations = np.array(without) - np.mean(without)
    assert found.of_examples**2 == pytest.approx(39 / 40 * (deviations**2).sum() + bias**2)


def test_a_difference_is_taken_block_by_block():
    one, other = Replicates(3.0, (1.0, 2.0), (5.0,)), Replicates(1.0, (1.5, 0.5), (4.0,))
    assert difference(one, other) == (2.0, (-0.5, 1.5), (1.0,))
    assert difference(one, Replicates(1.0, (), (4.0,))) == (2.0, (), (1.0,))


def test_where_one_seed_has_no_replicates_that_source_is_left_out():
    values = [Replicates(1.0, (1.0, 2.0), ()), Replicates(2.0, (), ()), Replicates(4.0, (1.0, 2.0), ())]
    found = crossed(values)
    assert found.of_examples is None
    assert found.error == found.of_seeds
