"""Compiled steps: the same training and scores but for rounding, and what cannot be compiled is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gansift import games, influence, training
from gansift.cleansing.retrain import retrain
from gansift.errors import ReplayError, TrainingError
from gansift.training.compiled import _compiled
from gansift.training.state import PARAMETERS, checksum
from toys import Critic, KilledError, MeanWave, Perceptron, ThreePlayers, examples, gan, kill_at

ADAM = training.Adam(lr=0.05, eps=1e-2)


def _train(game=None, data=None, **arguments):
    settings = {"steps": 8, "batch_size": 4, "optimizers": ADAM, "ema": 0.8, "checkpoint_every": 3, "dtype": "float64"}
    return training.train(game or gan(r1=0.3), data or examples(), **settings | arguments)


def _three(**arguments):
    data = {"simulated": examples(name="simulated"), "real": examples(seed=1, name="real")}
    return _train(ThreePlayers(), data, **arguments)


@pytest.mark.slow
@pytest.mark.parametrize("train", [_train, _three])
def test_compiled_runs_and_their_scores_are_those_of_others_but_for_rounding(train, tmp_path):
    plain, compiled = train(), train(compiled=True, outdir=tmp_path)
    for player, slots in plain.state(8).items():
        torch.testing.assert_close(compiled.state(8)[player][PARAMETERS], slots[PARAMETERS], rtol=1e-9, atol=1e-11)
    expected, found = influence.itd(plain, MeanWave()).values, influence.itd(compiled, MeanWave()).values
    assert np.abs(found - expected).max() < 1e-9 * np.abs(expected).max()


def test_a_compiled_run_repeats_and_resumes_bit_for_bit(tmp_path):
    whole = _train(compiled=True)

    with pytest.raises(KilledError):
        _train(compiled=True, outdir=tmp_path, progress=kill_at(5))
    resumed = _train(compiled=True, outdir=tmp_path)
    assert checksum(resumed.state(8)) == checksum(whole.state(8))
    assert checksum(retrain(resumed, [], horizon=5).state(8)) == checksum(whole.state(8))
    with pytest.raises(ReplayError, match="compiled True there, False here"):
        _train(outdir=tmp_path)


class Turning(games.GAN):
    """A loss that reads everything a batch says of itself."""

    def discriminator_loss(self, net, batch, draw):
        loss = super().discriminator_loss(net, batch, draw)
        share = (batch.rows / 12 + batch.turn + batch.step / batch.steps) * batch.raw_weight
        return loss + games.weighted_mean(share * net.discriminator(batch.x), batch.weight)


@pytest.mark.slow
def test_what_a_batch_says_of_itself_is_not_fixed_when_a_loss_is_compiled():
    plain, compiled = (
        _train(Turning(Perceptron(2, 2), Critic(2), schedule="2:1"), renormalise=True, compiled=compiled)
        for compiled in (False, True)
    )
    for player, slots in plain.state(8).items():
        torch.testing.assert_close(compiled.state(8)[player][PARAMETERS], slots[PARAMETERS], rtol=1e-9, atol=1e-11)


class Branching(games.GAN):
    def generator_loss(self, net, batch, draw):
        loss = super().generator_loss(net, batch, draw)
        return 2 * loss if batch.step % 2 else loss


class Slow(games.GAN):
    def generator_loss(self, net, batch, draw):
        return super().generator_loss(net, batch, draw) * float(1 + np.exp(-np.asarray(batch.step) / 1000)) / 2


class Seeded(games.GAN):
    def generator_loss(self, net, batch, draw):
        draw.seed()
        return super().generator_loss(net, batch, draw)


@pytest.mark.parametrize(
    ("game", "said"),
    [
        (Branching, "the loss of generator cannot be compiled"),
        (Slow, "the loss of generator is not the same once it is compiled"),
        (Seeded, "a loss that draws a seed cannot be compiled"),
    ],
)
def test_what_would_be_fixed_by_compiling_is_refused(game, said):
    with pytest.raises(TrainingError, match=said):
        _train(game(Perceptron(2, 2), Critic(2)), compiled=True)


def test_what_is_not_the_same_once_it_is_compiled_is_refused():
    calls = []

    def counted(x):
        calls.append(x)
        return [x * len(calls)]

    x = torch.ones(3)
    with pytest.raises(TrainingError, match="the loss of generator is not the same once it is compiled"):
        _compiled(counted, "the gradient", "generator", [x], [x])


def test_parts_of_a_batch_are_not_compiled():
    with pytest.raises(TrainingError, match="compiled needs batches in one piece"):
        _train(compiled=True, micro_batches=2)
