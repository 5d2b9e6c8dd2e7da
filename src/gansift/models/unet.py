"""A U-Net for noisy images (Ronneberger et al. 2015; Ho et al. 2020), of operators with right derivatives throughout.

Group norm looks at each example by itself, and attention is two matrix products around a softmax: the fused kernels of
both have wrong or no higher derivatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from gansift.errors import TrainingError
from gansift.models.denoiser import Told, kept_of, to_zero
from gansift.models.layers import Network, group_norm

_KERNEL = 3
# How often a side is halved at most, and the smallest that comes of it.
_HALVINGS, _SMALLEST = 2, 4


class UNet(Network):
    """Residual blocks at two or three sizes and back, with what was seen at each size on the way; SiLU throughout.

    A block has two convolutions, is told time and class between them, and may drop numbers before the second one. At
    the smallest size images also attend to themselves. Sides are halved twice, or once where they are odd then or below
    8; channels double with the first halving. The last layer, and the second convolution of every block, are 0 before
    training.

    Args:
        width: channels at full size.
        shape: (C, H, W) of one image, square, with an even side of 8 or more.
        classes: number of classes; 0 for a network that is told none.
        attention: whether images attend to themselves at the smallest size.

    Attributes:
        drops: shape of each layer in which numbers may be dropped, for one example.

    Raises:
        TrainingError: for any other shape.
    """

    def __init__(
        self, width: int = 16, shape: tuple[int, ...] = (1, 14, 14), classes: int = 0, attention: bool = True
    ) -> None:
        super().__init__()
        sides = _sides(shape)
        channels = [width] + [2 * width] * (len(sides) - 1)
        self.shape, self.classes, told = tuple(shape), classes, 2 * width
        self.told = Told(told, classes)
        self.first = nn.Conv2d(shape[0], width, _KERNEL, padding=1)
        self.down = nn.ModuleList(
            _Block(before, after, told) for before, after in zip([width, *channels], channels, strict=False)
        )
        self.shrink = nn.ModuleList(nn.Conv2d(own, own, _KERNEL, stride=2, padding=1) for own in channels[:-1])
        self.middle = _Block(channels[-1], channels[-1], told)
        self.attention = _Attention(channels[-1]) if attention else None
        self.grow = nn.ModuleList(nn.Conv2d(below, own, _KERNEL, padding=1) for own, below in pairwise(channels))
        self.up = nn.ModuleList(_Block(2 * own, own, told) for own in channels)
        self.norm = group_norm(width)
        self.last = nn.Conv2d(width, shape[0], _KERNEL, padding=1)
        found = [(own, side, side) for own, side in zip(channels, sides, strict=True)]
        self.drops = (*found, found[-1], *found)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw everything anew but what is 0."""
        super().reset_parameters()
        for block in (*self.down, self.middle, *self.up):
            to_zero(block.second)
        if self.attention is not None:
            to_zero(self.attention.out)
        to_zero(self.last)

    def forward(self, x: Tensor, time: Tensor, label: Tensor | None = None, kept: Sequence[Tensor] = ()) -> Tensor:
        """As `PerceptronDenoiser.forward`, of images (B, C, H, W)."""
        told, levels = self.told(time, label), len(self.down)
        x, seen = self.first(x), []
        for level, block in enumerate(self.down):
            x = block(x, told, kept, level)
            seen.append(x)
            if level < levels - 1:
                x = self.shrink[level](x)
        x = self.middle(x, told, kept, levels)
        if self.attention is not None:
            x = self.attention(x)
        for level in reversed(range(levels)):
            x = self.up[level](torch.cat([x, seen[level]], dim=1), told, kept, levels + 1 + level)
            if level:
                x = self.grow[level - 1](_doubled(x))
        return self.last(nn.functional.silu(self.norm(x)))


class _Block(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x))) + told))), with a convolution of 1 pixel where channels change."""

    def __init__(self, inputs: int, outputs: int, told: int) -> None:
        super().__init__()
        self.norm = group_norm(inputs)
        self.first = nn.Conv2d(inputs, outputs, _KERNEL, padding=1)
        self.told = nn.Linear(told, outputs)
        self.between = group_norm(outputs)
        self.second = nn.Conv2d(outputs, outputs, _KERNEL, padding=1)
        self.beside = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, told: Tensor, kept: Sequence[Tensor], number: int) -> Tensor:
        """Images (B, C, H, W) told something (B, told); ``number`` is that of the block's dropout."""
        hidden = self.first(nn.functional.silu(self.norm(x))) + self.told(told)[:, :, None, None]
        hidden = kept_of(nn.functional.silu(self.between(hidden)), kept, number)
        return self.beside(x) + self.second(hidden)


class _Attention(nn.Module):
    """Every pixel looks at all others, by one head (Vaswani et al. 2017)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = group_norm(channels)
        self.asked = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) to the same shape."""
        query, key, value = self.asked(self.norm(x)).flatten(2).chunk(3, dim=1)
        shares = (query.transpose(1, 2) @ key / query.shape[1] ** 0.5).softmax(2)
        return x + self.out((value @ shares.transpose(1, 2)).unflatten(2, x.shape[2:]))


def _doubled(x: Tensor) -> Tensor:
    """Images of twice the side, every pixel four times."""
    batch, channels, height, width = x.shape
    spread = x[:, :, :, None, :, None].expand(batch, channels, height, 2, width, 2)
    return spread.reshape(batch, channels, 2 * height, 2 * width)


def _sides(shape: tuple[int, ...]) -> list[int]:
    """The side of the images at each size, the largest first.

    Raises:
        TrainingError: for images that cannot be halved.
    """
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] % 2 or shape[1] < 2 * _SMALLEST:
        raise TrainingError(
            "the U-Net takes square images (channels, side, side) with an even side of 8 pixels or more, not the shape "
            f"{tuple(shape)}. --size 32 (or 28, 16) resizes images; --model mlp takes small ones of any side"
        )
    sides = [shape[1]]
    while len(sides) <= _HALVINGS and sides[-1] % 2 == 0 and sides[-1] >= 2 * _SMALLEST:
        sides.append(sides[-1] // 2)
    return sides
