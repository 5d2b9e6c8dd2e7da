"""StyleGAN2 against its definition written out: filters by SciPy, one modulated weight for each example."""

import numpy as np
import pytest
import torch
from scipy.signal import upfirdn
from torch.nn import functional

from gansift import models
from gansift.errors import TrainingError
from gansift.models.modulation import ModulatedConv2d
from gansift.models.resample import blur, upsample

TAPS = np.array([1.0, 3.0, 3.0, 1.0]) / 8


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def _filtered(x, up, before, behind):
    """Zeros between and around the rows and columns of an image, then the filter."""
    for axis in (-1, -2):
        spaced = np.zeros([length * (up if place == x.ndim + axis else 1) for place, length in enumerate(x.shape)])
        spaced[(..., *[slice(None, None, up if place == axis else 1) for place in (-2, -1)])] = x
        padding = [(0, 0)] * (x.ndim - 2) + [(before, behind) if place == axis else (0, 0) for place in (-2, -1)]
        padded = np.pad(spaced, padding)
        x = np.moveaxis(upfirdn(TAPS, np.moveaxis(padded, axis, -1)), -1, axis)
        inner = [slice(None)] * x.ndim
        inner[axis] = slice(3, -3)  # where the filter lies within
        x = x[tuple(inner)]
    return x


@pytest.mark.parametrize("padding", [(2, 1), (1, 1), (2, 2)])
def test_blur_is_the_separable_filter(padding):
    x = torch.randn(2, 3, 5, 6, dtype=torch.float64)
    expected = _filtered(x.numpy(), 1, *padding)
    np.testing.assert_allclose(blur(x, padding, gain=4.0).numpy(), 4 * expected, atol=1e-12)


def test_upsampling_puts_zeros_between_pixels_and_filters():
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    np.testing.assert_allclose(upsample(x).numpy(), 4 * _filtered(x.numpy(), 2, 2, 1), atol=1e-12)


def test_upsampling_keeps_a_plain_image_but_for_its_border():
    assert torch.allclose(upsample(torch.ones(1, 1, 6, 6))[..., 2:-2, 2:-2], torch.ones(1))


@pytest.mark.parametrize("doubles", [False, True])
@pytest.mark.parametrize("demodulate", [False, True])
def test_a_modulated_convolution_has_a_weight_of_its_own_for_every_example(doubles, demodulate):
    layer = ModulatedConv2d(3, 4, 3, 5, demodulate=demodulate, doubles=doubles).double()
    x, style = torch.randn(2, 3, 6, 6, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)
    found = layer(x, style)
    scales = style @ layer.modulation.weight.T / 5**0.5 + layer.modulation.bias
    for row in range(2):
        weight = layer.weight / 27**0.5 * scales[row][None, :, None, None]  # equation 1
        if demodulate:
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()  # equation 3
        if doubles:
            wide = functional.conv_transpose2d(x[row : row + 1], weight.transpose(0, 1), stride=2)
            expected = torch.from_numpy(4 * _filtered(wide.detach().numpy(), 1, 1, 1))
        else:
            expected = functional.conv2d(x[row : row + 1], weight, padding=1)
        torch.testing.assert_close(found[row : row + 1], expected, rtol=1e-10, atol=1e-10)


def _generator(shape=(3, 32, 32), **settings):
    return models.StyleGAN2Generator(4, 2, shape, most=4, depth=2, **settings).double()


def test_mixed_images_take_later_styles_from_the_other_latents():
    generator = _generator()
    z, other = torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    crossover = torch.tensor([1.0, 4.0, generator.styles])
    change = (generator.mapping(other) - generator.mapping(z))[:, None].repeat(1, generator.styles, 1)
    for row, first in enumerate(crossover.long().tolist()):
        change[row, :first] = 0
    mixed = generator(z, other=other, crossover=crossover)
    torch.testing.assert_close(mixed, generator(z, offset=change), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(mixed[2], generator(z)[2], rtol=1e-10, atol=1e-10)
    assert (mixed[:2] - generator(z)[:2]).abs().amax((1, 2, 3)).min() > 1e-6


def test_without_noise_an_image_is_decided_by_its_latents():
    generator = _generator(noise=False)
    assert generator.noises == ()
    assert not [name for name, _ in generator.named_parameters() if "noise" in name]
    z = torch.randn(2, 4, dtype=torch.float64)
    assert torch.equal(generator(z, []), generator(z))


def test_noise_counts_by_its_strength():
    generator = _generator()
    z = torch.randn(2, 4, dtype=torch.float64)
    noise = [torch.randn(2, 1, side, side, dtype=torch.float64) for side in generator.noises]
    assert torch.equal(generator(z, noise), generator(z))
    for layer in generator.convs:
        before = generator(z, noise)
        layer.noise_strength.data.fill_(0.5)
        assert not torch.allclose(generator(z, noise), before)


@pytest.mark.parametrize("side", [32, 64, 128, 256])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_size_gives_images_and_logits_of_about_unit_scale(side, channels):
    shape = (channels, side, side)
    generator = models.StyleGAN2Generator(8, 2, shape, most=16, depth=2)
    images = generator(torch.randn(2, 8))
    assert images.shape == (2, *shape)
    assert 0.1 < images.std() < 10
    assert models.StyleGAN2Discriminator(2, shape, most=16)(images).shape == (2,)
    levels = side.bit_length() - 2
    assert (generator.styles, len(generator.noises)) == (2 * levels, 2 * levels - 1)


def test_channels_double_towards_small_images_up_to_a_limit():
    generator = models.StyleGAN2Generator(8, 4, (3, 64, 64), most=16, depth=1)
    assert [layer.conv.weight.shape[0] for layer in generator.convs] == [16, 16, 16, 16, 16, 8, 8, 4, 4]


@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 32, 64), (10,), (3, 512, 512)])
def test_other_shapes_are_refused_with_what_to_do(shape):
    for build in (models.StyleGAN2Generator, models.StyleGAN2Discriminator):
        with pytest.raises(TrainingError, match=r"32, 64, 128, 256.*--size"):
            build(shape=shape)


def test_an_unknown_activation_is_refused():
    with pytest.raises(TrainingError, match="lrelu, silu"):
        models.StyleGAN2Discriminator(2, (3, 32, 32), activation="step")


@pytest.mark.parametrize("activation", ["lrelu", "silu"])
def test_activations_keep_the_variance(activation):
    from gansift.models.equalized import activation_function

    x = torch.randn(200_000, dtype=torch.float64)
    assert abs(float(activation_function(activation)(x).square().mean()) - 1) < 0.05
