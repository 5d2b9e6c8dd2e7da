"""Runs that are swept together are scored as each alone."""

from __future__ import annotations

import logging
from importlib import import_module

import numpy as np
import pytest

from gansift import games, influence, training
from gansift.errors import GansiftError
from gansift.influence import sweep as sweep_module
from gansift.training.stacked import stacks_of
from toys import MeanWave, Perceptron, ThreePlayers, acgan, examples, gan, labelled

ADAM = training.Adam(lr=0.05, eps=1e-2, decay="cosine", warmup=2)
SETTINGS = {"steps": 14, "batch_size": 4, "optimizers": ADAM, "ema": 0.8, "dtype": "float64", "checkpoint_every": 5}
SEEDS = (3, 1, 4)
ENDS = [14, 11, 10, 7]
METRICS = [MeanWave(), MeanWave(2.0)]


class Accuracy:
    """How sure the labeller is of class 0 on fixed examples."""

    name = "sure"
    direction = "higher"

    def _of(self, trained, parameters):
        return trained.game.predict(trained.net(parameters), examples(6, seed=9).x.double()).softmax(1)[:, 0].mean()

    value, gradient = MeanWave.value, MeanWave.gradient


def _train(make, data=None, **other):
    return training.train_seeds(lambda seed: make(), data or examples(), SEEDS, **SETTINGS | other)


def _alone(make, data=None, seed=0, **other):
    return training.train(make(), data or examples(), seed=seed, **SETTINGS | other)


def _dann():
    return games.DANN(Perceptron(2, 3), Perceptron(3, 3), Perceptron(3, 1))


TWO = {"simulated": examples(10, seed=1, name="s"), "real": examples(14, seed=2, name="r")}
DANN_DATA = {"source": labelled(examples(12)), "target": examples(12, seed=1, name="t")}


@pytest.fixture(scope="module")
def runs():
    return _train(lambda: gan(r1=0.3))


def _assert_same(found, expected, relative=1e-10):
    assert [window[:3] for window in found.windows] == [window[:3] for window in expected.windows]
    assert np.abs(found.values - expected.values).max() < relative * np.abs(expected.values).max()


def test_each_of_the_runs_is_asked_by_metrics_of_its_own(runs):
    own = [[MeanWave(factor)] for factor in (1.0, 2.0, 3.0)]
    for horizon in (4, "auto"):
        found = influence.rolling_seeds(runs, own, horizon, ENDS)
        for (looks,), metrics, seed in zip(found, own, SEEDS, strict=True):
            (expected,) = influence.rolling_metrics(_alone(lambda: gan(r1=0.3), seed=seed), metrics, horizon, ENDS)
            _assert_same(looks, expected)


@pytest.mark.parametrize(
    ("make", "data", "other", "metrics"),
    [
        (lambda: gan(r1=0.3), None, {}, METRICS),
        (lambda: gan(r1=0.3, schedule="simultaneous"), None, {"renormalise": True}, METRICS[:1]),
        (lambda: gan(r1=0.3, r1_interval=2), None, {}, METRICS),
        (_dann, DANN_DATA, {"ema": 0.0}, [Accuracy()]),
        (lambda: acgan(r1=0.3), labelled(examples(12)), {}, METRICS[:1]),
        (ThreePlayers, TWO, {"batch_size": {"simulated": 3, "real": 4}}, METRICS[:1]),
    ],
    ids=["r1", "simultaneous", "lazy-r1", "dann", "acgan", "three-players"],
)
def test_runs_that_were_trained_together_are_scored_together_as_each_alone(make, data, other, metrics):
    found = influence.rolling_seeds(_train(make, data, **other), [metrics] * 3, 4, ENDS)
    for looks, seed in zip(found, SEEDS, strict=True):
        expected = influence.rolling_metrics(_alone(make, data, seed=seed, **other), metrics, 4, ENDS)
        for of_metric, of_metric_alone in zip(looks, expected, strict=True):
            assert {window.seed for window in of_metric.windows} == {seed}
            _assert_same(of_metric, of_metric_alone)


def test_a_run_of_a_stack_is_scored_by_itself_as_with_the_others(runs):
    together = influence.rolling_seeds(runs, [METRICS] * 3, 4, ENDS)
    for looks, run in zip(together, runs, strict=True):
        _assert_same(looks[0], influence.rolling(run, METRICS[0], 4, ENDS))


def test_first_derivatives_alone_are_those_of_each_run(runs):
    together = influence.rolling_seeds(runs, [METRICS] * 3, 4, ENDS, products="central-difference")
    for looks, run in zip(together, runs, strict=True):
        for found, metric in zip(looks, METRICS, strict=True):
            expected = influence.rolling(run, metric, 4, ENDS, products="central-difference")
            _assert_same(found, expected, 1e-6)


def test_each_run_is_believed_as_far_as_by_itself(runs, monkeypatch):
    growths = [
        window.growth for (looks,) in influence.rolling_seeds(runs, [METRICS[:1]] * 3) for window in looks.windows
    ]
    monkeypatch.setattr("gansift.influence.horizon.BELIEVABLE", float(np.median(growths)))
    monkeypatch.setattr("gansift.influence.horizon.BELIEVABLE_EFFECT", float("inf"))
    together = influence.rolling_seeds(runs, [METRICS] * 3, "auto", ENDS)
    horizons = set()
    for looks, run in zip(together, runs, strict=True):
        for found, metric in zip(looks, METRICS, strict=True):
            _assert_same(found, influence.rolling(run, metric, "auto", ENDS))
            horizons |= {window.horizon for window in found.windows}
    assert len(horizons) > 1


def test_only_runs_of_one_stack_are_swept_together(runs, monkeypatch):
    alone = _alone(lambda: gan(r1=0.3), seed=9)
    other = _train(lambda: gan(r1=0.4))
    assert stacks_of([runs[0], alone, other[0], runs[2], other[1]]) == [[0, 3], [1], [2, 4]]
    assert stacks_of([runs[0], runs[1].until(9)]) == [[0], [1]]
    swept = []
    sweep = sweep_module.sweep
    itd_module = import_module("gansift.influence.itd")  # the name is also that of the function
    monkeypatch.setattr(itd_module, "sweep", lambda runs, *more: swept.append(len(runs)) or sweep(runs, *more))
    found = influence.rolling_seeds([runs[2], alone, runs[0]], [METRICS[:1]] * 3, 4, [14])
    assert swept == [2, 1]
    assert [looks.windows[0].seed for (looks,) in found] == [4, 9, 3]


def test_a_window_that_fails_in_one_run_is_left_out_there_alone(runs, caplog):
    class Saturates(MeanWave):
        def gradient(self, source):
            factor = {(1, 11): float("inf"), (4, 10): 0.0}.get((source.step.settings.seed, source.steps), 1.0)
            return {name: factor * value for name, value in super().gradient(source).items()}

    with caplog.at_level(logging.WARNING):
        found = influence.rolling_seeds(runs, [[Saturates()]] * 3, 4, ENDS)
    ends = [[window.end for window in looks.windows] for (looks,) in found]
    assert ends == [[14, 11, 10, 7], [14, 10, 7], [14, 11, 7]]
    for (looks,), run in zip(found, runs, strict=True):
        _assert_same(looks, influence.rolling(run, Saturates(), 4, ENDS))


def test_a_run_without_any_window_is_named(runs):
    class Saturates(MeanWave):
        def gradient(self, source):
            factor = 0.0 if source.step.settings.seed == 1 else 1.0
            return {name: factor * value for name, value in super().gradient(source).items()}

    with pytest.raises(GansiftError, match=r"none of 4 windows could be scored \(of seed 1"):
        influence.rolling_seeds(runs, [[Saturates()]] * 3, 4, ENDS)


def test_progress_counts_every_step_of_every_run(runs):
    seen = []
    influence.rolling_seeds(runs, [METRICS[:1]] * 3, 2, [14], progress=seen.append)
    assert seen == [13] * 3 + [12] * 3


def test_runs_opened_from_disk_with_little_memory_give_the_same_bits(tmp_path):
    folders = [tmp_path / str(seed) for seed in SEEDS]
    found = influence.rolling_seeds(_train(lambda: gan(r1=0.3), outdirs=folders), [METRICS[:1]] * 3, 4, ENDS)
    opened = [
        _alone(lambda: gan(r1=0.3), seed=seed, outdir=folder, memory=1)
        for seed, folder in zip(SEEDS, folders, strict=True)
    ]
    for (one,), (other,) in zip(found, influence.rolling_seeds(opened, [METRICS[:1]] * 3, 4, ENDS), strict=True):
        assert np.array_equal(one.values, other.values)
    assert stacks_of(opened) == [[0, 1, 2]]
