"""Adapters: what they add, what is trained, and that merging changes nothing."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from gansift import models
from gansift.errors import TrainingError
from gansift.models.equalized import EqualConv2d, EqualLinear
from gansift.models.lora import Adapted, LowRank, fitting
from gansift.models.modulation import ModulatedConv2d
from gansift.training.step import _initialised


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


class Styled(nn.Module):
    """A modulated convolution of images alone."""

    def __init__(self):
        super().__init__()
        self.layer = ModulatedConv2d(3, 4, 3, 2)

    def forward(self, x):
        return self.layer(x, x[:, :2, 0, 0])


IMAGES = {
    "convolution": lambda: nn.Sequential(nn.Conv2d(3, 4, 3)),
    "strided grouped convolution": lambda: nn.Sequential(nn.Conv2d(3, 6, 2, stride=2, groups=3)),
    "transposed convolution": lambda: nn.Sequential(nn.ConvTranspose2d(3, 4, 3, stride=2)),
    "equalised convolution": lambda: nn.Sequential(EqualConv2d(3, 4, 3)),
    "modulated convolution": Styled,
    "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(75, 4)),
    "equalised linear": lambda: nn.Sequential(nn.Flatten(), EqualLinear(75, 4)),
}


@pytest.mark.parametrize("start", ["zero", "kaiming"])
@pytest.mark.parametrize("name", IMAGES)
def test_an_adapted_network_is_the_network_with_a_product_of_low_rank_added(name, start):
    network = IMAGES[name]().double()
    adapted = Adapted(network, 2, "*", start)
    x = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    assert torch.equal(adapted(x), network(x)) == (start == "zero")
    for adapter in adapted.adapters:
        nn.init.normal_(adapter.a)
    by_hand = copy.deepcopy(network)
    layers = [layer for layer in by_hand.modules() if isinstance(getattr(layer, "weight", None), nn.Parameter)]
    for layer, adapter in zip(layers, adapted.adapters, strict=True):
        product = adapter.a @ adapter.b
        assert torch.linalg.matrix_rank(product) == min(2, *product.shape)
        if isinstance(layer, nn.ConvTranspose2d):  # its weight counts inputs first
            inputs, outputs, *kernel = layer.weight.shape
            product = product.view(outputs, inputs, *kernel).transpose(0, 1)
        layer.weight.data += product.reshape(layer.weight.shape)
    torch.testing.assert_close(adapted(x), by_hand(x), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(adapted.merged()(x), by_hand(x), rtol=1e-12, atol=1e-12)
    assert [key for key, _ in adapted.merged().named_parameters()] == [key for key, _ in network.named_parameters()]


def test_only_adapters_are_trained_and_the_network_is_left_alone():
    network = IMAGES["convolution"]()
    before = copy.deepcopy(network.state_dict())
    adapted = Adapted(network, 1)
    trained = {key for key, value in adapted.named_parameters() if value.requires_grad}
    assert trained == {"adapters.0.a", "adapters.0.b"}
    adapted(torch.randn(1, 3, 5, 5)).sum().backward()
    assert all(value.grad is None for value in adapted.network.parameters())
    assert all(value.requires_grad for value in network.parameters())
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_initialising_anew_draws_the_adapters_and_keeps_the_network():
    adapted = Adapted(models.DCGANGenerator(latent=3, width=2), 2, start="kaiming")
    frozen = copy.deepcopy(adapted.network.state_dict())
    torch.manual_seed(1)
    adapted.reset_parameters()
    first = [adapter().clone() for adapter in adapted.adapters]
    torch.manual_seed(1)
    adapted.reset_parameters()
    assert all(torch.equal(one, adapter()) for one, adapter in zip(first, adapted.adapters, strict=True))
    adapted.reset_parameters()
    assert not any(torch.equal(one, adapter()) for one, adapter in zip(first, adapted.adapters, strict=True))
    assert all(torch.equal(value, frozen[key]) for key, value in adapted.network.state_dict().items())


def test_adapters_of_a_pretrained_network_are_drawn_by_the_seed():
    network = models.DCGANGenerator(latent=3, width=2)
    network.pretrained = True
    first, again, other = (_initialised(Adapted(network, 1), seed).adapters[0].b for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_kaiming_draws_both_factors_with_their_standard_deviation():
    adapter = LowRank(torch.empty(400, 50, 3, 3), 0, 100, "kaiming")
    assert abs(adapter.a.std() / (2 / 100) ** 0.5 - 1) < 0.05
    assert abs(adapter.b.std() / (2 / 450) ** 0.5 - 1) < 0.05


def test_a_pattern_chooses_layers_by_name():
    network = models.StyleGAN2Discriminator(2, (3, 32, 32), most=4)
    assert set(Adapted(network, 1, "blocks.0.*").names) == {
        "blocks.0.first", "blocks.0.second", "blocks.0.shortcut"
    }  # fmt: skip
    assert Adapted(network, 1, ("output", "hid*")).names == ("hidden", "output")
    assert fitting(network, ["convs.*", "output"]) == ("output",)


def test_the_networks_attributes_are_still_there():
    adapted = Adapted(models.StyleGAN2Generator(4, 2, (3, 32, 32), most=4, depth=1), 1)
    assert (adapted.latent, adapted.shape, adapted.styles) == (4, (3, 32, 32), 8)
    with pytest.raises(AttributeError, match="nothing"):
        _ = adapted.nothing


def test_an_adapted_network_can_be_copied():
    adapted = Adapted(IMAGES["linear"](), 1)
    other = copy.deepcopy(adapted)
    other.reset_parameters()
    assert not torch.equal(other.adapters[0].b, adapted.adapters[0].b)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "at least 1"),
        ((1, "*", "one"), "zero or kaiming"),
        ((1, "layer.*"), r"layer\.\*.*there are 1"),
    ],
)
def test_what_cannot_be_adapted_is_refused(arguments, message):
    with pytest.raises(TrainingError, match=message):
        Adapted(IMAGES["linear"](), *arguments)


def test_layers_that_share_a_weight_are_refused_by_name():
    network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    network[1].weight = network[0].weight
    with pytest.raises(TrainingError, match="0 and 1 share"):
        Adapted(network, 1)
    assert functional.linear(torch.ones(1, 3), Adapted(network, 1, "0").weights()["0.weight"]).shape == (1, 3)
