"""Players: whichever method or part is called, it computes with the bound parameters."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.func import vmap

from gansift.games.draw import Draw
from gansift.games.parameters import BoundPlayer, Layout, Net
from gansift.models.lora import Adapted


class Flow(nn.Module):
    """A network that is used by every way but its forward."""

    latent = 3

    def __init__(self):
        super().__init__()
        self.mapping = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
        self.heads = nn.ModuleDict({"a": nn.Linear(4, 2), "b": nn.Linear(4, 2)})
        self.logs = nn.Parameter(torch.zeros(2))

    @property
    def scale(self):
        return self.logs.exp()

    def encode(self, x, head="a"):
        return self.heads[head](self.mapping(x)) * self.scale

    def log_prob(self, x, *, head):
        return -self.encode(x, head).square().sum(1)

    def forward(self, x):
        return self.encode(x) + self.encode(x, "b")


WAYS = {
    "method": lambda flow, x: flow.log_prob(x, head="b"),
    "forward": lambda flow, x: flow(x).sum(1),
    "part": lambda flow, x: flow.mapping(x).sum(1),
    "layer of a part": lambda flow, x: flow.mapping[0](x).sum(1),
    "entry of a part": lambda flow, x: flow.heads["a"](flow.mapping(x)).sum(1),
    "method of a part": lambda flow, x: flow.mapping.forward(x).sum(1),
    "parameter": lambda flow, x: x @ flow.mapping[0].weight.sum(0),
    "property": lambda flow, x: flow.scale.sum() * x.sum(1),
    "all parameters": lambda flow, x: sum(value.square().sum() for value in flow.parameters()) * x.sum(1),
}


def _bound(module):
    layout = Layout(module)
    flat = Draw(1, "flow", dtype=torch.float64).normal(layout.size)
    by_hand = copy.deepcopy(module)
    with torch.no_grad():
        for name, value in layout.views(flat).items():
            by_hand.get_parameter(name).copy_(value)
    return layout, flat, by_hand


@pytest.fixture(params=["plain", "adapted"])
def module(request):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        flow = Flow().double()
        return flow if request.param == "plain" else Adapted(flow, 2, start="kaiming")


X = Draw(2, "x", dtype=torch.float64).normal(5, 3)


@pytest.mark.parametrize("way", WAYS)
def test_whatever_is_called_computes_with_the_bound_parameters(way, module):
    layout, flat, by_hand = _bound(module)
    before = [value.clone() for value in module.parameters()]
    found = WAYS[way](BoundPlayer(module, layout, flat), X)
    if isinstance(by_hand, Adapted) and way != "all parameters":
        by_hand = by_hand.merged()
    torch.testing.assert_close(found, WAYS[way](by_hand, X), rtol=1e-12, atol=1e-12)
    assert all(torch.equal(old, new) for old, new in zip(before, module.parameters(), strict=True))


@pytest.mark.parametrize("way", WAYS)
def test_derivatives_reach_the_flat_vector(way, module):
    layout, flat, _ = _bound(module)
    if isinstance(module, Adapted) and way == "property":  # adapters stand for weights alone, and this is none
        assert not WAYS[way](BoundPlayer(module, layout, flat.requires_grad_()), X).requires_grad
        return
    assert torch.autograd.gradcheck(
        lambda flat: WAYS[way](BoundPlayer(module, layout, flat), X).sum(), flat.requires_grad_()
    )
    (slope,) = torch.autograd.grad(WAYS[way](BoundPlayer(module, layout, flat), X).sum(), flat)
    assert slope.any()


@pytest.mark.parametrize("way", WAYS)
def test_several_parameter_vectors_at_once_give_what_each_gives(way, module):
    layout, flat, _ = _bound(module)
    flats = torch.stack([flat, 2 * flat])

    def of(flat):
        return WAYS[way](BoundPlayer(module, layout, flat), X)

    torch.testing.assert_close(vmap(of)(flats), torch.stack([of(flats[0]), of(flats[1])]))


def test_plain_attributes_are_those_of_the_network_and_others_are_missed_by_name(module):
    layout, flat, _ = _bound(module)
    net = Net({"flow": module}, {"flow": layout}, {"flow": flat})
    assert net.flow.latent == 3
    assert len(net.flow.mapping) == 2
    with pytest.raises(AttributeError, match="lattent"):
        net.flow.lattent  # noqa: B018
    with pytest.raises(AttributeError, match="no player 'flaw'; it has flow"):
        net.flaw  # noqa: B018
