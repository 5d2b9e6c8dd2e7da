"""Replicas that are trained together are real retrainings, one of each."""

from __future__ import annotations

import re

import pytest
import torch

from gansift import cleansing, games, training
from gansift.cleansing import replicas
from gansift.games.batch import weighted_mean
from toys import Critic, Perceptron, ThreePlayers, examples, gan

ADAM = training.Adam(lr=0.05, eps=1e-2)


def _train(game=None, **arguments):
    settings = {"steps": 9, "batch_size": 4, "optimizers": ADAM, "ema": 0.8, "dtype": "float64"} | arguments
    return training.train(game or gan(r1=0.4), examples(), **settings)


@pytest.mark.parametrize("renormalise", [False, True])
@pytest.mark.parametrize(
    "arguments", [{"schedule": "simultaneous", "r1": 0.3}, {"schedule": "2:1", "gradient_penalty": 0.3}]
)
def test_replicas_equal_one_retraining_each(arguments, renormalise):
    run = _train(gan(**arguments), renormalise=renormalise)
    removed = [("x/001",), (), ("x/004", "x/007", "x/000"), tuple(run.ids)]
    for ids, trained in zip(removed, cleansing.retrained_players(run, removed, 6), strict=True):
        alone = cleansing.retrain(run, ids, horizon=6).trained()
        for name, value in alone.parameters.items():
            torch.testing.assert_close(trained.parameters[name], value, rtol=1e-11, atol=1e-13)


def test_replicas_of_a_game_with_several_data_sets_equal_one_retraining_each():
    data = {"simulated": examples(10, seed=1, name="s"), "real": examples(14, seed=2, name="r")}
    run = training.train(
        ThreePlayers(), data, steps=6, batch_size={"simulated": 3, "real": 4}, optimizers=ADAM, ema=0.7, dtype="float64"
    )
    removed = [("simulated:s/001", "real:r/003"), ("real:r/000",)]
    for ids, trained in zip(removed, cleansing.retrained_players(run, removed, 4), strict=True):
        alone = cleansing.retrain(run, ids, horizon=4).trained()
        for name, value in alone.parameters.items():
            torch.testing.assert_close(trained.parameters[name], value, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("small", [0, 10**6])
def test_a_retraining_that_breaks_down_is_none(monkeypatch, small):
    monkeypatch.setattr("gansift.training.work.SMALL", small)
    run = _train()
    run.step.x["data"][3] = float("nan")
    assert cleansing.retrained_players(run, [(), ()], 9) == [None, None]


def test_a_game_that_cannot_be_stacked_is_retrained_one_by_one():
    class OwnPenalty(games.GAN):
        def discriminator_loss(self, net, batch, draw):
            x = batch.x.clone().requires_grad_()
            (slope,) = torch.autograd.grad(net.discriminator(x).sum(), x, create_graph=True)
            return super().discriminator_loss(net, batch, draw) + weighted_mean(slope.square().sum(1), batch.weight)

    run = _train(OwnPenalty(Perceptron(2, 2), Critic(2)))
    (trained,) = cleansing.retrained_players(run, [("x/001",)], 6)
    alone = cleansing.retrain(run, ["x/001"], horizon=6).trained()
    assert torch.equal(trained.parameters["generator"], alone.parameters["generator"])


class _Mixing(torch.autograd.Function):
    """The identity, which in a stack gives every replica the mean over all of them."""

    @staticmethod
    def forward(x):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, gradient):
        return gradient

    @staticmethod
    def vmap(info, in_dims, x):
        return x.mean(in_dims[0], keepdim=True).expand_as(x), in_dims[0]


class Mixing(games.GAN):
    stackable = True

    def generator_loss(self, net, batch, draw):
        mixed = _Mixing.apply(net.generator(torch.ones_like(batch.x)))
        return super().generator_loss(net, batch, draw) + mixed.square().sum()


class Writing(games.GAN):
    stackable = True

    def discriminator_loss(self, net, batch, draw):
        seen = torch.zeros(len(batch.x), dtype=batch.x.dtype)
        seen[:2] = net.discriminator(batch.x[:2]).detach()
        return super().discriminator_loss(net, batch, draw) + weighted_mean(seen, batch.weight)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            Writing,
            "Writing says .* it is not: the discriminator's loss fails under torch.func.vmap .RuntimeError: vmap",
        ),
        (Mixing, "Mixing says .* it is not: the generator's gradients in a stack differ from those alone by"),
    ],
)
def test_a_game_that_wrongly_says_it_is_stackable_is_retrained_one_by_one_and_named(kind, message, caplog):
    run = _train(kind(Perceptron(2, 2), Critic(2)))
    assert replicas.stack_size(run.step) == 1
    assert replicas.stack_size(run.step) == 1
    assert len(caplog.records) == 1
    assert re.search(message, caplog.text)
    removed = [("x/001",), ("x/004", "x/007")]
    for ids, trained in zip(removed, cleansing.retrained_players(run, removed, 6), strict=True):
        alone = cleansing.retrain(run, ids, horizon=6).trained()
        assert all(torch.equal(trained.parameters[name], value) for name, value in alone.parameters.items())


@pytest.mark.parametrize("renormalise", [False, True])
def test_a_game_that_rightly_says_it_is_stackable_is_stacked(renormalise, caplog):
    run = _train(gan(r1=0.3), renormalise=renormalise)
    assert replicas.stack_size(run.step) > 1
    assert not caplog.records
