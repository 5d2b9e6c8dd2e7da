"""Parquet files of images as Hugging Face's data sets have them: columns ``image`` and perhaps ``label``, ``split``."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from gansift.data.collection import Collection, File, Own
from gansift.data.labels import LabelFile, column_called, usual_column
from gansift.data.layout import split_name
from gansift.data.names import shown
from gansift.data.parquet import IMAGE, PARQUET, first_line, parquet_reader
from gansift.data.pixels import BadImageError
from gansift.errors import DataError

_log = logging.getLogger(__name__)
_LABEL, _SPLIT = "label", "split"

# Rows in memory at a time.
_BATCH = 64


class _Table(NamedTuple):
    """One file.

    Attributes:
        file: relative path.
        rows: the name of every image: file and row.
    """

    file: str
    rows: tuple[str, ...]


def is_table_name(name: str) -> bool:
    """Whether a file is named like a table."""
    return name.lower().endswith(PARQUET)


def open_tables(folder: Path, files: Sequence[str]) -> Collection:
    """The images of Parquet files; each is called by its file and row, such as ``train.parquet/000017``.

    The column ``image`` holds structs of ``bytes`` and ``path``, or bytes; paths are not followed. ``label`` holds
    integers or strings (also under other usual names, see `labels.column_called`); with class names in the file's
    metadata, integers are numbers of classes. A column ``split`` says in words which split a row is in; without it the
    names of the files do, if all of them begin with one, such as ``train-00000-of-00001.parquet``. Damaged files are
    refused.

    Args:
        folder: that holds them.
        files: relative paths.

    Raises:
        DataError: if pyarrow is missing, or a file has no such columns.
    """
    parquet = parquet_reader(folder / files[0])
    tables, refused = [], []
    for file in sorted(files):
        if not (folder / file).is_file():  # reading a pipe would wait for ever
            refused.append((file, "is a broken link or no regular file"))
            continue
        try:
            footer = parquet.ParquetFile(folder / file)
        except Exception as error:  # the reader fails with whatever the broken bytes made it stumble over
            refused.append((file, f"is no Parquet file, or it is damaged ({first_line(error)})"))
            continue
        _check_columns(folder / file, footer.schema_arrow)
        tables.append(_Table(file, tuple(f"{file}/{row:06d}" for row in range(footer.metadata.num_rows))))
    return Collection(
        place=folder,
        kind="table",
        names=tuple(name for table in tables for name in table.rows),
        contents=partial(_contents, folder, tables),
        own=partial(_own, folder, tables),
        refused=tuple(refused),
    )


def _check_columns(path: Path, schema: Any) -> None:
    from pyarrow import types

    there = f"{shown(path)} has the columns {', '.join(shown(f'{field.name} ({field.type})') for field in schema)}"
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise DataError(f"{there}; more than one is called {', '.join(map(repr, twice))}. Rename them.")
    image = schema.field(IMAGE).type if IMAGE in schema.names else None
    parts = {} if image is None or not types.is_struct(image) else {part.name: part.type for part in image}
    if not _is_bytes(types, parts.get("bytes", image)):
        raise DataError(f"{there}; it needs `image`: bytes, or structs of `bytes` and `path`")
    if _LABEL in schema.names and not _are_labels(schema.field(_LABEL).type):
        raise DataError(f"{there}; `label` must be integers or strings. Rename the column to go without labels.")


def _are_labels(kind: Any) -> bool:
    """Whether a column of this type can hold classes, or values of a split."""
    from pyarrow import types

    plain = kind.value_type if types.is_dictionary(kind) else kind
    return any(fits(plain) for fits in (types.is_integer, types.is_string, types.is_large_string, types.is_null))


def _is_bytes(types: Any, kind: Any) -> bool:
    return kind is not None and (types.is_binary(kind) or types.is_large_binary(kind))


def _contents(folder: Path, tables: Sequence[_Table]) -> Iterator[File]:
    for table in tables:
        rows = iter(table.rows)
        with parquet_reader(folder).ParquetFile(folder / table.file) as file:
            for group in range(file.num_row_groups):  # each is whole or damaged for itself
                names = islice(rows, file.metadata.row_group(group).num_rows)
                try:
                    for value in _column(file, IMAGE, [group]):
                        yield File(next(names), _content(value))
                except Exception as error:
                    reason = f"cannot be read: its part of the table is damaged ({first_line(error)})"
                    yield from (File(name, BadImageError(reason)) for name in names)


def _column(file: Any, name: str, groups: Sequence[int]) -> Iterator[Any]:
    for batch in file.iter_batches(batch_size=_BATCH, columns=[name], row_groups=groups):
        yield from batch.column(0).to_pylist()


def _content(value: Any) -> bytes | BadImageError:
    content = value.get("bytes") if isinstance(value, dict) else value
    if content is None:
        return BadImageError("has no bytes in the table; a path alone is not followed")
    return content


def _own(folder: Path, tables: Sequence[_Table]) -> Own:
    """The labels and the splits of all rows; none if no row has one."""
    return Own(
        _listed(folder, tables, _LABEL, _labels),
        by_folder=False,
        parts=_listed(folder, tables, _SPLIT, _split) or _split_by_file(folder, tables),
        columns=_columns(folder, tables),
    )


def _columns(folder: Path, tables: Sequence[_Table]) -> dict[str, Callable[[], LabelFile]]:
    """What the tables say of each image in texts and integers beside label and split, by column."""
    fitting: dict[str, None] = {}
    for table in tables:
        with parquet_reader(folder).ParquetFile(folder / table.file) as file:
            fitting |= {field.name: None for field in file.schema_arrow if _are_labels(field.type)}
    used = {usual_column(list(fitting), what) for what in (_LABEL, _SPLIT)}
    return {name: partial(_column_of, folder, tables, name) for name in fitting if name not in used}


def _column_of(folder: Path, tables: Sequence[_Table], name: str) -> LabelFile:
    """A column of all tables by the names of the rows; "" where a row, or a whole table, has nothing."""
    values: dict[str, str] = {}
    for table in tables:
        found = _read(folder / table.file, name)
        texts = ["" if value is None else str(value) for value in found] or [""] * len(table.rows)
        values.update(zip(table.rows, texts, strict=True))
    return LabelFile(folder, values)


def _listed(
    folder: Path, tables: Sequence[_Table], column: str, read: Callable[[Path], list[str | None]]
) -> LabelFile | None:
    """What a column says of every row; None if it says nothing of any."""
    names: dict[str, str] = {}
    without = []
    for table in tables:
        values = read(folder / table.file)
        names.update({name: value for name, value in zip(table.rows, values, strict=False) if value is not None})
        without += [name for name in table.rows if name not in names]
    if names and without:
        total = len(names) + len(without)
        raise DataError(
            f"{len(without)} of {total} rows in {shown(folder)} have no {column}, the first of them "
            f"{shown(without[0])}. Give all rows a {column} or none."
        )
    return LabelFile(folder, names) if names else None


def _labels(path: Path) -> list[str | None]:
    """The label of every row; none at all without a column of labels."""
    schema, name, values = _values(path, _LABEL)
    classes = _class_names(path, schema, name)
    return [_label(value, classes, path) for value in values]


def _split(path: Path) -> list[str | None]:
    """The split of every row; none at all without a column of splits."""
    _, _, values = _values(path, _SPLIT)
    parts = [None if value is None else split_name(str(value)) for value in values]
    for row, (value, part) in enumerate(zip(values, parts, strict=True)):
        if value is not None and part is None:
            raise DataError(f"{shown(path)}, row {row}: a split is train, valid or test, not {shown(str(value))}")
    return parts


def _values(path: Path, column: str) -> tuple[Any, str, list[Any]]:
    """The schema, the name of the column that is meant, and what it holds, nothing if it is not there."""
    with parquet_reader(path).ParquetFile(path) as file:
        schema = file.schema_arrow
        fitting = [field.name for field in schema if field.name == column or _are_labels(field.type)]
    name = column_called(path, fitting, column)
    return schema, name or column, [] if name is None else _read(path, name)


def _read(path: Path, name: str) -> list[Any]:
    """What a column holds, nothing if the file does not have it."""
    with parquet_reader(path).ParquetFile(path) as file:
        if name not in file.schema_arrow.names:
            return []
        try:
            return list(_column(file, name, range(file.num_row_groups)))
        except Exception as error:
            raise DataError(f"the column {name} of {shown(path)} cannot be read ({first_line(error)})") from error


def _split_by_file(folder: Path, tables: Sequence[_Table]) -> LabelFile | None:
    """The splits that files are named after, if all are and one of them is for training."""
    told = {table.file: split_name(re.split("[-._]", PurePosixPath(table.file).name)[0]) for table in tables}
    if None in told.values() or "train" not in told.values() or len(set(told.values())) < 2:
        return None
    return LabelFile(folder, {row: part for table in tables for row in table.rows if (part := told[table.file])})


def _label(value: Any, classes: list[str] | None, path: Path) -> str | None:
    if value is None or classes is None or isinstance(value, str):
        return None if value is None else str(value)
    if value == -1:  # what Hugging Face writes where a class is not known
        return None
    if not 0 <= value < len(classes):
        raise DataError(f"{shown(path)} has the label {value}, but names {len(classes)} classes")
    return classes[value]


def _class_names(path: Path, schema: Any, column: str) -> list[str] | None:
    """The names of the classes, which Hugging Face writes into the metadata; what is damaged there is said."""
    written = (schema.metadata or {}).get(b"huggingface")
    if written is None:
        return None
    try:
        feature = json.loads(written)["info"]["features"].get(column, {})
        names = feature.get("names")
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        _log.warning("the names of the classes in %s cannot be read: classes are called by their numbers", shown(path))
        return None
    if names is None or (isinstance(names, list) and all(isinstance(name, str) and name for name in names)):
        return names
    _log.warning("the names of the classes in %s are no texts: classes are called by their numbers", shown(path))
    return None
