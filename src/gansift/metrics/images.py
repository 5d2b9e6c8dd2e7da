"""Images as frozen networks want them: of three channels, and resized."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from gansift.errors import UsageError


def three_channels(samples: Tensor, who: str) -> Tensor:
    """Images (n, 3, H, W); grey ones have one channel, which is repeated.

    Raises:
        UsageError: for anything else.
    """
    if samples.dim() != 4 or samples.shape[1] not in (1, 3):
        raise UsageError(
            f"{who} are of images with 1 or 3 channels, not of samples of shape {tuple(samples.shape[1:])}; use "
            "--features classifier or autoencoder"
        )
    return samples.expand(-1, 3, -1, -1)


def resize(images: Tensor, side: int, mode: str, antialias: bool) -> Tensor:
    """Images resized to a square, by torch's own weights; values may overshoot under ``bicubic``.

    A product with two matrices has right derivatives of every order, and the same bits on every run; torch's own
    resizing has derivatives that differ from run to run on GPUs.

    Args:
        images: (n, C, H, W), floating point.
        side: pixels of the result.
        mode: ``bilinear`` or ``bicubic``.
        antialias: average over all pixels that make one smaller pixel; ``bicubic`` is then Pillow's.

    Returns:
        (n, C, side, side), linear in the images.
    """
    rows, columns = (resampling(length, side, mode, antialias).to(images) for length in images.shape[2:])
    return rows @ images @ columns.T


@lru_cache(maxsize=32)
def resampling(length: int, side: int, mode: str, antialias: bool) -> Tensor:
    """The float64 matrix (side, length) that resizes one axis: what torch makes of the unit matrix along it."""
    unit = torch.eye(length, dtype=torch.float64)[None, None]
    size = (side, length)
    return functional.interpolate(unit, size=size, mode=mode, align_corners=False, antialias=antialias)[0, 0]
