"""Rolling scores against `itd` of shorter trainings, and against finite differences of retraining."""

from __future__ import annotations

import logging
from dataclasses import replace
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gansift import influence, training
from gansift.cleansing import retrain
from gansift.errors import GansiftError, UsageError
from gansift.influence.rolling import rolling_metrics
from gansift.training.train import redo
from toys import MeanWave, examples, gan

STEPS, HORIZON = 14, 4


def _train(steps=STEPS, **settings):
    optimizer = settings.pop("optimizer", training.Adam(lr=0.05, eps=1e-2))
    return training.train(
        gan(r1=0.3), examples(), steps=steps, batch_size=4, optimizers=optimizer, dtype="float64", ema=0.8, **settings
    )


@pytest.fixture(scope="module")
def run():
    return _train(checkpoint_every=5)


def _relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def test_each_window_is_itd_of_a_training_that_ends_there(run):
    ends = [14, 11, 10, 7, 5]  # at and between checkpoints, overlapping and not
    looks = influence.rolling(run, MeanWave(), HORIZON, ends)
    shorter = [influence.itd(_train(end), MeanWave(), HORIZON) for end in ends]
    assert [window.end for window in looks.windows] == ends
    for found, expected in zip(looks.values, shorter, strict=True):
        assert _relative(found, expected.values) < 1e-9
    mean = influence.combine([looks], "alike")
    assert _relative(mean.values, np.mean([scores.values for scores in shorter], axis=0)) < 1e-9


@pytest.mark.parametrize("renormalise", [False, True])
def test_a_window_before_the_end_of_a_decaying_rate_predicts_what_retraining_does_there(renormalise):
    """The prefix of a run whose rate depends on its length is no shorter training; it is retrained as what it is."""
    optimizer = training.Adam(lr=0.05, eps=1e-2, decay="cosine", warmup=3)
    run, metric, small = _train(optimizer=optimizer, renormalise=renormalise), MeanWave(), 1e-4
    looks = influence.rolling(run, metric, HORIZON, [9])
    cut = run.until(9)
    for row in (0, 5, 11):
        values = []
        for change in (-small, small):
            weights = cut.weights.clone()
            weights[row] += change
            values.append(metric.value(redo(cut, weights, HORIZON)))
        assert looks.values[0, row] == pytest.approx((values[0] - values[1]) / (2 * small), rel=1e-5, abs=1e-9)
    assert retrain(cut, [], horizon=HORIZON).steps == 9


def test_metrics_that_share_a_sweep_are_scored_as_each_alone(run):
    metrics = [MeanWave(), MeanWave(2.0)]
    together = rolling_metrics(run, metrics, HORIZON)
    believed = rolling_metrics(run, metrics)
    for row, metric in enumerate(metrics):
        assert _relative(together[row].values, influence.rolling(run, metric, HORIZON).values) < 1e-12
        assert _relative(believed[row].values, influence.rolling(run, metric).values) < 1e-12


def test_first_derivatives_alone_give_nearly_the_same(run):
    exact = influence.rolling(run, MeanWave(), HORIZON)
    approximate = influence.rolling(run, MeanWave(), HORIZON, products="central-difference")
    assert _relative(approximate.values, exact.values) < 1e-5


def test_windows_follow_one_another_from_the_end_to_the_first_seventh(run):
    looks = influence.rolling(run, MeanWave())
    assert [(window.end, window.horizon) for window in looks.windows] == [(end, 2) for end in (14, 12, 10, 8, 6, 4)]
    assert {window.seed for window in looks.windows} == {run.step.settings.seed}


def test_windows_end_at_recorded_states_that_are_near():
    states = _train(40, checkpoint_every=6)
    ends = [window.end for window in influence.rolling(states, MeanWave(), 8).windows]
    assert ends == [40, 30, 24, 18]  # 40, 32, 24 and 16 would follow one another
    assert influence.rolling(states, MeanWave(), 8, [32]).windows[0].end == 32


def test_windows_are_shortened_to_what_can_be_believed(run, monkeypatch):
    monkeypatch.setattr("gansift.influence.horizon.BELIEVABLE", 3.5)
    looks = influence.rolling(run, MeanWave(), "auto", [14])
    assert looks.windows[0].horizon <= 2
    monkeypatch.setattr("gansift.influence.horizon.BELIEVABLE", 1.5)
    (window,) = influence.rolling(run, MeanWave(), "auto", [14]).windows
    assert window.horizon == 1


def test_a_window_that_explodes_is_left_out_and_named(run, caplog):
    class Explodes(MeanWave):
        def gradient(self, source):
            factor = 1e3 if source.steps == 10 else 1.0
            return {name: factor * value for name, value in super().gradient(source).items()}

    with caplog.at_level(logging.WARNING):
        looks = influence.rolling(run, Explodes(), HORIZON, [14, 12, 10, 8])
    assert [window.end for window in looks.windows] == [14, 12, 8]
    assert "step 10" in looks.left_out[0]
    assert "step 10" in caplog.text


def test_a_window_that_overflows_or_has_no_gradient_is_left_out_and_named(run):
    class Saturates(MeanWave):
        def gradient(self, source):
            factor = {12: float("inf"), 10: 0.0}.get(source.steps, 1.0)
            return {name: factor * torch.ones_like(value) for name, value in super().gradient(source).items()}

    looks = influence.rolling(run, Saturates(), HORIZON, [14, 12, 10])
    assert [window.end for window in looks.windows] == [14]
    assert sorted(reason.partition(":")[0] for reason in looks.left_out) == [
        "the window that ends at step 10",
        "the window that ends at step 12",
    ]
    with pytest.raises(GansiftError, match=r"none of 2 windows could be scored .*step 1"):
        influence.rolling(run, Saturates(), HORIZON, [12, 10])


def test_a_budget_takes_windows_that_are_spread_over_the_run(run, monkeypatch):
    clock = iter(range(100))
    rolling = import_module("gansift.influence.rolling")  # the name is also that of the function
    monkeypatch.setattr(rolling, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    looks = influence.rolling(run, MeanWave(), 2, budget=5)
    assert [window.end for window in looks.windows] == [14, 10, 4]


@pytest.mark.parametrize(
    ("horizon", "ends", "message"),
    [
        (4, [15], "ends at step 15"),
        (4, [3], "ends at step 3"),
        (0, [5], "window of 0 steps"),
        (4, [], "at least one window"),
        ("long", None, "'long'"),
    ],
)
def test_windows_that_are_not_in_the_run_are_refused(run, horizon, ends, message):
    with pytest.raises(UsageError, match=message):
        influence.rolling(run, MeanWave(), horizon, ends)


def test_progress_counts_every_step_that_is_swept(run):
    seen = []
    influence.rolling(run, MeanWave(), HORIZON, [14, 8], progress=seen.append)
    assert seen == [13, 12, 11, 10, 7, 6, 5, 4]


def test_a_run_is_cut_where_it_says(run):
    cut = run.until(9)
    assert cut.steps == 9
    assert replace(cut, end=None) == run
    for player, slots in cut.trained().parameters.items():
        torch.testing.assert_close(slots, _train(9).trained().parameters[player], rtol=0, atol=0)
    with pytest.raises(UsageError, match="cannot be cut after step 15"):
        run.until(15)
