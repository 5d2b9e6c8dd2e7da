"""From arrays and tensors in memory to what is trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gansift.data.columns import as_array
from gansift.data.pixels import signed
from gansift.errors import DataError

_WANTED = (
    "it must be images of one or three channels, uint8 or floats, (N, H, W), (N, C, H, W) or (N, H, W, C); or points "
    "or records, numbers (N, d)"
)


def as_examples(x: Any) -> tuple[np.ndarray, Tensor]:
    """What is hashed of each example, and what is trained on.

    Args:
        x: as for :meth:`gansift.data.Examples.of`.

    Returns:
        An array whose first axis is the examples, images (N, H, W, C); and float32, images (N, C, H, W) in [-1, 1], or
        points (N, d).

    Raises:
        DataError: if it is of another kind or shape, is empty, or holds values that are not finite.
    """
    array = as_array(x, "x")
    if not array.size:
        raise DataError(f"`x` has the shape {array.shape}: there is no example in it")
    if array.ndim == 2 and array.dtype.kind != "U":
        return _points(array)
    pixels = _channels_last(array, first=isinstance(x, Tensor))
    if pixels is None or (pixels.dtype != np.uint8 and pixels.dtype.kind != "f"):
        raise DataError(f"`x` is {array.dtype} of shape {array.shape}; {_WANTED}")
    pixels = pixels if pixels.dtype == np.uint8 else pixels.astype(np.float32)
    return pixels, signed(pixels, "`x`").permute(0, 3, 1, 2).contiguous()


def _points(array: np.ndarray) -> tuple[np.ndarray, Tensor]:
    with np.errstate(over="ignore"):
        points = array.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(bad):
        raise DataError(f"`x` has values that are not finite (in float32), first in row {bad[0]}; remove such rows")
    return points, torch.from_numpy(points)


def _channels_last(array: np.ndarray, *, first: bool) -> np.ndarray | None:
    """Images (N, H, W, C); where both ends could be the channels, a tensor has them first and an array last."""
    if array.ndim == 3:
        return array[..., None]
    if array.ndim != 4:
        return None
    front, back = array.shape[1] in (1, 3), array.shape[3] in (1, 3)
    if front and (first or not back):
        return array.transpose(0, 2, 3, 1)
    return array if back else None
