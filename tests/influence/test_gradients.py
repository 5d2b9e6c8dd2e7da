"""What a gradient is pulled back to: exact, by differences, for several directions, and for parts of a batch."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
import torch

from gansift.influence.gradients import DifferencedGradient, ExactGradient, Update, products
from gansift.training import Adam
from gansift.training.step import Step
from gansift.training.train import settings_for
from toys import examples, gan


def _update(micro_batches=1, **arguments):
    data = {"data": examples()}
    settings = settings_for(
        gan(r1=0.5), data, steps=9, batch_size=4, optimizers=Adam(lr=0.05), ema=0.0, seed=0, dtype="float64",
        device="cpu", micro_batches=micro_batches, **{"renormalise": False} | arguments,
    )  # fmt: skip
    step = Step(gan(r1=0.5), data, settings)
    weights = torch.linspace(0.5, 1.5, 12, dtype=torch.float64)
    return [Update.of(step, 2, player, 0, step.initial(), weights) for player in step.game.players]


def _directions(update, count=3):
    return torch.randn(count, len(update.inputs[update.own]), dtype=torch.float64, generator=torch.Generator())


def test_differences_of_first_derivatives_equal_second_derivatives():
    for update in _update():
        direction = _directions(update)[0]
        exact, differenced = ExactGradient(update), DifferencedGradient(update)
        assert torch.equal(exact.value, differenced.value)
        for one, other in zip(exact.pull(direction), differenced.pull(direction), strict=True):
            assert torch.allclose(one, other, rtol=1e-5, atol=1e-6 * float(direction.norm()))


def test_nothing_is_pulled_back_along_no_direction():
    for update in _update():
        none = torch.zeros_like(update.inputs[update.own])
        assert all(not part.any() for part in DifferencedGradient(update).pull(none))


def test_what_is_not_a_number_stays_so():
    for update in _update():
        broken = torch.full_like(update.inputs[update.own], torch.nan)
        assert all(part.isnan().any() for part in DifferencedGradient(update).pull(broken)[:1])


@pytest.mark.parametrize("cannot_be_stacked", [False, True])
def test_both_ends_are_the_same_one_after_the_other(cannot_be_stacked, monkeypatch):
    for update in _update():
        direction = _directions(update)[0]
        with monkeypatch.context() as patched:
            vmap = Mock(side_effect=torch.vmap)
            patched.setattr("gansift.influence.gradients.vmap", vmap)
            stacked = DifferencedGradient(update).pull(direction)
        assert vmap.call_count == 1
        with monkeypatch.context() as patched:
            if cannot_be_stacked:
                patched.setattr("gansift.influence.gradients.vmap", _refuse)
            else:
                patched.setattr(update.step.game, "stackable", False)
            apart = DifferencedGradient(update).pull(direction)
        for one, other in zip(stacked, apart, strict=True):
            assert torch.allclose(one, other, rtol=1e-6, atol=1e-7 * float(direction.norm()))


def _refuse(function):
    raise RuntimeError("no batching rule")


@pytest.mark.parametrize("kind", [ExactGradient, DifferencedGradient])
def test_several_directions_are_pulled_back_like_each_alone(kind):
    for update in _update():
        directions = _directions(update)
        together = kind(update).pull(directions)
        for row, direction in enumerate(directions):
            for stacked, alone in zip(together, kind(update).pull(direction), strict=True):
                torch.testing.assert_close(stacked[row], alone, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("small", [True, False])
def test_an_operator_that_torch_cannot_vectorise_is_pulled_back_one_direction_after_the_other(small, monkeypatch):
    if not small:
        monkeypatch.setattr("gansift.influence.gradients.SMALL", 0)
    fused = torch.nn.GroupNorm(2, 4).double()
    x = torch.randn(3, 4, 2, 2, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(fused(x).tanh().square().sum(), x, create_graph=True)
    flat = gradient.reshape(-1)
    directions = torch.randn(5, len(flat), dtype=torch.float64)
    (found,) = products(flat, directions, [x])
    for row, direction in enumerate(directions):
        (alone,) = torch.autograd.grad(flat, x, direction, retain_graph=True)
        torch.testing.assert_close(found[row], alone)


@pytest.mark.parametrize("kind", [ExactGradient, DifferencedGradient])
@pytest.mark.parametrize("renormalise", [False, True])
def test_parts_of_a_batch_are_pulled_back_to_the_same_as_the_whole(kind, renormalise):
    for whole, parts in zip(_update(renormalise=renormalise), _update(4, renormalise=renormalise), strict=True):
        direction = _directions(whole)
        one, other = kind(whole), kind(parts)
        torch.testing.assert_close(one.value, other.value, rtol=1e-12, atol=1e-14)
        for expected, found in zip(one.pull(direction), other.pull(direction), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_a_known_gradient_is_taken_over():
    for update in _update(2):
        known = update.gradient()
        for kind in (ExactGradient, DifferencedGradient):
            assert kind(update, known).value is known
