"""A NumPy ``.npz`` file as a source of examples."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gansift.data.columns import labelled
from gansift.data.examples import Examples
from gansift.data.hashing import hash_rows, row_ids
from gansift.data.labels import number_labels
from gansift.data.pixels import to_signed
from gansift.errors import DataError

_WANTED = (
    "`x` must be images, uint8 of shape (N, H, W), (N, H, W, 1) or (N, H, W, 3), or points, floats of shape (N, d)"
)

# What NumPy and the zip reader raise on broken files; encrypted and oddly packed ones are RuntimeErrors.
_DAMAGE = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)


def read_npz(path: Path) -> Examples:
    """Read the arrays ``x`` and, if it is there, ``y`` of a ``.npz`` file; ids are ``name.npz/row#hash12``.

    Args:
        path: the file; ``x`` is uint8 (N, H, W), (N, H, W, 1) or (N, H, W, 3), or float (N, d); ``y`` is integers or
            strings (N,). Other arrays are passed over.

    Returns:
        Examples in the order of the rows. An integer label is the name of its class: labels count from 0.

    Raises:
        DataError: if the file is damaged or the arrays are missing, pickled objects, or of another type or shape.
    """
    arrays = _read_arrays(path)
    content, x = _convert(arrays["x"], path)
    labels, class_names = (None, None) if "y" not in arrays else _number(arrays["y"], len(x), path)
    hashes = hash_rows(content)
    return Examples(
        ids=row_ids(path.name, hashes),
        x=x,
        columns=labelled(labels, class_names),
        paths=("",) * len(x),
        hashes=hashes,
    )


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The array x, and y if it is there."""
    try:
        file = np.load(path, allow_pickle=False)
    except _DAMAGE as error:
        raise DataError(f"{path} is no .npz file, or it is damaged ({error})") from error
    if isinstance(file, np.ndarray):
        raise DataError(f"{path} is a single array, not a .npz file. Save it with np.savez(path, x=..., y=...).")
    with file:
        if "x" not in file.files:
            found = ", ".join(sorted(file.files)) or "nothing"
            raise DataError(f"{path} has no array `x`; it holds: {found}. Save it with np.savez(path, x=..., y=...).")
        return {key: _read_array(file, key, path) for key in ("x", "y") if key in file.files}


def _read_array(file: np.lib.npyio.NpzFile, key: str, path: Path) -> np.ndarray:
    try:
        array = file[key]
    except _DAMAGE as error:
        if "Object arrays" in str(error):
            raise DataError(
                f"`{key}` in {path} holds pickled Python objects, which are never opened because they can run code. "
                "Save plain arrays of numbers (or strings, for `y`)."
            ) from error
        raise DataError(f"`{key}` in {path} is damaged ({error})") from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"`{key}` in {path} is damaged (it is no NumPy array)")
    return array


def _convert(x: np.ndarray, path: Path) -> tuple[np.ndarray, Tensor]:
    """What is hashed, one row an example, and what is trained on."""
    got = f"`x` in {path} is {x.dtype} of shape {x.shape}"
    if x.size == 0:
        raise DataError(f"{got}: there is no example in it. {_WANTED}.")
    if x.dtype == np.uint8 and (x.ndim == 3 or (x.ndim == 4 and x.shape[3] in (1, 3))):
        images = x[..., None] if x.ndim == 3 else x
        return images, to_signed(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    if x.dtype.kind == "f" and x.ndim == 2:
        with np.errstate(over="ignore"):
            points = x.astype(np.float32)
        if not np.isfinite(points).all():
            row = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
            raise DataError(f"`x` in {path} has NaN or infinity (in float32), first in row {row}; remove such rows")
        return points, torch.from_numpy(points)
    raise DataError(f"{got}. {_WANTED}.")


def _number(y: np.ndarray, count: int, path: Path) -> tuple[Tensor, tuple[str, ...]]:
    if y.shape != (count,) or y.dtype.kind not in "iuU":
        raise DataError(
            f"`y` in {path} is {y.dtype} of shape {y.shape}; it must be integers or strings of shape ({count},), "
            "one label for each row of `x`"
        )
    return number_labels([str(label) for label in y.tolist()])
