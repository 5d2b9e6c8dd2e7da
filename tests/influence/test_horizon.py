"""How far back scores can be believed: the growth of the adjoint, and the horizon that it allows."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from gansift import influence, training
from gansift.errors import UsageError
from gansift.influence.horizon import BELIEVABLE, accumulated_growth, trust
from toys import MeanWave, examples, gan


def _growing(rate: float, steps: int = 20) -> list[tuple[int, float]]:
    return [(steps - 1 - row, 0.5 * rate**row) for row in range(steps)]


def test_accumulated_growth_is_the_sum_of_norms_in_units_of_the_last():
    assert accumulated_growth([(9, 2.0), (8, 6.0), (7, 1.0)]) == 4.5
    assert accumulated_growth([(9, 0.0), (8, 0.0)]) == 2.0


def test_the_believable_horizon_ends_where_the_accumulated_growth_passes_the_limit():
    found = trust(_growing(2.0), epoch=2)
    assert 2.0**found.horizon - 1 <= BELIEVABLE < 2.0 ** (found.horizon + 1) - 1
    assert found.state == "partly"
    assert found.accumulated == pytest.approx(2.0**20 - 1)
    peak = [(9, 1.0), (8, 2 * BELIEVABLE), (7, 1.0), (6, 1.0)]
    assert trust(peak, epoch=1).horizon == 1  # what lies behind a peak is not believed either


def test_a_run_is_smooth_over_all_of_the_sweep_or_chaotic_below_an_epoch():
    assert trust(_growing(1.0), epoch=5).state == "smooth"
    assert trust(_growing(1.0), epoch=5).horizon == 20
    assert trust(_growing(2.0), epoch=10).state == "chaotic"
    for rate, word in ((1.0, "smooth"), (1.9, "believed"), (4.0, "chaotic")):
        assert word in trust(_growing(rate), epoch=6).sentence(6)


@pytest.mark.parametrize(("lr", "chaotic"), [(0.01, False), (3.0, True)])
def test_an_automatic_horizon_is_that_of_the_same_sweep(lr, chaotic, caplog):
    run = training.train(
        gan(), examples(), steps=40, batch_size=4, optimizers=training.SGD(lr=lr), dtype="float64", seed=1
    )
    with caplog.at_level(logging.INFO, "gansift"):
        found = influence.itd(run, MeanWave(), horizon="auto")
    whole = influence.itd(run, MeanWave())
    assert found.horizon == trust(whole.growth, run.epoch).horizon
    assert (found.horizon < 40) == chaotic
    np.testing.assert_array_equal(found.values, influence.itd(run, MeanWave(), horizon=found.horizon).values)
    assert "believed" in caplog.text
    assert ("chaotic" in caplog.text) == (chaotic and found.horizon < run.epoch)


def test_another_word_for_the_horizon_is_refused():
    run = training.train(gan(), examples(), steps=3, batch_size=4, optimizers=training.SGD(lr=0.1))
    with pytest.raises(UsageError, match="'auto'"):
        influence.itd(run, MeanWave(), horizon="longest")
