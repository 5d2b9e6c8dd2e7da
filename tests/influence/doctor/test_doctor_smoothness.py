"""Metasmoothness is that of its definition, and tells smooth training from rough."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from doctor_games import Own, step, troubles
from torch import nn

from gansift import data, games, models, training
from gansift.games.batch import weighted_mean
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.influence.doctor.smoothness import metasmoothness, smoothness
from toys import Perceptron, examples

DIGITS = data.load("digits", seed=0).train.subset(range(200))
SMOOTH = training.Adam(lr=1e-3, betas=(0.0, 0.99), eps=1e-3, eps_inside=True)


def test_it_is_the_definition_of_the_paper():
    """Written out parameter by parameter, with trainings by the public function."""
    points = examples(24)
    game, arguments = Own(), {"batch_size": 6, "optimizers": training.Adam(lr=0.05), "dtype": "float64"}

    def final(weights):
        state = training.train(game, points, steps=12, weights=weights, **arguments).state(12)
        return [float(value) for slots in state.values() for value in slots["parameters"]]

    values = []
    for key in range(2):
        signs = np.where(Draw(0, "doctor", "smoothness", key).uniform(24).numpy() < 0.5, 1.0, -1.0)
        agreement = total = 0.0
        for a, b, c in zip(final(None), final(1 + 0.3 * signs), final(1 + 0.6 * signs), strict=True):
            agreement += abs(c - a) * np.sign(b - a) * np.sign(c - b)
            total += abs(c - a)
        values.append(agreement / total)
    measured = metasmoothness(step(game, {"data": points}, optimizer=training.Adam(lr=0.05), dtype="float64"), 12)
    assert measured == pytest.approx(np.mean(values), rel=1e-9)
    assert -1 < measured < 1


class Linear(Game):
    """Parameters that move in proportion to the weights: as smooth as can be."""

    def __init__(self):
        super().__init__(player=Perceptron(2, 1))

    def player_loss(self, net, batch, draw):
        flat = torch.cat([value.flatten() for value in net.player.parameters()])
        return weighted_mean(batch.x.sum(1) * flat.sum(), batch.weight)


def test_training_that_is_linear_in_the_weights_is_smooth_and_one_that_breaks_down_is_not():
    assert metasmoothness(step(Linear(), optimizer=training.SGD(lr=0.1)), 10) == 1
    exploding = Own(term=lambda net, batch, draw: weighted_mean(net.critic(batch.x), batch.weight).exp().exp())
    assert metasmoothness(step(exploding, optimizer=training.SGD(lr=1e4)), 10) == 0


def _digits(optimizer, activation=None):
    networks = [models.MLPGenerator(width=24), models.MLPDiscriminator(width=24)]
    if activation is not None:
        for network in networks:
            network.layers[1] = network.layers[3] = activation
    return step(
        games.GAN(*networks, r1=1.0),
        {"data": DIGITS},
        batch_size=20,
        optimizer=optimizer,
        ema=0.98,
    )


def test_smooth_training_gets_a_clean_bill_and_rough_training_a_warning_with_what_to_change():
    assert troubles(smoothness(_digits(SMOOTH), 20)) == set()
    (found,) = smoothness(_digits(training.Adam(lr=4e-3, betas=(0.5, 0.99), warmup=100)), 20)
    assert found.verdict == "warning"
    assert "eps_inside" in found.remedy


def test_kinks_make_training_rougher():
    assert metasmoothness(_digits(SMOOTH, nn.ReLU()), 20) + 0.05 < metasmoothness(_digits(SMOOTH), 20)
