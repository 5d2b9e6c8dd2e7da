"""A user's game written out by hand, healthy as it is, into which the tests put one fault at a time."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import softplus

from gansift import training
from gansift.games.batch import weighted_mean
from gansift.games.game import Game
from gansift.training.step import Settings, Step
from toys import Perceptron, examples

ADAM = training.Adam(lr=1e-2, betas=(0.0, 0.99), eps=1e-2, eps_inside=True)


class Judge(nn.Module):
    """Points (B, 2) to logits (B,), with one layer that a test may choose."""

    def __init__(self, layer=None):
        super().__init__()
        self.first = nn.Linear(2, 4)
        self.layer = layer or nn.Identity()
        self.last = nn.Linear(4, 1)

    def forward(self, x):
        return self.last(torch.tanh(self.layer(self.first(x)))).squeeze(1)


class Function(nn.Module):
    """Any function as a layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, h):
        return self.function(h)


def by_func(critic, x):
    return torch.func.grad(lambda rows: critic(rows).sum())(x)


def by_autograd(critic, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0]


class Own(Game):
    """A GAN with R1, written out.

    Args:
        layer: of the critic.
        generator: in place of a small one.
        slope: how the penalty takes its gradient, None for no penalty.
        term: term(net, batch, draw) -> scalar, added to the critic's loss.
        weight: what the critic's loss makes of the batch's weights.
    """

    def __init__(self, layer=None, generator=None, slope=by_func, term=None, weight=lambda weight: weight):
        super().__init__(generator=generator or Perceptron(2, 2), critic=Judge(layer))
        self.slope, self.term, self.weight = slope, term, weight

    def generator_loss(self, net, batch, draw):
        return softplus(-net.critic(net.generator(draw.normal(len(batch), 2)))).mean()

    def critic_loss(self, net, batch, draw):
        real = softplus(-net.critic(batch.x))
        if self.slope is not None:
            real = real + self.slope(net.critic, batch.x).square().sum(1) / 2
        loss = weighted_mean(real, self.weight(batch.weight))
        loss = loss + softplus(net.critic(net.generator(draw.normal(len(batch), 2)))).mean()
        return loss if self.term is None else loss + self.term(net, batch, draw)


def step(game, data=None, batch_size=6, optimizer=ADAM, **settings):
    data = data or {"data": examples(24)}
    given = {
        "steps": 200, "ema": 0.0, "seed": 0, "renormalise": False, "dtype": "float32", "device": "cpu"
    } | settings  # fmt: skip
    return Step(
        game,
        data,
        Settings(
            batch_size=dict.fromkeys(data, batch_size), optimizers=dict.fromkeys(game.players, optimizer), **given
        ),
    )


def troubles(findings):
    """(check, verdict, where) of everything that is not ok."""
    return {(found.check, found.verdict, found.where) for found in findings if found.verdict != "ok"}


def only(findings, check):
    """The one finding of that check that is not ok."""
    (found,) = [found for found in findings if found.check == check and found.verdict != "ok"]
    return found
