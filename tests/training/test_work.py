"""What a step computes is counted, and decides whether replicas of it are computed together."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from gansift import games, training
from gansift.cleansing.replicas import stack_size
from gansift.data import Splits
from gansift.games.batch import weighted_mean
from gansift.systems import build
from gansift.training import work
from gansift.training.stacked import seeds_together
from gansift.training.train import untrained
from toys import examples, gan

BATCH, INPUTS, OUTPUTS = 5, 2, 7


class Regression(games.Game):
    """One player with a layer, of rows or of images with as many channels."""

    stackable = True

    def __init__(self, layer: nn.Module, *shape: int) -> None:
        self.shape = shape
        super().__init__(learner=layer)

    def learner_loss(self, net, batch, draw):
        made = net.learner(batch.x.reshape(len(batch), *self.shape) if self.shape else batch.x)
        return weighted_mean(made.square().flatten(1).mean(1), batch.weight)


def step_of(game, data=None, **settings):
    settings = {
        "batch_size": BATCH, "optimizers": training.SGD(lr=0.1), "dtype": "float64", "ema": 0.0, "renormalise": False,
        "device": "cpu",
    } | settings  # fmt: skip
    return untrained(game, {"data": data or examples(12)}, steps=2, seed=0, **settings).step


def test_a_dense_layer_costs_two_products_of_matrices():
    # The layer itself and the gradient of its weights; what goes in has no gradient.
    step = step_of(Regression(nn.Linear(INPUTS, OUTPUTS, bias=False)))
    assert work.operations(step) == 2 * (2 * BATCH * INPUTS * OUTPUTS)


def test_a_convolution_costs_its_kernel_at_every_place():
    layer = nn.Conv2d(2, 3, 3, padding=1, bias=False)
    step = step_of(Regression(layer, 2, 4, 4), examples(12, dim=32))
    assert work.operations(step) == 2 * (2 * BATCH * 2 * 3 * 9 * 16)


def test_the_player_with_the_most_operations_counts_and_penalties_do():
    plain, penalised = (work.operations(step_of(gan(r1=r1))) for r1 in (0.0, 0.5))
    assert 0 < plain < penalised


def test_what_is_counted_changes_nothing_of_a_training():
    settings = {"steps": 3, "batch_size": 4, "optimizers": training.SGD(lr=0.1), "dtype": "float64"}
    runs = [training.train(gan(), examples(), **settings) for _ in range(2)]
    work.operations(runs[0].step)
    again = runs[0].step(runs[0].state(0), 0, runs[0].weights)
    expected = runs[1].step(runs[1].state(0), 0, runs[1].weights)
    assert all(torch.equal(again[name]["parameters"], expected[name]["parameters"]) for name in expected)


def test_replicas_are_as_many_as_have_room_or_one_by_one_if_they_compute_or_hold_much(monkeypatch):
    step = step_of(gan())
    size = sum(layout.size for layout in step.layouts.values())
    assert work.replicas_together(step, 10 * size + 1) == 10
    assert work.replicas_together(step, size - 1) == 1
    monkeypatch.setattr(work, "_FEW", work.operations(step) - 1)
    assert work.replicas_together(step, 10 * size) == 1
    monkeypatch.setattr(work, "_FEW", work.operations(step))
    monkeypatch.setattr(work, "SMALL", size - 1)
    assert work.replicas_together(step, 10 * size) == 1


@pytest.mark.parametrize(("width", "together"), [(8, True), (12, False)])
def test_a_unet_is_stacked_only_where_it_is_narrow(width, together):
    pixels = examples(60, dim=14 * 14)
    images = replace(pixels, x=pixels.x.reshape(-1, 1, 14, 14).float())
    system = build("matching", {"photos": Splits("photos", images, images, images)}, {"width": width})
    step = step_of(system.new_game(0), images, batch_size=50, optimizers=system.optimizers, dtype="float32")
    assert (stack_size(step) > 1) is together
    assert (seeds_together(step) > 1) is together


class Failing(games.GAN):
    def generator_loss(self, net, batch, draw):
        raise ValueError("no such thing")


def test_a_loss_that_fails_is_left_for_training_to_name():
    networks = gan().players
    step = step_of(Failing(networks["generator"], networks["discriminator"]))
    assert work.replicas_together(step, 1_000_000) > 1
