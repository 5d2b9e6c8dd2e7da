"""How far back scores can be believed: the growth of the adjoint, and the horizon that it allows."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from gansift import influence, training
from gansift.errors import UsageError
from gansift.influence.horizon import (
    BELIEVABLE,
    BELIEVABLE_EFFECT,
    accumulated_growth,
    predicted_effect,
    trust,
)
from toys import MeanWave, examples, gan


def _growing(rate: float, steps: int = 20, effect: float = 0.0) -> list[tuple[int, float, float]]:
    return [(steps - 1 - row, 0.5 * rate**row, effect * row) for row in range(steps)]


def test_accumulated_growth_is_the_sum_of_norms_in_units_of_the_last():
    assert accumulated_growth([(9, 2.0, 0.0), (8, 6.0, 0.0), (7, 1.0, 0.0)]) == 4.5
    assert accumulated_growth([(9, 0.0, 0.0), (8, 0.0, 0.0)]) == 2.0


def test_the_believable_horizon_ends_where_the_accumulated_growth_passes_the_limit():
    found = trust(_growing(2.0), epoch=2)
    assert 2.0**found.horizon - 1 <= BELIEVABLE < 2.0 ** (found.horizon + 1) - 1
    assert found.state == "partly"
    assert found.accumulated == pytest.approx(2.0**20 - 1)
    peak = [(9, 1.0, 0.0), (8, 2 * BELIEVABLE, 0.0), (7, 1.0, 0.0), (6, 1.0, 0.0)]
    assert trust(peak, epoch=1).horizon == 1  # what lies behind a peak is not believed either


def test_the_believable_horizon_ends_where_the_predicted_effect_passes_its_limit():
    found = trust(_growing(1.0, effect=BELIEVABLE_EFFECT / 7.5), epoch=2)
    assert (found.horizon, found.state) == (8, "partly")
    assert found.effect == pytest.approx(19 / 7.5 * BELIEVABLE_EFFECT)
    assert trust(_growing(1.0, effect=float("nan")), epoch=2).horizon == 1


def test_the_believable_horizon_ends_before_a_burst_of_the_effect():
    calm = [(19 - row, 1.0, 1e-5 * (row + 1)) for row in range(20)]
    burst = calm[:12] + [(step, norm, 1e-2) for step, norm, _ in calm[12:]]
    assert trust(calm, epoch=5).horizon == 20
    assert trust(burst, epoch=5).horizon == 12
    assert trust(burst, epoch=20).horizon == 20  # within an epoch effects may still be building up
    rising = [*calm[:12], (7, 1.0, 3e-4), (6, 1.0, 4e-4), *burst[14:]]
    assert trust(rising, epoch=5).horizon == 12  # the burst's own beginning is not believed either
    assert trust(rising[:14], epoch=5).horizon == 14  # unless none follows


def test_the_effect_is_the_spread_of_predictions_over_random_removals():
    by_weight = np.random.default_rng(0).normal(size=150)
    picks = [np.random.default_rng(seed).choice(150, 3, replace=False) for seed in range(20000)]
    spread = np.std([by_weight[rows].sum() for rows in picks])
    assert predicted_effect(by_weight, 4.0) == pytest.approx(spread / 4, rel=0.02)
    assert predicted_effect(by_weight, 0.0) == float("inf")
    assert predicted_effect(np.zeros(150), 0.0) == predicted_effect(np.ones(1), 1.0) == 0.0


def test_effects_are_shares_of_the_metric_unless_it_is_a_logarithm_or_has_a_scale():
    run = training.train(gan(), examples(), steps=3, batch_size=4, optimizers=training.SGD(lr=0.1), dtype="float64")
    metric = MeanWave()
    scores = influence.itd(run, metric)
    assert scores.growth[-1][2] == pytest.approx(predicted_effect(scores.values, abs(metric.value(run))))
    metric.scale = 0.05
    assert influence.itd(run, metric).growth[-1][2] == pytest.approx(predicted_effect(scores.values, 0.05))
    metric.logarithmic = True
    assert influence.itd(run, metric).growth[-1][2] == pytest.approx(predicted_effect(scores.values, 1.0))


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


def test_an_automatic_horizon_goes_back_to_before_a_burst(monkeypatch):
    run = training.train(gan(), examples(), steps=40, batch_size=4, optimizers=training.SGD(lr=0.01), dtype="float64")
    effects = iter([1e-4] * 20 + [5e-4] * 3 + [5e-3] * 17)
    monkeypatch.setattr("gansift.influence.sweep.predicted_effect", lambda by_weight, scale: next(effects))
    found = influence.itd(run, MeanWave(), horizon="auto")
    assert (found.horizon, len(found.growth)) == (20, 20)
    monkeypatch.undo()
    np.testing.assert_array_equal(found.values, influence.itd(run, MeanWave(), horizon=20).values)


def test_another_word_for_the_horizon_is_refused():
    run = training.train(gan(), examples(), steps=3, batch_size=4, optimizers=training.SGD(lr=0.1))
    with pytest.raises(UsageError, match="'auto'"):
        influence.itd(run, MeanWave(), horizon="longest")
