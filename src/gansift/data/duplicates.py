"""Images that look the same although their files differ: saved again, resized, or touched up a little."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

# A thumbnail's neighbours in a row give one bit each: 8 rows of 8 pairs.
_WIDTH, _HEIGHT = 9, 8

# Grey levels by which a pixel must be brighter than the one before it: less is noise of a lossy format.
_MARGIN = 4.0

# Bits that may differ; and how much thumbnails may (RMS): so many of 255 levels, and that share of their contrast,
# so that the same grey smear on the same white is not enough.
_BITS = 6
_LEVELS = 1.5
_SHARE = 0.1

_ONES = np.unpackbits(np.arange(2**16, dtype=np.uint16).view(np.uint8).reshape(-1, 2), axis=1).sum(1, dtype=np.uint8)


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """What is compared of an image, uint8 (8, 9, 3).

    Args:
        pixels: uint8, (H, W) or (H, W, 3).
    """
    small = Image.fromarray(pixels).resize((_WIDTH, _HEIGHT), Image.Resampling.BILINEAR)
    return np.asarray(small.convert("RGB"))


def near_duplicates(thumbnails: Sequence[np.ndarray]) -> list[list[int]]:
    """Groups of positions that look the same, each of two or more, ascending; a position is in one group at most.

    Two images look the same if their difference hashes (64 bits: is a pixel of the thumbnail brighter than its left
    neighbour?) differ in few bits and their thumbnails in little. All of a group look the same as its first. Mirrored,
    turned and cropped copies are not found.
    """
    if len(thumbnails) < 2:
        return []
    stacked = np.stack(thumbnails)
    hashes = _difference_hashes(stacked)
    thumbs = stacked.reshape(len(stacked), -1).astype(np.float32)
    contrast = thumbs.std(1)
    free = np.ones(len(thumbs), dtype=bool)
    groups = []
    for first in range(len(thumbs) - 1):
        if not free[first]:
            continue
        rest = slice(first + 1, None)
        close = first + 1 + np.flatnonzero(free[rest] & (_distances(hashes[rest], hashes[first]) <= _BITS))
        apart = np.sqrt(((thumbs[close] - thumbs[first]) ** 2).mean(1))
        alike = close[apart <= _LEVELS + _SHARE * np.minimum(contrast[close], contrast[first])]
        if len(alike):
            free[alike] = False
            groups.append([first, *alike.tolist()])
    return groups


def _difference_hashes(thumbs: np.ndarray) -> np.ndarray:
    """The difference hash of each, four times 16 bits, uint16 (N, 4)."""
    grey = thumbs.astype(np.float32).mean(3)
    brighter = np.diff(grey, axis=2) > _MARGIN
    return np.packbits(brighter.reshape(len(thumbs), -1), axis=1).view(np.uint16)


def _distances(hashes: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Bits in which each differs from another."""
    return _ONES[hashes ^ other].sum(1, dtype=np.uint8)
