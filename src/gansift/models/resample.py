"""Low-pass filtering, and doubling and halving of images with it, by operators whose every derivative is right.

The filter is [1, 3, 3, 1] in both directions (Karras et al. 2020, appendix B).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_TAPS = (1.0, 3.0, 3.0, 1.0)


def low_pass() -> Tensor:
    """The filter in both directions, (4, 4) with sum 1."""
    taps = torch.tensor(_TAPS)
    return torch.outer(taps, taps) / taps.sum() ** 2


def blur(x: Tensor, padding: tuple[int, int], gain: float = 1.0) -> Tensor:
    """Filter images (B, C, H, W) after ``padding`` zeros before and behind each row and column.

    The result has H + before + behind - 3 rows.

    Args:
        x: the images.
        padding: zeros before and behind; a negative number cuts.
        gain: of the filter.
    """
    kernel = gain * low_pass().to(x)  # in sixty-fourths, so exact in any precision
    before, behind = padding
    padded = functional.pad(x, (before, behind, before, behind))
    channels = x.shape[1]
    return functional.conv2d(padded, kernel.expand(channels, 1, *kernel.shape), groups=channels)


def upsample(x: Tensor) -> Tensor:
    """Images of twice the size: (B, C, H, W) to (B, C, 2 H, 2 W)."""
    batch, channels, height, width = x.shape
    spaced = functional.pad(x.reshape(batch, channels, height, 1, width, 1), (0, 1, 0, 0, 0, 1))
    return blur(spaced.reshape(batch, channels, 2 * height, 2 * width), (2, 1), gain=4.0)
