"""What every generator and discriminator promises: shapes, independent rows, seeds, and right derivatives."""

import math

import pytest
import torch
from torch.func import functional_call

from gansift import models
from gansift.errors import TrainingError

PAIRS = {
    "lq": (models.LQGenerator, models.LQDiscriminator, (1,)),
    "fc": (models.FCGenerator, models.FCDiscriminator, (2,)),
    "fc-relu": (
        lambda: models.FCGenerator(activation="relu"),
        lambda: models.FCDiscriminator(activation="relu"),
        (2,),
    ),
    "mlp-points": (
        lambda: models.MLPGenerator(latent=3, width=8, shape=(5,)),
        lambda: models.MLPDiscriminator(width=8, shape=(5,)),
        (5,),
    ),
    "mlp-images": (
        lambda: models.MLPGenerator(latent=3, width=8, shape=(1, 8, 8)),
        lambda: models.MLPDiscriminator(width=8, shape=(1, 8, 8)),
        (1, 8, 8),
    ),
    "dcgan-28": (
        lambda: models.DCGANGenerator(latent=3, width=4),
        lambda: models.DCGANDiscriminator(width=4),
        (1, 28, 28),
    ),
    "dcgan-32": (
        lambda: models.DCGANGenerator(latent=3, width=4, shape=(3, 32, 32)),
        lambda: models.DCGANDiscriminator(width=4, shape=(3, 32, 32)),
        (3, 32, 32),
    ),
    "stylegan2": (
        lambda: models.StyleGAN2Generator(3, 2, (3, 32, 32), most=2, depth=1, activation="silu"),
        lambda: models.StyleGAN2Discriminator(2, (3, 32, 32), most=2, activation="silu"),
        (3, 32, 32),
    ),
}
SMOOTH = [name for name in PAIRS if name != "fc-relu"]


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("name", PAIRS)
def test_a_generator_tells_its_latents_and_shape_and_a_discriminator_gives_one_logit_each(name):
    generator, discriminator, shape = PAIRS[name]
    generator, discriminator = generator(), discriminator()
    samples = generator(torch.randn(4, generator.latent))
    assert generator.shape == shape
    assert samples.shape == (4, *shape)
    assert discriminator(samples).shape == (4,)
    if len(shape) == 3 and name != "stylegan2":
        assert generator(100 * torch.randn(4, generator.latent)).abs().max() <= 1


@pytest.mark.parametrize("name", PAIRS)
def test_a_logit_does_not_depend_on_the_other_examples_of_the_batch(name):
    discriminator, shape = PAIRS[name][1]().double(), PAIRS[name][2]
    x = torch.randn(5, *shape, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(discriminator(x)[2], x)
    assert slope[2].abs().max() > 0
    assert slope[[0, 1, 3, 4]].abs().max() == 0


@pytest.mark.parametrize("name", PAIRS)
def test_the_seed_alone_decides_the_initialisation(name):
    for build in PAIRS[name][:2]:
        network = build()
        torch.manual_seed(7)
        network.reset_parameters()
        first = [value.clone() for value in network.parameters()]
        for value in network.parameters():
            value.data.fill_(3.0)
        torch.manual_seed(7)
        network.reset_parameters()
        assert all(torch.equal(one, other) for one, other in zip(first, network.parameters(), strict=True))
        torch.manual_seed(8)
        network.reset_parameters()
        assert any(not torch.equal(one, other) for one, other in zip(first, network.parameters(), strict=True))
        assert not list(network.buffers())


def _along(network, function, scale):
    """``function`` of the parameters moved by t along a random direction, as t -> (value, derivative)."""
    values = {key: value.detach() for key, value in network.named_parameters()}
    direction = {key: scale * torch.randn_like(value) for key, value in values.items()}

    def at(t):
        moved = {key: (value + t * direction[key]).requires_grad_() for key, value in values.items()}
        value = function(lambda x: functional_call(network, moved, (x,)), list(moved.values()))
        slopes = torch.autograd.grad(value, list(moved.values()), allow_unused=True)
        along = sum(
            (slope * step).sum() for slope, step in zip(slopes, direction.values(), strict=True) if slope is not None
        )
        return float(value.detach()), float(along)

    return at


def _difference(at, step):
    """Central difference of order four."""
    value = {k: at(k * step)[0] for k in (-2, -1, 1, 2)}
    return (value[-2] - 8 * value[-1] + 8 * value[1] - value[2]) / (12 * step)


def _first(x):
    return lambda call, parameters: call(x).square().sum()


def _second(x):
    def squared_gradient(call, parameters):
        slopes = torch.autograd.grad(call(x).square().sum(), parameters, create_graph=True, allow_unused=True)
        return sum(slope.square().sum() for slope in slopes if slope is not None)

    return squared_gradient


def _third(x):
    """Squared length of the gradient of an R1 penalty; its gradient takes third derivatives."""
    x = x.clone().requires_grad_()

    def squared_penalty_gradient(call, parameters):
        (by_x,) = torch.autograd.grad(call(x).square().sum(), x, create_graph=True)
        slopes = torch.autograd.grad(by_x.square().sum(), parameters, create_graph=True, allow_unused=True)
        return sum(slope.square().sum() for slope in slopes if slope is not None)

    return squared_penalty_gradient


@pytest.mark.parametrize("order", [_first, _second, _third])
@pytest.mark.parametrize("player", [0, 1])
@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_agree_with_finite_differences(name, player, order):
    network = PAIRS[name][player]().double()
    shape = (network.latent,) if player == 0 else PAIRS[name][2]
    at = _along(network, order(torch.randn(2, *shape, dtype=torch.float64)), scale=0.1)
    slope = at(0.0)[1]
    assert slope != 0
    assert math.isclose(slope, _difference(at, 1e-3), rel_tol=1e-6)


def test_width_32_is_small_enough_for_a_cpu():
    count = lambda network: sum(value.numel() for value in network.parameters())  # noqa: E731
    assert 100_000 < count(models.DCGANDiscriminator(width=32)) < 300_000
    assert count(models.DCGANGenerator(width=32, latent=64)) < 400_000
    assert (count(models.FCGenerator()), count(models.FCDiscriminator())) == (1408, 4288)


@pytest.mark.parametrize("shape", [(1, 30, 30), (2, 28, 28), (28, 28), (5,), (1, 28, 32)])
def test_dcgan_says_which_shapes_it_has(shape):
    for build in (models.DCGANGenerator, models.DCGANDiscriminator):
        with pytest.raises(TrainingError, match=r"\(1, 28, 28\).*\(3, 32, 32\)"):
            build(shape=shape)


def test_unknown_choices_are_refused():
    with pytest.raises(TrainingError, match="relu"):
        models.FCGenerator(activation="step")
    with pytest.raises(TrainingError, match="1, 8, 8"):
        models.FCDiscriminator(shape=(1, 8, 8))
    with pytest.raises(TrainingError, match=r"\(8, 8\)"):
        models.MLPGenerator(shape=(8, 8))
