"""The comparison with finite differences cannot pass by accident: every wrong adjoint is seen."""

from __future__ import annotations

import pytest
import torch
from doctor_games import Own, only, step, troubles

from gansift import training
from gansift.influence.adjoint import step_adjoint
from gansift.influence.doctor import derivatives as package
from gansift.influence.doctor.derivatives import derivatives
from gansift.influence.doctor.differences import TOLERANCE, disagreement
from gansift.training.state import PARAMETERS
from toys import ThreePlayers, examples, gan


def _scaled_weights(adjoint, by_weight):
    by_weight *= 1 + 1e-3
    return adjoint


def _scaled(player, slot):
    def change(adjoint, by_weight):
        return adjoint | {player: adjoint[player] | {slot: adjoint[player][slot] * (1 + 1e-3)}}

    return change


def _one_weight(adjoint, by_weight):
    by_weight[by_weight != 0] += torch.eye(int((by_weight != 0).sum()))[0] * by_weight.abs().max() * 1e-2
    return adjoint


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_scaled_weights, "weights"),
        (_one_weight, "weights"),
        (_scaled("generator", PARAMETERS), "the generator's parameters"),
        (_scaled("discriminator", PARAMETERS), "the discriminator's parameters"),
        (_scaled("discriminator", "second_moment"), "the discriminator's first_moment and second_moment"),
        (_scaled("generator", "first_moment"), "the generator's first_moment"),
    ],
)
def test_an_adjoint_that_is_wrong_by_a_thousandth_is_a_fault(monkeypatch, change, named):
    game = step(gan(r1=0.5), optimizer=training.Adam(lr=1e-3, betas=(0.5, 0.99)), ema=0.9)
    assert troubles(derivatives(game)) == set()

    def wrong(step, record, weights, adjoint, by_weight):
        return change(step_adjoint(step, record, weights, adjoint, by_weight), by_weight)

    monkeypatch.setattr(package, "step_adjoint", wrong)
    faults = [found for found in derivatives(game) if found.verdict == "fault"]
    assert faults
    assert any(named in found.message for found in faults)


def test_the_gradient_of_an_unrolled_gan_in_place_of_the_game_is_a_fault(monkeypatch):
    """The trap of alternating updates: reading the generator's move at the discriminator of before its update."""
    game = step(gan())

    def wrong(step, record, weights, adjoint, by_weight):
        record.before[1] = record.before[0]
        return step_adjoint(step, record, weights, adjoint, by_weight)

    monkeypatch.setattr(package, "step_adjoint", wrong)
    assert "fault" in {found.verdict for found in derivatives(game)}


@pytest.mark.parametrize(
    "optimizer",
    [
        training.SGD(lr=1e-4),
        training.SGD(lr=0.1, momentum=0.9, nesterov=True),
        training.Adam(lr=1e-6, betas=(0.5, 0.999), warmup=1000, decay="cosine"),
        training.AdamW(lr=1e-3, betas=(0.0, 0.9)),
        training.RMSprop(lr=1e-3, momentum=0.5),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
@pytest.mark.parametrize("schedule", ["alternating", "simultaneous", "2:1"])
def test_every_optimizer_and_schedule_is_right(optimizer, schedule):
    assert troubles(derivatives(step(gan(r1=0.5, schedule=schedule), optimizer=optimizer, ema=0.9))) == set()


def test_more_players_and_data_sets_are_right():
    sets = {"simulated": examples(12, name="s"), "real": examples(10, name="r", seed=1)}
    assert troubles(derivatives(step(ThreePlayers(), sets, batch_size=4, ema=0.5, renormalise=True))) == set()


def test_a_detached_path_outside_of_all_modules_is_a_fault_of_the_loss():
    def term(net, batch, draw):
        value = net.critic(batch.x * 0)
        return (value.detach() * value).mean()

    found = only(derivatives(step(Own(term=term))), "derivatives")
    assert found.where == "critic_loss"


@pytest.mark.parametrize(
    "function",
    [torch.sin, torch.exp, lambda t: t**3, lambda t: (t + 0.3).abs(), lambda t: 1e6 * t, lambda t: 0 * t + 5],
)
def test_right_derivatives_agree_and_wrong_ones_do_not(function):
    at = torch.tensor([0.7], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(function(at).sum(), at)
    along = lambda t: function(at.detach() + t)  # noqa: E731
    assert disagreement(along, slope) < TOLERANCE
    assert disagreement(along, slope * (1 + 1e-4) + 1e-4) > TOLERANCE
    assert not disagreement(along, slope * torch.nan) < TOLERANCE
