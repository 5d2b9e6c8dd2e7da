"""Classical augmentation: changed copies of real examples that keep their class, with nothing learnt."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

_TURN = math.radians(15)
_ZOOM = 0.1
_SHIFT = 0.1  # of the side
_NEIGHBOURS = 5
# Distances held at a time: 2^22 of them in float32 are 16 MiB.
_BLOCK = 2**22


def augmented(x: Tensor, labels: Tensor, rows: Tensor, seed: int) -> Tensor:
    """Changed copies of examples.

    Images are turned by up to 15 degrees, zoomed by up to 10 %, and moved by up to a tenth of their sides; what comes
    in from outside repeats the border. They are not mirrored, which would make other letters and digits of some.
    Rows of numbers are moved towards one of their five nearest neighbours of the same class, by any share of the way
    (SMOTE; Chawla et al. 2002); the only example of a class stays where it is.

    Args:
        x: real examples, (N, C, H, W) or (N, d).
        labels: their classes, shape (N,).
        rows: which of them to copy, shape (M,).
        seed: of the random numbers.

    Returns:
        Shape (M, *shape).
    """
    random = torch.Generator().manual_seed(seed)
    return _warped(x[rows], random) if x.ndim == 4 else _interpolated(x, labels, rows, random)


def _warped(x: Tensor, random: torch.Generator) -> Tensor:
    turn, zoom, right, down = (torch.rand(4, len(x), generator=random) * 2 - 1) * torch.tensor(
        [[_TURN], [_ZOOM], [2 * _SHIFT], [2 * _SHIFT]]  # a side is 2 long
    )
    cosine, sine = turn.cos() / (1 + zoom), turn.sin() / (1 + zoom)
    matrix = torch.stack([torch.stack([cosine, -sine, right], 1), torch.stack([sine, cosine, down], 1)], 1)
    grid = functional.affine_grid(matrix, list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _interpolated(x: Tensor, labels: Tensor, rows: Tensor, random: torch.Generator) -> Tensor:
    copies = x[rows].clone()
    for label in labels.unique():
        pool, mine = x[labels == label], (labels[rows] == label).nonzero().flatten()
        count = min(_NEIGHBOURS, len(pool) - 1)
        if not count:
            continue
        for block in mine.split(max(1, _BLOCK // len(pool))):
            # The nearest of all is the example itself, or one that is equal to it.
            near = torch.cdist(copies[block], pool).topk(count + 1, largest=False).indices[:, 1:]
            chosen = near.gather(1, torch.randint(count, (len(block), 1), generator=random)).flatten()
            share = torch.rand(len(block), 1, generator=random)
            copies[block] += share * (pool[chosen] - copies[block])
    return copies
