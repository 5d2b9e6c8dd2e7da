"""What holds for every built-in system: it trains, its scores are those of retraining, and a kill changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from gansift import cleansing, data, influence, training
from gansift.data import Splits
from gansift.games import Trained
from gansift.systems import SYSTEMS, build, manual, spec_of
from gansift.training.state import readout
from tiny_system import TINY
from toys import KilledError, kill_at

STEPS = 8


def few(source: str, seed: int) -> Splits:
    """The first examples of a data set; of the same one under another seed, others are in the splits."""
    whole = data.load(source, seed=seed)
    return Splits(source, *(part.subset(range(40)) for part in (whole.train, whole.valid, whole.test)))


class Case:
    """A tiny system that can be trained again and again."""

    def __init__(self, name: str) -> None:
        self.tiny = TINY[name]
        self.name = name
        self.sets = {key: few(source, seed) for seed, (key, source) in enumerate(self.tiny.sources.items())}
        self.metric = self.system().judges(self.tiny.metric, **self.tiny.question).validation

    def system(self):
        return build(self.name, self.sets, self.tiny.settings)

    def train(self, steps=STEPS, seed=1, **more):
        system = self.system()
        return training.train(
            system.new_game(seed),
            {key: splits.train for key, splits in self.sets.items()},
            steps=steps,
            batch_size=dict(self.tiny.batch),
            optimizers=system.optimizers,
            ema=system.defaults["ema"],
            seed=seed,
            dtype="float64",
            **more,
        )


@pytest.fixture(scope="module", params=sorted(SYSTEMS))
def case(request):
    return Case(request.param)


@pytest.fixture(scope="module")
def run(case):
    return case.train()


def test_its_manual_lists_the_metrics_that_it_has(case):
    metrics = manual(spec_of(case.name)).metrics
    assert metrics.keys() == case.system().metrics.keys()
    assert all(metrics.values())


def test_it_trains(case):
    run = case.train(steps=60)
    before = Trained(run.step.game, readout(run.state(0)), run.weights)
    gained = case.metric.value(before) - case.metric.value(run)
    if case.tiny.improves:
        assert (gained if case.metric.direction == "lower" else -gained) > 0.05
    else:
        assert abs(gained) > 1e-3


def test_scores_are_those_of_retraining_for_examples_of_every_data_set(case, run):
    scores = influence.itd(run, case.metric)
    rows = np.concatenate([_largest(scores.values, run, name) for name in case.sets])
    found, expected = scores.values[rows], _differences(case, run, rows)
    assert np.abs(expected).min() > 1e-9, "the examples that are looked at have a say"
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8 * np.abs(expected).max())


def _largest(values: np.ndarray, run, name: str) -> np.ndarray:
    """The rows of a data set with its largest and a middling score."""
    names = [identity.split(":")[0] for identity in run.ids]
    rows = np.array([row for row, own in enumerate(names) if own == name or name == "data"])
    order = rows[np.argsort(np.abs(values[rows]))]
    return order[[-1, len(order) // 2]]


def _differences(case, run, rows) -> np.ndarray:
    stride = case.tiny.stride

    def value(row, change):
        weights = run.weights.clone()
        weights[row] += change
        return case.metric.value(case.train(weights=weights))

    return np.array([(value(row, -stride) - value(row, stride)) / (2 * stride) for row in rows])


def test_stacked_retrainings_are_those_of_one_after_the_other(case, run):
    assert run.step.game.stackable
    removals = [run.ids[:1], (), run.ids[-3:]]
    for ids, players in zip(removals, cleansing.retrained_players(run, removals, STEPS), strict=True):
        alone = cleansing.retrain(run, ids, horizon=STEPS).trained()
        for name, value in alone.parameters.items():
            np.testing.assert_allclose(players.parameters[name], value, rtol=1e-10, atol=1e-13)


def test_a_killed_training_goes_on_to_the_same_bytes(case, tmp_path):
    case.train(outdir=tmp_path / "whole")
    with pytest.raises(KilledError):
        case.train(outdir=tmp_path / "killed", progress=kill_at(5))
    case.train(outdir=tmp_path / "killed")
    files = {path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*") if path.is_file()}
    assert files
    for file in files:
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "killed" / file).read_bytes(), file
