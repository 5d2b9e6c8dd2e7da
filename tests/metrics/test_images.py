"""Images for frozen networks: resized as torch and Pillow do it, by a linear map."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from gansift.errors import UsageError
from gansift.metrics.images import resize, three_channels


def _images(*shape):
    return torch.rand(2, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 20), (3, 100, 130)])
@pytest.mark.parametrize(("mode", "antialias"), [("bilinear", True), ("bilinear", False), ("bicubic", True)])
def test_resizing_is_torch_s_interpolation(shape, mode, antialias):
    images = _images(*shape)
    expected = functional.interpolate(images, (64, 64), mode=mode, align_corners=False, antialias=antialias)
    torch.testing.assert_close(resize(images, 64, mode, antialias), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("length", [32, 90])
def test_bicubic_with_antialiasing_is_pillow_s(length):
    image = _images(1, length, length)[0, 0].numpy().astype(np.float32)
    expected = np.asarray(Image.fromarray(image).resize((47, 47), Image.Resampling.BICUBIC))
    found = resize(torch.tensor(image)[None, None].double(), 47, "bicubic", True)[0, 0]
    assert np.abs(found.numpy() - expected).max() < 1e-5


def test_grey_images_get_three_equal_channels_and_colour_stays():
    grey = _images(1, 4, 4)
    assert torch.equal(three_channels(grey, "they"), torch.cat([grey] * 3, 1))
    colour = _images(3, 4, 4)
    assert torch.equal(three_channels(colour, "they"), colour)


@pytest.mark.parametrize("shape", [(2,), (4, 8, 8), (2, 8, 8)])
def test_what_is_neither_grey_nor_colour_is_refused(shape):
    with pytest.raises(UsageError, match="they are of images with 1 or 3 channels"):
        three_channels(_images(*shape), "they")
