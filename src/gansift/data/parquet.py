"""Parquet files as tables of numbers and categories."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gansift.data.names import shown
from gansift.data.table import MISSING, Field, Table
from gansift.errors import DataError

PARQUET = ".parquet"

IMAGE = "image"
"""The column that makes a table one of images."""


def parquet_reader(path: Path) -> Any:
    """The module that reads a Parquet file.

    Raises:
        DataError: if it is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(
            f"reading {shown(path)} needs pyarrow ({error}); install it with pip install 'gansift[table]'"
        ) from error
    return parquet


def first_line(error: Exception) -> str:
    """The first line of what the reader says, which may go on for many."""
    return shown((str(error).splitlines() or [type(error).__name__])[0])


def is_of_images(path: Path) -> bool:
    """Whether a Parquet file has a column of images, or cannot be read at all."""
    try:
        return IMAGE in parquet_reader(path).ParquetFile(path).schema_arrow.names
    except DataError:
        raise
    except Exception:  # the reader fails with whatever the broken bytes made it stumble over
        return True


def parquet_columns(path: Path) -> list[str]:
    """The names of a Parquet file's columns in their order.

    Raises:
        DataError: if pyarrow is missing or the file is damaged.
    """
    reader = parquet_reader(path)
    try:
        return list(reader.ParquetFile(path).schema_arrow.names)
    except Exception as error:
        raise _damaged(path, error) from error


def read_parquet(path: Path, ignore: Sequence[str] = ()) -> Table:
    """Read a Parquet file; only one column at a time is held in the reader's form.

    Columns of integers, floats and decimals are numbers; of strings, booleans, dates and times, categories. A null is
    a missing cell, and so is NaN.

    Args:
        path: of the file.
        ignore: names of columns that are not read.

    Raises:
        DataError: if pyarrow is missing, the file is damaged or has no rows, columns of one name, or a column of
            lists, structs or bytes.
    """
    reader = parquet_reader(path)
    try:
        with reader.ParquetFile(path) as file:
            names = file.schema_arrow.names
            _check(path, names, file.metadata.num_rows)
            fields = [_field(path, name, file.read(columns=[name]).column(0)) for name in names if name not in ignore]
    except DataError:
        raise
    except Exception as error:
        raise _damaged(path, error) from error
    return Table(tuple(fields), tuple(name for name in names if name in ignore))


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{shown(path)} cannot be read, or it is damaged ({first_line(error)})")


def _check(path: Path, names: Sequence[str], rows: int) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{shown(path)} has more than one column called {', '.join(map(repr, twice))}; rename them")
    if not rows:
        raise DataError(f"{shown(path)} has columns and no rows")


def _field(path: Path, name: str, column: Any) -> Field:
    from pyarrow import compute, types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return Field(name, column.cast(kind).cast("float64", safe=False).to_numpy().astype(np.float64))
    if types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        raise DataError(
            f"column {shown(name)!r} of {shown(path)} is {column.type}, neither numbers nor categories: --ignore it"
        )
    texts = compute.fill_null(column.cast(kind).cast("string"), MISSING).dictionary_encode().combine_chunks()
    return Field.of_codes(name, texts.indices.to_numpy(), texts.dictionary.to_pylist())
