"""Warped images: against grid_sample, scipy's splines, and shifts by slices; every derivative is right."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.interpolate import RBFInterpolator
from torch.nn.functional import grid_sample, pad

from gansift.models.warp import affine, finite_moves, places, sampled, thin_plate


def draws(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 1, 2, 2)])
def test_what_is_sampled_is_what_grid_sample_gives_also_beyond_the_border(shape):
    images, where = draws(*shape), draws(4, shape[0], 11, 2, seed=1)
    found = sampled(images, where)
    for row in range(4):
        grid = where[row].flip(-1)[:, None]  # grid_sample takes x before y
        expected = grid_sample(images, grid, padding_mode="border", align_corners=True).squeeze(2)
        torch.testing.assert_close(found[row], expected)


def test_derivatives_are_those_of_finite_differences_in_every_mode():
    images, where = draws(1, 2, 3, 4).requires_grad_(), (0.6 * draws(2, 1, 5, 2, seed=1).tanh()).requires_grad_()
    assert torch.autograd.gradcheck(sampled, (images, where), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(sampled, (images, where), check_fwd_over_rev=True, check_rev_over_rev=True)


def test_thin_plate_splines_are_those_of_scipy():
    where, moves = draws(40, 2), draws(16, 2, seed=1)
    expected = RBFInterpolator(places(4, 4).double().numpy(), moves.numpy(), kernel="thin_plate_spline", degree=1)(
        where
    )
    np.testing.assert_allclose(thin_plate(where) @ moves, expected, atol=1e-9)
    torch.testing.assert_close(thin_plate(places(4, 4).double()), torch.eye(16).double(), atol=1e-9, rtol=0)


def test_an_affine_map_of_zeros_is_the_identity_and_others_turn_and_move():
    where = draws(2, 5, 2)
    assert torch.equal(affine(where, torch.zeros(2, 2, 2).double(), torch.zeros(2, 2).double()), where)
    matrix, shift = draws(2, 2, 2, seed=1), draws(2, 2, seed=2)
    found = affine(where, matrix, shift)[1, 3]
    torch.testing.assert_close(found, (torch.eye(2).double() + matrix[1]) @ where[1, 3] + shift[1])


def test_finite_moves_are_all_shifts_by_whole_pixels_and_turns_of_them():
    image = draws(1, 1, 5, 6).float()
    moved = sampled(image, finite_moves(5, 6, 2)[:, None]).view(25, 5, 6)
    wide = pad(image, (2, 2, 2, 2), mode="replicate")[0, 0]
    expected = torch.stack([wide[down : down + 5, right : right + 6] for down in range(5) for right in range(5)])
    torch.testing.assert_close(moved, expected)
    turned = sampled(image, finite_moves(5, 6, 1, 180.0)[:, None]).view(3, 9, 5, 6)
    torch.testing.assert_close(turned[0, 4], image[0, 0])
    torch.testing.assert_close(turned[1, 4], image[0, 0].flip(0, 1))


def test_a_turn_keeps_lengths_in_pixels_where_images_are_not_square():
    sides = torch.tensor([(9 - 1) / 2, (5 - 1) / 2])
    (_, ahead, back) = finite_moves(9, 5, 0, 30.0).double()
    start = places(9, 5).double()
    for turned in (ahead, back):
        torch.testing.assert_close((turned * sides).norm(dim=1), (start * sides).norm(dim=1), atol=1e-5, rtol=0)
    one = (ahead * sides)[1], (start * sides)[1]
    cosine = float(one[0] @ one[1] / one[0].norm() / one[1].norm())
    assert cosine == pytest.approx(math.cos(math.pi / 6), abs=1e-5)
    assert not torch.allclose(ahead, back)
