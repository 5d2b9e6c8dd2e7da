"""A NumPy file of the splits, as `gansift run` reads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gansift.data.layout import SPLITS
from gansift.data.pixels import to_pixels
from gansift.files import write_atomically
from gansift.report.item import Item


def write_arrays(path: Path, items: Sequence[Item]) -> None:
    """Write ``x_train``, ``x_valid`` and ``x_test``, and ``y_train`` and so on where there are classes.

    A split without items has no arrays.

    Args:
        path: the file.
        items: images, written as bytes (N, H, W) or (N, H, W, 3), or points, as floats (N, d).

    Raises:
        GansiftError: if the file cannot be written.
    """
    labelled = any(item.label for item in items)
    arrays: dict[str, Any] = {}
    for part in SPLITS:
        of_part = [item for item in items if item.split == part]
        if not of_part:  # of a cross-fit, in which everybody is trained on
            continue
        arrays[f"x_{part}"] = np.stack([_array(item) for item in of_part])
        if labelled:
            arrays[f"y_{part}"] = np.array([item.label for item in of_part])

    def write(temporary: Path) -> None:
        with open(temporary, "wb") as file:  # given a name, NumPy would add a suffix to it
            np.savez_compressed(file, **arrays)

    write_atomically(path, write)


def _array(item: Item) -> np.ndarray:
    return to_pixels(item.x.numpy()) if item.x.ndim == 3 else item.x.numpy()
