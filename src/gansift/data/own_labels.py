"""What a folder or an archive says of the classes and splits of its own images, in StyleGAN's file or in tables."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from gansift.data.collection import Own
from gansift.data.labels import ALWAYS, LabelFile, collect, column_called, json_rows, parse_json, read_table
from gansift.data.layout import split_name
from gansift.data.names import shown
from gansift.errors import DataError

_log = logging.getLogger(__name__)
_STYLEGAN = "dataset.json"
_EXPORTED = "manifest.csv"


def own_labels(place: Path, files: Sequence[str], read: Callable[[str], bytes]) -> Own:
    """Labels and splits from files that lie beside the images.

    ``dataset.json`` at the root, or in the one folder at the root, holds ``{"labels": [["a.png", 3], ...]}``; null
    there says that there are none. It takes precedence over the labels of ``metadata.csv`` and ``metadata.jsonl``, at
    the root or in folders, whose ``file_name`` is relative to the file and whose ``label`` and ``split`` may be
    missing. ``manifest.csv`` is such a table if it has a column ``file_name``, as in an exported archive, and then
    takes precedence over ``dataset.json``, which knows the numbers of classes alone. Wherever there is such a file,
    folders are no classes.

    Args:
        place: that holds the files.
        files: relative paths of all of them.
        read: the content of one.

    Raises:
        DataError: if such a file cannot be read or has another form.
    """
    tables = [(place / name, name, _table(place / name, read(name))) for name in files if _is_metadata(name)]
    found = [(path, name, rows) for path, name, rows in tables if rows is not None]
    path = found[0][0] if len(found) == 1 else place
    split = [row for path, name, rows in found for row in _split(path, PurePosixPath(name).parent, rows)]
    parts = collect(path, split, "split") if split else None
    exported = any(path.name == _EXPORTED for path, _, _ in found)
    columns = _columns(path, found)
    stylegan = None if exported else _stylegan(place, files, read)
    if stylegan is not None:
        return stylegan._replace(parts=parts, columns=columns)
    labelled = [row for path, name, rows in found for row in _labelled(path, PurePosixPath(name).parent, rows)]
    return Own(collect(path, labelled) if labelled else None, by_folder=not found, parts=parts, columns=columns)


def _columns(path: Path, found: Sequence[tuple[Path, str, Sequence[_Row]]]) -> dict[str, Callable[[], LabelFile]]:
    """What the files say of images beside label and split, by column; "" where a row has nothing."""
    rows = [((PurePosixPath(name).parent / row.file_name).as_posix(), row) for _, name, part in found for row in part]
    names = dict.fromkeys(column for _, row in rows for column in row.others)
    return {
        name: partial(collect, path, [(image, row.others.get(name, "")) for image, row in rows], name) for name in names
    }


def _stylegan(place: Path, files: Sequence[str], read: Callable[[str], bytes]) -> Own | None:
    """What ``dataset.json`` says; None if there is none of StyleGAN's."""
    folders = {name.partition("/")[0] for name in files if "/" in name}
    wrapped = [f"{folder}/{_STYLEGAN}" for folder in folders if len(folders) == 1]
    name = next((name for name in (_STYLEGAN, *wrapped) if name in files), None)
    if name is None:
        return None
    path, content = place / name, read(name)
    parsed = parse_json(path, content)
    listed = isinstance(parsed, list) and bool(parsed) and all(isinstance(entry, list) for entry in parsed)
    if not listed and (not isinstance(parsed, dict) or "labels" not in parsed):
        _log.warning("%s is not StyleGAN's list of labels and is passed over", shown(path))
        return None
    if isinstance(parsed, dict) and parsed["labels"] is None:
        return Own(None, by_folder=False)
    folder = PurePosixPath(name).parent
    rows = [((folder / image).as_posix(), label) for image, label in json_rows(path, content)]
    return Own(collect(path, rows), by_folder=False)


class _Row(NamedTuple):
    """One row of a metadata file; label and split are "" where there is none, and what else it says is by column."""

    line: int
    file_name: str
    label: str
    split: str
    others: Mapping[str, str]


def _is_metadata(name: str) -> bool:
    return PurePosixPath(name).name in ("metadata.csv", "metadata.jsonl", _EXPORTED)


def _labelled(path: Path, folder: PurePosixPath, rows: Sequence[_Row]) -> list[tuple[str, str]]:
    """Path, relative to the place, and label of every row; none at all if no row has a label."""
    without = [row.line for row in rows if not row.label]
    if len(without) == len(rows):
        return []
    if without:
        raise DataError(
            f"label file {shown(path)}, line {without[0]}: {len(without)} of {len(rows)} rows have no label. Label all "
            "of them or none, or give labels of your own with --labels."
        )
    return [((folder / row.file_name).as_posix(), row.label) for row in rows]


def _split(path: Path, folder: PurePosixPath, rows: Sequence[_Row]) -> list[tuple[str, str]]:
    """Path, relative to the place, and split of every row; none at all if no row has a split."""
    if not any(row.split for row in rows):
        return []
    parts = [split_name(row.split) for row in rows]
    wrong = [row for row, part in zip(rows, parts, strict=True) if part is None]
    if wrong:
        raise DataError(
            f"label file {shown(path)}, line {wrong[0].line}: a split is train, valid or test, not {wrong[0].split!r}. "
            "Give all rows a split or none; rename the column if it says something else."
        )
    return [((folder / row.file_name).as_posix(), part) for row, part in zip(rows, parts, strict=True) if part]


def _table(path: Path, content: bytes) -> list[_Row] | None:
    """The rows of a metadata file; None if it speaks of no images, so that it is something else of that name."""
    if path.suffix == ".jsonl":
        return _json_lines(path, content)
    header, lines = read_table(path, content)
    if path.name == _EXPORTED and "file_name" not in header:  # of a run directory, or somebody else's
        return None
    image, label, split = (column_called(path, header, what) for what in ("image", "label", "split"))
    if image is None:
        _nameless(path, "column", shown(",".join(header)), label is not None or split is not None)
        return None
    if label is None and split is None:
        _log.warning(
            "label file %s has no column of labels, so there are no classes: its columns are %s",
            shown(path),
            shown(", ".join(header)),
        )
    rows = []
    for line, row in lines:
        if len(row) != len(header):
            raise DataError(f"label file {shown(path)}, line {line}: {len(row)} fields, but {len(header)} columns")
        fields = dict(zip(header, row, strict=True))
        name = _file_name(path, line, fields[image])
        others = {key: value for key, value in fields.items() if key and key not in (image, label, split)}
        rows.append(_Row(line, name, fields.get(label or "", ""), fields.get(split or "", ""), others))
    return rows


def _nameless(path: Path, what: str, first: str, speaks_of_images: bool) -> None:
    """Refuse a file that names no images although it has labels or splits of some; say that another is passed over.

    Args:
        path: of the file.
        what: a ``column`` or a ``field``.
        first: its first line.
        speaks_of_images: whether it has labels or splits.

    Raises:
        DataError: if it has.
    """
    if speaks_of_images:
        raise DataError(
            f"label file {shown(path)} has no {what} of file names; its first line is {first!r}. Call that {what} "
            "file_name, or give another file with --labels."
        )
    _log.warning("%s has no %s of file names and is passed over: %s", shown(path), what, first)


def _json_lines(path: Path, content: bytes) -> list[_Row] | None:
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except ValueError as error:
        raise DataError(f"label file {shown(path)} cannot be read as UTF-8: {error}") from error
    objects = [(line, parse_json(path, text)) for line, text in enumerate(lines, 1) if text.strip()]
    found = [pair for _, fields in objects if isinstance(fields, dict) for pair in fields.items()]
    lists = {key for key, value in found if isinstance(value, list | dict)}  # such as the labels of boxes
    known = [key for key in dict.fromkeys(key for key, _ in found) if key in ALWAYS or key not in lists]
    image, label, split = (column_called(path, known, what) for what in ("image", "label", "split"))
    if image is None:
        _nameless(path, "field", shown(lines[0]), label is not None or split is not None)
        return None
    beside = set(known) - lists - {image, label, split}
    rows = []
    for line, fields in objects:
        if not isinstance(fields, dict):
            raise DataError(f'label file {shown(path)}, line {line}: expected an object such as {{"file_name": ...}}')
        name = _file_name(path, line, fields.get(image))
        words = [_word(path, line, fields.get(key or ""), what) for key, what in ((label, "label"), (split, "split"))]
        others = {key: "" if value is None else str(value) for key, value in fields.items() if key in beside}
        rows.append(_Row(line, name, words[0], words[1], others))
    return rows


def _word(path: Path, line: int, word: object, what: str) -> str:
    """The label or the split in an object of JSON, "" where there is none."""
    if not (word is None or isinstance(word, str | int)) or isinstance(word, bool):
        raise DataError(f"label file {shown(path)}, line {line}: a {what} is a number or a text, not {word!r}")
    return "" if word is None else str(word)


def _file_name(path: Path, line: int, name: object) -> str:
    if not isinstance(name, str) or not name:
        raise DataError(f"label file {shown(path)}, line {line}: there is no file_name")
    return name
