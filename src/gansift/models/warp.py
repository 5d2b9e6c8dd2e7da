"""Images that are moved, turned and bent: where each pixel is taken from, and what lies there.

Places are pairs (row, column) that run from -1 to 1 between the centres of the outermost pixels, so that they mean the
same at every size. Everything is plain arithmetic: `torch.nn.functional.grid_sample` has no derivative in forward mode,
and its second one in reverse mode takes several times as long.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def places(height: int, width: int) -> Tensor:
    """The places of all pixels of an image, row by row, shape (height * width, 2).

    >>> places(1, 3).tolist()
    [[0.0, -1.0], [0.0, 0.0], [0.0, 1.0]]
    """
    axes = [torch.linspace(-1, 1, side) if side > 1 else torch.zeros(1) for side in (height, width)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, 1)


def sampled(images: Tensor, where: Tensor) -> Tensor:
    """What lies at places of images, between pixels by bilinear interpolation; beyond the border, what lies on it.

    >>> image = torch.tensor([[[[0.0, 1.0, 4.0]] * 2]])  # one image of one channel, 2 x 3
    >>> sampled(image, torch.tensor([[[[-1.0, 0.5], [1.0, 9.0]]]])).flatten().tolist()
    [2.5, 4.0]

    Args:
        images: K of them, shape (K, C, H, W), H and W at least 2.
        where: B times P places of each image, shape (B, K, P, 2).

    Returns:
        Shape (B, K, C, P).
    """
    (count, kinds, points, _), (channels, height, width) = where.shape, images.shape[1:]
    rows, columns = (
        (axis + 1) * ((side - 1) / 2) for axis, side in zip(where.unbind(-1), (height, width), strict=True)
    )
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    top, left = rows.detach().floor().clamp(max=height - 2), columns.detach().floor().clamp(max=width - 2)
    first = (top * width + left).long().transpose(0, 1).reshape(kinds, 1, -1).expand(kinds, channels, count * points)
    flat = images.flatten(2)

    def beside(pixels: int) -> Tensor:
        return flat.gather(2, first + pixels).unflatten(2, (count, points)).permute(2, 0, 1, 3)

    down, right = (rows - top).unsqueeze(2), (columns - left).unsqueeze(2)
    above = torch.lerp(beside(0), beside(1), right)
    below = torch.lerp(beside(width), beside(width + 1), right)
    return torch.lerp(above, below, down)


def affine(where: Tensor, matrix: Tensor, shift: Tensor) -> Tensor:
    """Places that are stretched, sheared and turned about the middle by I + ``matrix``, and then moved.

    Args:
        where: shape (..., P, 2).
        matrix: shape (..., 2, 2); 0 for the identity.
        shift: shape (..., 2).
    """
    return where + where @ matrix.mT + shift.unsqueeze(-2)


def thin_plate(where: Tensor, side: int = 4) -> Tensor:
    """The matrix that takes moves of control points to moves of places, by thin-plate splines.

    The spline through given moves of ``side`` x ``side`` points on a regular grid is the smoothest one: it minimises
    the bending energy, and is of the form sum_j w_j U(|p - p_j|) + a + b p with U(r) = r^2 log r (Bookstein 1989).

    Args:
        where: places, shape (P, 2).
        side: control points in a row.

    Returns:
        Shape (P, side^2); times moves of the control points (side^2, 2) it is the moves of the places.
    """
    points = places(side, side).double()
    count = len(points)
    system = torch.zeros(count + 3, count + 3, dtype=torch.float64)
    system[:count, :count] = _kernel(points, points)
    system[:count, count:] = _plane(points)
    system[count:, :count] = _plane(points).T
    weights = torch.linalg.inv(system)[:, :count]
    around = where.double()
    return (torch.cat([_kernel(around, points), _plane(around)], 1) @ weights).to(where.dtype)


def _kernel(first: Tensor, second: Tensor) -> Tensor:
    square = (first[:, None] - second).square().sum(-1)
    return torch.where(square > 0, square * square.clamp(min=1e-300).log() / 2, 0)


def _plane(where: Tensor) -> Tensor:
    return torch.cat([torch.ones_like(where[:, :1]), where], 1)


def finite_moves(height: int, width: int, reach: int, rotation: float = 0.0) -> Tensor:
    """Where pixels are taken from under every shift by whole pixels, and under rotations before each of them.

    Args:
        height: of the images.
        width: of the images.
        reach: largest shift in pixels, in all four directions.
        rotation: degrees by which images are also rotated, to either side; 0 for none.

    Returns:
        Shape (T, height * width, 2), with T the (2 reach + 1)^2 shifts, times 3 with rotations.
    """
    pixels = places(height, width)
    shifts = places(2 * reach + 1, 2 * reach + 1) * reach
    by_pixel = torch.tensor([2 / (height - 1), 2 / (width - 1)])
    angles = torch.tensor([0.0] if rotation == 0 else [0.0, -rotation, rotation]) * math.pi / 180
    sides = torch.tensor([(height - 1) / 2, (width - 1) / 2])  # turned as it looks, also where it is not square
    found = []
    for angle in angles:
        cosine, sine = angle.cos(), angle.sin()
        matrix = torch.stack([torch.stack([cosine, -sine]), torch.stack([sine, cosine])])
        turned = (pixels * sides) @ matrix.T / sides
        found.append(turned + (shifts * by_pixel)[:, None])
    return torch.cat(found)
