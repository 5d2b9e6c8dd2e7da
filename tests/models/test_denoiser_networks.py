"""Networks that see noise: shapes, time and class that are told, rows by themselves, and right derivatives."""

from __future__ import annotations

import pytest
import torch
from torch.func import functional_call

from gansift import models
from gansift.errors import TrainingError

SHAPES = {"perceptron, points": (3,), "perceptron": (1, 5, 6), "u-net 8": (1, 8, 8), "u-net 14": (3, 14, 14)}
every_network = pytest.mark.parametrize("name", SHAPES)


def made(name, classes=3):
    torch.manual_seed(0)
    kind = models.UNet if name.startswith("u-net") else models.PerceptronDenoiser
    network = kind(8, SHAPES[name], classes).double()
    with torch.no_grad():  # the layers that begin as 0, too
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return network, SHAPES[name]


@every_network
def test_every_example_is_seen_by_itself_and_told_its_time_and_class(name):
    network, shape = made(name)
    x, time, label = torch.randn(4, *shape).double(), torch.rand(4).double(), torch.tensor([0, 2, 3, 1])
    said = network(x, time, label)
    assert said.shape == x.shape
    torch.testing.assert_close(network(x[[2, 0]], time[[2, 0]], label[[2, 0]]), said[[2, 0]])
    for other in (network(x, 1 - time, label), network(x, time, (label + 1) % 4)):
        assert ((other - said).abs().flatten(1).amax(1) > 1e-4).all()


@every_network
def test_a_network_without_classes_is_told_none(name):
    network, shape = made(name, classes=0)
    x, time = torch.randn(2, *shape).double(), torch.rand(2).double()
    assert network(x, time).shape == x.shape
    assert not any("vectors" in path for path, _ in network.named_parameters())


@every_network
def test_it_says_nothing_before_training_and_begins_anew_with_the_seed(name):
    network, shape = made(name)
    network.reset_parameters()
    x, time, label = torch.randn(2, *shape).double(), torch.rand(2).double(), torch.tensor([0, 1])
    assert not network(x, time, label).any()
    torch.manual_seed(5)
    network.reset_parameters()
    first = [value.clone() for value in network.parameters()]
    network.reset_parameters()
    assert any(not torch.equal(one, other) for one, other in zip(first, network.parameters(), strict=True))
    torch.manual_seed(5)
    network.reset_parameters()
    assert all(torch.equal(one, other) for one, other in zip(first, network.parameters(), strict=True))


@every_network
def test_numbers_are_dropped_at_every_place_that_it_names(name):
    network, shape = made(name)
    x, time, label = torch.randn(2, *shape).double(), torch.rand(2).double(), torch.tensor([0, 1])
    whole = [torch.ones(2, *size).double() for size in network.drops]
    torch.testing.assert_close(network(x, time, label, whole), network(x, time, label), rtol=0, atol=0)
    for number, ones in enumerate(whole):
        kept = [*whole[:number], torch.zeros_like(ones), *whole[number + 1 :]]
        assert not torch.allclose(network(x, time, label, kept), network(x, time, label))


@every_network
def test_derivatives_up_to_the_third_agree_with_finite_differences(name):
    network, shape = made(name)
    x, time, label = torch.randn(2, *shape).double(), torch.rand(2).double(), torch.tensor([0, 3])
    parameters = {path: value.detach() for path, value in network.named_parameters()}
    directions = {path: torch.randn_like(value) / value.numel() ** 0.5 for path, value in parameters.items()}

    def loss(step):
        moved = {path: value + step * directions[path] for path, value in parameters.items()}
        return functional_call(network, moved, (x, time, label)).square().mean()

    def derivative(order):
        if order == 0:
            return loss

        def of(step):
            with torch.enable_grad():
                inside = step if step.requires_grad else step.detach().requires_grad_()
                return torch.autograd.grad(derivative(order - 1)(inside), inside, create_graph=True)[0]

        return of

    stride = 1e-4
    for order in (1, 2, 3):
        lower = derivative(order - 1)
        ahead, behind = (lower(torch.tensor(side * stride).double()).item() for side in (1, -1))
        found = derivative(order)(torch.tensor(0.0).double()).item()
        assert found == pytest.approx((ahead - behind) / (2 * stride), rel=1e-5, abs=1e-9)


def test_a_network_of_images_has_the_sizes_that_it_can_halve():
    def sides(side):
        return [size[1] for size in models.UNet(8, (1, side, side)).drops]

    assert [sides(side) for side in (8, 14, 28)] == [[8, 4, 4, 8, 4], [14, 7, 7, 14, 7], [28, 14, 7, 7, 28, 14, 7]]
    for shape in ((1, 15, 15), (1, 6, 6), (1, 14, 16), (4,)):
        with pytest.raises(TrainingError, match="square images"):
            models.UNet(8, shape)


def test_attention_can_be_left_out():
    with_attention, without = (models.UNet(8, (1, 8, 8), attention=value) for value in (True, False))
    assert any("attention" in path for path, _ in with_attention.named_parameters())
    assert not any("attention" in path for path, _ in without.named_parameters())
    assert without(torch.zeros(1, 1, 8, 8), torch.zeros(1)).shape == (1, 1, 8, 8)
