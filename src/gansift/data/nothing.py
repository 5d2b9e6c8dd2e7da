"""Images that show nothing: of one colour, or pure noise."""

from __future__ import annotations

import numpy as np

# Grey levels: what a lossy format leaves of one colour differs by less.
_FLAT = 2.0
# Of pixels that have nothing to do with their neighbours the correlation is 0; of photographs it is above 0.8, of
# drawings and text above 0.4. With fewer pixels than this it cannot be told.
_UNRELATED, _FEWEST = 0.2, 256


def nothing_in(pixels: np.ndarray) -> str | None:
    """What an image is if it shows nothing, ``blank`` or ``noise``; else None.

    Args:
        pixels: uint8, (H, W) or (H, W, 3).

    >>> nothing_in(np.full((16, 16), 255, np.uint8)), nothing_in(np.tile(np.arange(16, dtype=np.uint8) * 16, (16, 1)))
    ('blank', None)
    """
    grey = pixels.astype(np.float64)
    if grey.ndim == 3:
        if max(grey[..., channel].std() for channel in range(3)) < _FLAT:
            return "blank"
        grey = grey.mean(axis=2)
    if grey.std() < _FLAT:
        return "blank" if pixels.ndim == 2 else None
    if grey.size < _FEWEST or min(grey.shape) < 2:
        return None
    aside, below = _correlation(grey[:, 1:], grey[:, :-1]), _correlation(grey[1:], grey[:-1])
    return "noise" if max(aside, below) < _UNRELATED else None


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    spread = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / spread if spread else 1.0
