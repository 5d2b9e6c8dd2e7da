"""A game at one set of parameters: its samples, of requested classes where it can make them."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import one_hot

from gansift import games
from gansift.errors import UsageError
from gansift.games.draw import Draw
from gansift.games.parameters import Layout
from toys import Critic, Perceptron, gan


class Conditional(games.GAN):
    """Its generator is told one of two classes."""

    def __init__(self):
        super().__init__(Perceptron(4, 2), Critic(2), latent=2)

    def sample(self, net, count, draw, label=None):
        label = (draw.uniform(count) < 0.5).long() if label is None else label
        return net.generator(torch.cat([draw.normal(count, 2), one_hot(label, 2)], 1))


def _trained(game):
    return games.Trained(game, {name: Layout(module).flatten(module) for name, module in game.players.items()})


def test_requested_labels_reach_the_generator():
    trained, label = _trained(Conditional()), torch.tensor([0, 1, 1])
    found = trained.sample(3, Draw(0), label=label)
    latents = torch.cat([Draw(0).normal(3, 2), one_hot(label, 2)], 1)
    assert torch.equal(found, trained.net().generator(latents))
    assert not torch.equal(found, trained.sample(3, Draw(0), label=1 - label))
    assert trained.sample(3, Draw(0)).shape == (3, 2)


def test_labels_are_refused_where_they_would_be_ignored_or_do_not_fit():
    with pytest.raises(UsageError, match=r"GAN\.sample has no parameter `label`"):
        _trained(gan()).sample(3, Draw(0), label=torch.zeros(3, dtype=torch.int64))
    with pytest.raises(UsageError, match=r"one label each, shape \(3,\), not \(2,\)"):
        _trained(Conditional()).sample(3, Draw(0), label=torch.zeros(2, dtype=torch.int64))


def test_what_a_method_makes_of_examples_is_the_same_in_parts_and_has_no_graph():
    trained = _trained(Conditional())
    x = Draw(1).normal(1203, 4)
    made = trained.made_of(lambda net, part: net.generator(part), x)
    assert not made.requires_grad
    torch.testing.assert_close(made, trained.net().generator(x).detach())


@pytest.mark.parametrize("name", ["sample", "confidence", "predict", "represent", "show"])
def test_a_game_offers_what_it_or_its_base_writes_and_lacks_the_rest_by_name(name):
    class Base(games.Game):
        def critic_loss(self, net, batch, draw): ...

    offering = type("Offering", (Base,), {name: lambda *arguments: "here"})
    heir = type("Heir", (offering,), {})
    assert heir(critic=Critic(2)).offers(name)
    plain = Base(critic=Critic(2))
    assert not plain.offers(name)
    with pytest.raises(NotImplementedError, match=f"Base has no method {name}"):
        getattr(plain, name)(*[None] * (3 if name == "sample" else 2))
