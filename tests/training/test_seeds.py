"""Seeds that are trained together are those that each would be alone."""

from __future__ import annotations

import gc
import json
import logging
import re
import weakref

import pytest
import torch

from gansift import games, models, training
from gansift.cleansing import retrain
from gansift.errors import TrainingError, UsageError
from gansift.games.batch import weighted_mean
from gansift.training import stacked
from gansift.training.stacked import Stack
from gansift.training.state import PARAMETERS, checksum
from toys import Critic, KilledError, Perceptron, ThreePlayers, acgan, examples, gan, labelled

ADAM = training.Adam(lr=0.05, eps=1e-2, decay="cosine", warmup=2)
SETTINGS = {"steps": 9, "batch_size": 4, "optimizers": ADAM, "ema": 0.8, "dtype": "float64"}
TWO = {"simulated": examples(10, seed=1, name="s"), "real": examples(14, seed=2, name="r")}


def _together(make, data=None, seeds=(3, 1, 4), **other):
    return training.train_seeds(lambda seed: make(), data or examples(), seeds, **SETTINGS | other)


def _alone(make, data=None, seed=0, **other):
    return training.train(make(), data or examples(), seed=seed, **SETTINGS | other)


def _assert_close(run, other):
    for player, slots in other.state(other.steps).items():
        for name, value in slots.items():
            torch.testing.assert_close(run.state(run.steps)[player][name], value, rtol=1e-10, atol=1e-12)


class Branching(games.GAN):
    """It asks for the number of the step, so it cannot be written down."""

    stackable = True

    def generator_loss(self, net, batch, draw):
        loss = super().generator_loss(net, batch, draw)
        return 2 * loss if batch.step % 2 else loss


class Shuffling(games.GAN):
    """It draws of every kind."""

    stackable = True

    def discriminator_loss(self, net, batch, draw):
        order, noise = draw.permutation(len(batch.x)), draw.uniform(len(batch.x), 2)
        near = net.discriminator(batch.x[order] + 0.1 * noise).tanh()
        return super().discriminator_loss(net, batch, draw) + weighted_mean(near, batch.weight[order])


class Seeding(games.GAN):
    """It draws a seed, which cannot be another one for each replica."""

    stackable = True

    def generator_loss(self, net, batch, draw):
        return super().generator_loss(net, batch, draw) * (1 + draw.seed() % 2)


class Moving(games.GAN):
    stackable = True

    def event(self, net, batch, draw):
        return {}


def _of(kind, **arguments):
    return lambda: kind(Perceptron(2, 2), Critic(2), **arguments)


def _dann():
    return games.DANN(Perceptron(2, 3), Perceptron(3, 3), Perceptron(3, 1))


DANN_DATA = {"source": labelled(examples(12)), "target": examples(12, seed=1, name="t")}


@pytest.mark.parametrize(
    ("make", "data", "other", "written"),
    [
        (lambda: gan(r1=0.3), None, {}, True),
        (lambda: gan(r1=0.3, schedule="simultaneous"), None, {"renormalise": True}, True),
        (lambda: gan(schedule="2:1", gradient_penalty=0.3), None, {}, True),
        (lambda: gan(r1=0.3, r1_interval=2), None, {}, False),
        (_dann, DANN_DATA, {"ema": 0.0}, True),
        (lambda: acgan(r1=0.3), labelled(examples(12)), {}, True),
        (lambda: acgan(games.ProjectionGAN, gradient_penalty=0.3), labelled(examples(12)), {}, True),
        (ThreePlayers, TWO, {"batch_size": {"simulated": 3, "real": 4}}, True),
        (_of(Shuffling), None, {"optimizers": training.AdamW(lr=0.05)}, True),
        (_of(Branching), None, {"optimizers": training.SGD(lr=0.05, momentum=0.9)}, False),
    ],
    ids=["r1", "simultaneous", "2:1", "lazy-r1", "dann", "acgan", "projection", "three-players", "draws", "branching"],
)
def test_seeds_that_are_trained_together_are_what_each_is_alone(make, data, other, written):
    runs = _together(make, data, **other)
    for place, (run, seed) in enumerate(zip(runs, (3, 1, 4), strict=True)):
        settings = run.step.settings
        assert (settings.seed, settings.stack, settings.place) == (seed, 3, place)
        assert run.step.written.possible == written
        _assert_close(run, _alone(make, data, seed=seed, **other))


def test_networks_of_a_usual_size_are_the_same_together_as_alone():
    def make():
        shape = (1, 8, 8)
        return games.GAN(
            models.MLPGenerator(latent=4, width=16, shape=shape), models.MLPDiscriminator(width=16, shape=shape), r1=1.0
        )

    data = examples(20, dim=64)
    data = type(data)(data.ids, data.x.reshape(20, 1, 8, 8), {}, data.paths, data.hashes)
    for run, seed in zip(_together(make, data, batch_size=8), (3, 1, 4), strict=True):
        _assert_close(run, _alone(make, data, seed=seed, batch_size=8))


def test_runs_differ_in_weights_too_and_one_seed_may_come_more_than_once():
    weights = [None, torch.ones(12, dtype=torch.float64), torch.linspace(0, 2, 12)]
    runs = _together(lambda: gan(r1=0.3), seeds=(5, 5, 6), weights=weights)
    assert not torch.equal(runs[1].state(9)["generator"][PARAMETERS], runs[2].state(9)["generator"][PARAMETERS])
    for run, weight, seed in zip(runs, weights, (5, 5, 6), strict=True):
        _assert_close(run, _alone(lambda: gan(r1=0.3), seed=seed, weights=weight))


@pytest.mark.parametrize("make", [lambda: gan(r1=0.3), _of(Branching)], ids=["written", "asked"])
def test_a_run_of_a_stack_replays_by_itself_to_the_same_bits(make):
    for run in _together(make):
        for number in (2, 7):  # between checkpoints
            assert len(list(run.reversed(number))) == 9 - number  # which compares the checksums
        again = retrain(run, [], horizon=5)
        assert checksum(again.state(9)) == checksum(run.state(9))


def test_what_a_member_computes_does_not_depend_on_what_the_others_hold():
    runs = _together(lambda: gan(r1=0.3))
    others = _together(lambda: gan(r1=0.3), seeds=(3, 8, 4), weights=[None, torch.zeros(12), None])
    for run, other in zip(runs[::2], others[::2], strict=True):
        assert checksum(run.state(9)) == checksum(other.state(9))


def test_a_killed_stack_goes_on_together_or_alone_to_the_same_bits(tmp_path):
    whole = _together(lambda: gan(r1=0.3), outdirs=[tmp_path / f"whole-{seed}" for seed in (3, 1, 4)])
    folders = [tmp_path / str(seed) for seed in (3, 1, 4)]
    made = []

    def kill(count):
        made.append(count)
        if len(made) == 7:
            raise KilledError

    with pytest.raises(KilledError):
        _together(lambda: gan(r1=0.3), outdirs=folders, progress=kill)
    assert made == [3] * 7
    assert json.loads((folders[1] / "config.json").read_text())["place"] == 1
    one = _alone(lambda: gan(r1=0.3), seed=1, outdir=folders[1])  # by `train`, which knows nothing of the others
    steps = []
    runs = _together(lambda: gan(r1=0.3), outdirs=folders, progress=steps.append)
    assert steps == [2] * 3  # the two that are left, from the checkpoint at step 6
    for run, expected in zip([*runs, one], [*whole, whole[1]], strict=True):
        assert checksum(run.state(9)) == checksum(expected.state(9))
    assert [run.name.split("-")[0] for run in runs] == ["3", "1", "4"]


def test_a_run_that_was_begun_alone_goes_on_alone(tmp_path):
    alone = _alone(lambda: gan(r1=0.3), seed=1, outdir=tmp_path / "1")
    runs = _together(lambda: gan(r1=0.3), outdirs=[tmp_path / "3", tmp_path / "1", tmp_path / "4"])
    assert [run.step.settings.stack for run in runs] == [2, 1, 2]
    assert checksum(runs[1].state(9)) == checksum(alone.state(9))


def test_no_more_than_a_stack_is_computed_at_a_time(monkeypatch):
    sizes, states = [], []
    trace = Stack.trace

    def counted(self, state, number, weights):
        sizes.append(len(weights))
        states.append(weakref.ref(state["generator"][PARAMETERS]))
        return trace(self, state, number, weights)

    monkeypatch.setattr(Stack, "trace", counted)
    monkeypatch.setattr(stacked, "STACKED", 2 * sum(p.numel() for m in gan().players.values() for p in m.parameters()))
    runs = _together(lambda: gan(), seeds=range(5))
    assert [run.step.settings.stack for run in runs] == [2, 2, 2, 2, 1]
    assert set(sizes) == {2}
    gc.collect()
    assert not any(state() is not None for state in states)  # what is kept of a run holds no other run in memory


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_of(Seeding), "Seeding says that it is stackable, and it is not: the generator's loss fails .*draws a seed"),
        (_of(Moving), ""),
        (_of(type("Silent", (games.GAN,), {})), ""),
    ],
    ids=["seed", "event", "silent"],
)
def test_a_game_that_cannot_be_stacked_is_trained_one_seed_after_the_other(make, message, caplog):
    with caplog.at_level(logging.WARNING):
        runs = _together(make, seeds=(3, 1))
    assert bool(message) == bool(caplog.records)
    assert re.search(message, caplog.text)
    for run, seed in zip(runs, (3, 1), strict=True):
        assert run.step.settings.stack == 1
        assert checksum(run.state(9)) == checksum(_alone(make, seed=seed).state(9))


@pytest.mark.parametrize("other", [{"micro_batches": 2}, {"stack": 1}])
def test_seeds_are_trained_alone_where_that_is_asked_for(other):
    assert [run.step.settings.stack for run in _together(lambda: gan(), **other)] == [1, 1, 1]


def test_seeds_of_networks_with_other_frozen_numbers_are_not_stacked():
    made = []

    class Scaled(Perceptron):
        def __init__(self):
            super().__init__(2, 2)
            made.append(self)
            self.register_buffer("scale", torch.tensor(1.0 + len(made)))

        def forward(self, x):
            return self.scale * super().forward(x)

    runs = _together(lambda: games.GAN(Scaled(), Critic(2)))
    assert [run.step.settings.stack for run in runs] == [1, 1, 1]


def test_seeds_that_break_down_are_named_once_the_others_are_trained(tmp_path):
    weights = [None, torch.full((12,), 1e200, dtype=torch.float64), None]
    folders = [tmp_path / str(seed) for seed in (3, 1, 4)]
    with pytest.raises(TrainingError, match=r"^seed 1: training broke down at step 1 of 9: [^;]*$"):
        _together(lambda: gan(), outdirs=folders, weights=weights)
    runs = [_alone(lambda: gan(), seed=seed, outdir=folder) for seed, folder in ((3, folders[0]), (4, folders[2]))]
    for run, expected in zip(runs, _together(lambda: gan())[::2], strict=True):
        assert run.step.settings.stack == 3
        assert checksum(run.state(9)) == checksum(expected.state(9))


def test_players_are_those_of_the_runs_and_none_where_training_breaks_down():
    weights = [None, torch.full((12,), 1e200, dtype=torch.float64), torch.linspace(0, 2, 12)]
    found = training.players_of_seeds(lambda seed: gan(), examples(), (3, 3, 4), weights=weights, **SETTINGS)
    assert found[1] is None
    for trained, seed, weight in ((found[0], 3, None), (found[2], 4, weights[2])):
        alone = _alone(lambda: gan(), seed=seed, weights=weight).trained()
        torch.testing.assert_close(trained.weights, alone.weights)
        for player, flat in alone.parameters.items():
            torch.testing.assert_close(trained.parameters[player], flat, rtol=1e-10, atol=1e-12)


def test_all_states_and_gradients_can_be_kept():
    runs = _together(lambda: gan(), checkpoint_every=1)
    alone = _together(lambda: gan())
    for run, other in zip(runs, alone, strict=True):
        kept = [record.gradients for record in run.reversed(0, gradients=True)]
        replayed = [record.gradients for record in other.reversed(0, gradients=True)]
        for one, two in zip(kept, replayed, strict=True):
            assert all(torch.equal(one[move][name], two[move][name]) for move in (0, 1) for name in one[move])


def test_as_many_folders_and_weights_as_seeds_are_needed(tmp_path):
    with pytest.raises(UsageError, match="there are 3 seeds and 1 outdirs"):
        _together(lambda: gan(), outdirs=[tmp_path])
    with pytest.raises(UsageError, match="there are 3 seeds and 2 weights"):
        _together(lambda: gan(), weights=[None, None])
