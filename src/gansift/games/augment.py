"""Augmentation of what the discriminator sees (Zhao et al. 2020), from the step's own random numbers.

Every example is augmented by itself and stays the example that it is: a mirrored image has no identity of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gansift.errors import UsageError
from gansift.games.draw import Draw

#: (draw, number of images, (C, H, W)) -> a function of images (B, C, H, W).
_Kind = Callable[[Draw, int, tuple[int, ...]], Callable[[Tensor], Tensor]]

Augmentation = Callable[[Tensor], Tensor]


def mirrored(x: Tensor, draw: Draw) -> Tensor:
    """Images (B, C, H, W), each flipped from left to right with probability 1/2."""
    flips = draw.uniform(len(x)) < 0.5
    return torch.where(flips[:, None, None, None], x.flip(3), x)


def parse_augment(text: str) -> tuple[str, ...]:
    """Kinds of augmentation from a list such as ``translation,colour,cutout``; ``none`` is the empty one.

    Raises:
        UsageError: for an unknown kind.
    """
    kinds = () if text.strip() in ("", "none") else tuple(part.strip() for part in text.split(","))
    for kind in kinds:
        if kind not in AUGMENTATIONS:
            raise UsageError(f"there is no augmentation {kind!r}; choose from {', '.join(AUGMENTATIONS)}, or none")
    return kinds


def drawn(kinds: Sequence[str], draw: Draw, count: int, shape: tuple[int, ...]) -> Augmentation:
    """An augmentation with its random numbers drawn: the same for every call, and differentiable.

    Args:
        kinds: of `AUGMENTATIONS`, in order.
        draw: the random numbers.
        count: of images B.
        shape: (C, H, W).
    """
    parts = [AUGMENTATIONS[kind](draw, count, shape) for kind in kinds]

    def augment(x: Tensor) -> Tensor:
        for part in parts:
            x = part(x)
        return x

    return augment


def _colour(draw: Draw, count: int, shape: tuple[int, ...]) -> Augmentation:
    """Brightness by up to 0.5, saturation by a factor of 0 to 2, contrast by 0.5 to 1.5."""
    brightness, saturation, contrast = (draw.uniform(count)[:, None, None, None] for _ in range(3))

    def change(x: Tensor) -> Tensor:
        x = x + (brightness - 0.5)
        grey = x.mean(1, keepdim=True)
        x = (x - grey) * (2 * saturation) + grey
        mean = x.mean((1, 2, 3), keepdim=True)
        return (x - mean) * (contrast + 0.5) + mean

    return change


def _translation(draw: Draw, count: int, shape: tuple[int, ...]) -> Augmentation:
    """Moves by up to an eighth of each side; what comes in from outside is 0."""
    rows, columns = (_shift(draw.uniform(count), side) for side in shape[1:])
    return lambda x: rows[:, None] @ x @ columns[:, None].mT


def _shift(u: Tensor, side: int) -> Tensor:
    """Matrices (B, side, side) that move rows by whole numbers, uniform in plus or minus an eighth of the side.

    As a product with a matrix, moving has right derivatives of every order, also where it is stacked.
    """
    most = round(side / 8)
    amount = (u * (2 * most + 1)).floor() - most
    place = torch.arange(side, dtype=u.dtype, device=u.device)
    return (place[:, None] - amount[:, None, None] == place).to(u.dtype)


def _cutout(draw: Draw, count: int, shape: tuple[int, ...]) -> Augmentation:
    """A square of half the side, with its centre anywhere, becomes 0."""
    rows, columns = (_band(draw.uniform(count), side) for side in shape[1:])
    kept = 1 - rows[:, None, :, None] * columns[:, None, None, :]
    return lambda x: x * kept


def _band(u: Tensor, side: int) -> Tensor:
    """1 within half a side around a place, (B, side)."""
    centre = (u * side).floor()[:, None]
    place = torch.arange(side, dtype=u.dtype, device=u.device)
    return ((place >= centre - side // 4) & (place < centre + side - side // 2 - side // 4)).to(u.dtype)


#: By name.
AUGMENTATIONS: dict[str, _Kind] = {"translation": _translation, "colour": _colour, "cutout": _cutout}
