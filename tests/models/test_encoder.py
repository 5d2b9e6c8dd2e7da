"""Encoders and heads: right derivatives, images of any size, every example by itself."""

from __future__ import annotations

import pytest
import torch

from gansift.errors import TrainingError
from gansift.models import Head, ImageEncoder, PointEncoder

NETWORKS = {
    "points": (PointEncoder(3, 4), (3,)),
    "images": (ImageEncoder(1, 8, 4), (1, 8, 8)),
    "larger images": (ImageEncoder(3, 8, 4), (3, 13, 13)),
    "grey images where others are coloured": (ImageEncoder(3, 8, 4), (1, 8, 8)),
    "head": (Head(5, 4, 2), (5,)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_first_and_second_derivatives_are_right(name):
    network, shape = NETWORKS[name]
    network = network.double()
    x = torch.randn(2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(network, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(network, x, fast_mode=True)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_example_is_looked_at_by_itself(name):
    network, shape = NETWORKS[name]
    x = torch.randn(3, *shape, dtype=torch.float64)
    together = network.double()(x)
    torch.testing.assert_close(together, torch.cat([network(x[row : row + 1]) for row in range(3)]))


def test_larger_images_are_reduced_by_the_mean_over_areas():
    network = ImageEncoder(1, 4, 4)
    x = torch.randn(2, 1, 8, 8)
    means = x.reshape(2, 1, 4, 2, 4, 2).mean((3, 5))
    torch.testing.assert_close(network(x), network(means))


def test_grey_images_are_looked_at_as_coloured_ones():
    network = ImageEncoder(3, 8, 4)
    x = torch.randn(2, 1, 8, 8)
    torch.testing.assert_close(network(x), network(x.repeat(1, 3, 1, 1)))


@pytest.mark.parametrize(("side", "hidden"), [(3, 8), (8, 3)])
def test_what_is_too_small_is_refused(side, hidden):
    with pytest.raises(TrainingError, match="4x4"):
        ImageEncoder(1, side, hidden)
