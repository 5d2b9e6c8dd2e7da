"""A run directory elsewhere: the same bits, other bits, and what is not finished."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from gansift import games, influence, training
from gansift.errors import ReplayError, TrainingError
from toys import Critic, KilledError, MeanWave, Perceptron, examples, kill_at


class Threaded(Perceptron):
    """A network that rounds differently with another number of threads, as with another device."""

    def forward(self, x):
        return super().forward(x) * (1 + 1e-9 * torch.get_num_threads())


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _train(folder, generator, **arguments):
    game = games.GAN(generator, Critic(2), r1=0.3)
    return training.train(
        game, examples(), steps=10, batch_size=4, optimizers=training.Adam(lr=0.05, eps=1e-2), ema=0.8,
        checkpoint_every=3, dtype="float64", outdir=folder, **arguments,
    )  # fmt: skip


def test_a_run_of_elsewhere_that_replays_to_the_same_bits_is_as_good_as_one_of_here(tmp_path, caplog):
    there = influence.itd(_train(tmp_path, Perceptron(2, 2)), MeanWave())
    torch.set_num_threads(2)
    here = influence.itd(_train(tmp_path, Perceptron(2, 2)), MeanWave())
    assert np.array_equal(there.values, here.values)
    assert not caplog.records


def test_a_run_of_elsewhere_that_replays_to_other_bits_is_refused_saying_how_far_off_it_is(tmp_path):
    _train(tmp_path, Threaded(2, 2))
    torch.set_num_threads(2)
    with pytest.raises(ReplayError, match=r"threads 1 there, 2 here.* off by .e-\d\d of their length.*--accept-drift"):
        _train(tmp_path, Threaded(2, 2))


def test_accepted_drift_gives_the_scores_of_a_slightly_different_run(tmp_path, caplog):
    there = influence.itd(_train(tmp_path, Threaded(2, 2)), MeanWave())
    torch.set_num_threads(2)
    with caplog.at_level(logging.WARNING):
        run = _train(tmp_path, Threaded(2, 2), accept_drift=True)
    assert "this was accepted" in caplog.text
    assert 0 < run.drift() < 1e-6
    here = influence.itd(run, MeanWave())
    assert not np.array_equal(there.values, here.values)
    np.testing.assert_allclose(here.values, there.values, atol=1e-5 * np.abs(there.values).max())


def test_a_run_of_here_has_not_drifted(tmp_path):
    assert _train(tmp_path, Threaded(2, 2)).drift() == 0


def test_a_run_that_is_not_finished_is_not_gone_on_with_elsewhere(tmp_path):
    with pytest.raises(KilledError):
        _train(tmp_path, Perceptron(2, 2), progress=kill_at(7))
    torch.set_num_threads(2)
    for accept_drift in (False, True):
        with pytest.raises(TrainingError, match=r"begun elsewhere \(threads 1 there, 2 here\) and is not finished"):
            _train(tmp_path, Perceptron(2, 2), accept_drift=accept_drift)
