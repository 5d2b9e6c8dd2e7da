"""A NumPy ``.npz`` file as a source of examples."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gansift.data.columns import LABEL, Column
from gansift.data.examples import Examples
from gansift.data.hashing import hash_rows, row_ids
from gansift.data.layout import SPLITS, split_name
from gansift.data.pixels import to_signed
from gansift.data.records import Records, Roles
from gansift.data.table import Field, Table
from gansift.errors import DataError, UsageError

_WANTED = (
    "`x` must be images, uint8 of shape (N, H, W), (N, H, W, 1) or (N, H, W, 3), or points, floats of shape (N, d)"
)

# What NumPy and the zip reader raise on broken files; encrypted and oddly packed ones are RuntimeErrors.
_DAMAGE = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)


def open_npz(path: Path, roles: Roles) -> Examples | Records:
    """The examples of a ``.npz`` file with an array ``x``, or the records of one whose arrays are a table's columns.

    Args:
        path: of the file.
        roles: of the columns; beside an array ``x``, of the other arrays, which are integers or strings (N,).

    Raises:
        DataError: if the file is damaged, or its arrays are neither.
        UsageError: if a role is of an array that is not there, or does not go with ``x``.
    """
    with _opened(path) as file:
        names = file.files
        columns = _read_columns(file, roles.ignore, path)
    if columns:
        return Records.of(path.name, Table(columns, tuple(name for name in names if name in roles.ignore)), roles)
    if roles.ignore or roles.include or roles.impute:
        raise UsageError(f"--ignore, --include and --impute go with columns, and the arrays of {path} are none")
    roles.check([name for name in names if name != "x"], str(path))
    examples = read_npz(path)
    with _opened(path) as file:
        beside = {column: _read_array(file, name, path) for column, name in roles.beside.items()}
    made = {column: _beside(column, array, len(examples), path) for column, array in beside.items()}
    return replace(examples, columns={**examples.columns, **made})


def read_npz(path: Path) -> Examples:
    """Read the arrays ``x`` and, if it is there, ``y`` of a ``.npz`` file; ids are ``name.npz/row#hash12``.

    A file with ``x_train`` and ``x_test`` or ``x_valid`` (and ``y_train``, ...) in place of ``x`` has splits of
    its own; the rows of all of them are counted through: train, valid, test.

    Args:
        path: the file; ``x`` is uint8 (N, H, W), (N, H, W, 1) or (N, H, W, 3), or float (N, d); ``y`` is integers or
            strings (N,). Other arrays are passed over.

    Returns:
        Examples in the order of the rows. An integer label is the name of its class: labels count from 0.

    Raises:
        DataError: if the file is damaged or the arrays are missing, pickled objects, or of another type or shape.
    """
    arrays, parts = _read_arrays(path)
    content, x = _convert(arrays["x"], path)
    columns = {LABEL: _beside("y", arrays["y"], len(x), path)} if "y" in arrays else {}
    hashes = hash_rows(content)
    return Examples(
        ids=row_ids(path.name, hashes),
        x=x,
        columns=columns,
        paths=("",) * len(x),
        hashes=hashes,
        parts=parts,
    )


def _opened(path: Path) -> np.lib.npyio.NpzFile:
    try:
        file = np.load(path, allow_pickle=False)
    except _DAMAGE as error:
        raise DataError(f"{path} is no .npz file, or it is damaged ({error})") from error
    if isinstance(file, np.ndarray):
        raise DataError(f"{path} is a single array, not a .npz file. Save it with np.savez(path, x=..., y=...).")
    return file


def _read_arrays(path: Path) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The array x, and y if it is there, and the split of each row if the file has splits of its own."""
    with _opened(path) as file:
        split = {name[2:]: part for name in file.files if name.startswith("x_") and (part := split_name(name[2:]))}
        if "x" not in file.files and "train" in split.values() and len(split) > 1:
            return _read_split(file, split, path)
        if "x" not in file.files:
            found = ", ".join(sorted(file.files)) or "nothing"
            raise DataError(f"{path} has no array `x`; it holds: {found}. Save it with np.savez(path, x=..., y=...).")
        return {key: _read_array(file, key, path) for key in ("x", "y") if key in file.files}, ()


def _read_split(
    file: np.lib.npyio.NpzFile, split: Mapping[str, str], path: Path
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The arrays ``x_train``, ``x_test``, ... one after another, and those of y if they are there."""
    suffixes = sorted(split, key=lambda suffix: SPLITS.index(split[suffix]))
    xs = [_read_array(file, f"x_{suffix}", path) for suffix in suffixes]
    if len({(x.dtype, x.shape[1:]) for x in xs}) > 1 or any(x.ndim == 0 for x in xs):
        forms = ", ".join(f"`x_{suffix}` {x.dtype} {x.shape}" for suffix, x in zip(suffixes, xs, strict=True))
        raise DataError(
            f"the arrays of {path} must be of one type, and of one shape but for the number of rows: {forms}"
        )
    counts = {suffix: len(x) for suffix, x in zip(suffixes, xs, strict=True)}
    arrays = {"x": np.concatenate(xs)}
    if any(f"y_{suffix}" in file.files for suffix in suffixes):
        arrays["y"] = _read_split_labels(file, counts, path)
    return arrays, tuple(split[suffix] for suffix, count in counts.items() for _ in range(count))


def _read_split_labels(file: np.lib.npyio.NpzFile, counts: Mapping[str, int], path: Path) -> np.ndarray:
    """The arrays ``y_train``, ``y_test``, ... one after another."""
    without = [f"y_{suffix}" for suffix in counts if f"y_{suffix}" not in file.files]
    if without:
        raise DataError(f"{path} has labels for some of its splits only: {', '.join(without)} is missing")
    ys = [_read_array(file, f"y_{suffix}", path) for suffix in counts]
    for y, (suffix, count) in zip(ys, counts.items(), strict=True):
        if y.shape != (count,):
            raise DataError(f"`y_{suffix}` in {path} is of shape {y.shape}, but `x_{suffix}` has {count} rows")
    return np.concatenate(ys)


def _read_array(file: np.lib.npyio.NpzFile, key: str, path: Path) -> np.ndarray:
    try:
        array = file[key]
    except MemoryError as error:
        raise DataError(
            f"`{key}` in {path} says that it is larger than the memory that there is ({error}). If it is not meant to "
            "be, the file is damaged; else give it in parts."
        ) from error
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


def _beside(name: str, array: np.ndarray, count: int, path: Path) -> Column:
    if array.shape != (count,) or array.dtype.kind not in "iuU":
        raise DataError(
            f"`{name}` in {path} is {array.dtype} of shape {array.shape}; it must be integers or strings of shape "
            f"({count},), one for each row of `x`"
        )
    return Column.of(array, name)


def _read_columns(file: np.lib.npyio.NpzFile, ignore: Sequence[str], path: Path) -> tuple[Field, ...]:
    """The arrays as columns of a table; none if there is one called x, or they are not all (N,)."""
    names = [name for name in file.files if name not in ignore]
    if "x" in file.files or not names:
        return ()
    arrays = {name: _read_array(file, name, path) for name in names}
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) > 1 or len(shape := shapes.pop()) != 1 or not shape[0]:
        return ()
    return tuple(_field(name, array, path) for name, array in arrays.items())


def _field(name: str, array: np.ndarray, path: Path) -> Field:
    if array.dtype.kind in "Ub":
        return Field.of_texts(name, array.astype(str).tolist())
    if array.dtype.kind in "iuf":
        return Field(name, array.astype(np.float64))
    raise DataError(f"`{name}` in {path} is {array.dtype}; a column of a table is numbers, strings or booleans")
