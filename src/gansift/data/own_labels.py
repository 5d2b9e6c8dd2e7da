"""What a folder or an archive says of the classes of its own images: StyleGAN's file, Hugging Face's, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from gansift.data.collection import Own
from gansift.data.labels import collect, json_rows, parse_json, read_table
from gansift.data.names import shown
from gansift.errors import DataError

_STYLEGAN = "dataset.json"


def own_labels(place: Path, files: Sequence[str], read: Callable[[str], bytes]) -> Own:
    """Labels from files that lie beside the images.

    ``dataset.json`` at the root holds ``{"labels": [["a.png", 3], ...]}``; null there says that there are none. It
    goes before ``metadata.csv`` and ``metadata.jsonl``, at the root or in folders, whose ``file_name`` is relative to
    the file and whose ``label`` may be missing. Wherever there is such a file, folders are no classes.

    Args:
        place: that holds the files.
        files: relative paths of all of them.
        read: the content of one.

    Raises:
        DataError: if such a file cannot be read or has another form.
    """
    if _STYLEGAN in files:
        path, content = place / _STYLEGAN, read(_STYLEGAN)
        parsed = parse_json(path, content)
        if isinstance(parsed, dict) and "labels" in parsed:
            labels = None if parsed["labels"] is None else collect(path, json_rows(path, content))
            return Own(labels, by_folder=False)
    tables = [(place / name, name, _table(place / name, read(name))) for name in files if _is_metadata(name)]
    found = [(path, name, rows) for path, name, rows in tables if rows is not None]
    labelled = [row for path, name, rows in found for row in _labelled(path, PurePosixPath(name).parent, rows)]
    path = found[0][0] if len(found) == 1 else place
    return Own(collect(path, labelled) if labelled else None, by_folder=not found)


class _Row(NamedTuple):
    """One row of a metadata file; the label is "" where there is none."""

    line: int
    file_name: str
    label: str


def _is_metadata(name: str) -> bool:
    return PurePosixPath(name).name in ("metadata.csv", "metadata.jsonl")


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


def _table(path: Path, content: bytes) -> list[_Row] | None:
    """The rows of a metadata file; None if it has no ``file_name``, so that it is something else of that name."""
    if path.suffix == ".jsonl":
        return _json_lines(path, content)
    header, lines = read_table(path, content)
    if "file_name" not in header:
        return None
    rows = []
    for line, row in lines:
        if len(row) != len(header):
            raise DataError(f"label file {shown(path)}, line {line}: {len(row)} fields, but {len(header)} columns")
        fields = dict(zip(header, row, strict=True))
        rows.append(_Row(line, _file_name(path, line, fields["file_name"]), fields.get("label", "")))
    return rows


def _json_lines(path: Path, content: bytes) -> list[_Row] | None:
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except ValueError as error:
        raise DataError(f"label file {shown(path)} cannot be read as UTF-8: {error}") from error
    objects = [(line, parse_json(path, text)) for line, text in enumerate(lines, 1) if text.strip()]
    if not any(isinstance(fields, dict) and "file_name" in fields for _, fields in objects):
        return None
    rows = []
    for line, fields in objects:
        if not isinstance(fields, dict):
            raise DataError(f'label file {shown(path)}, line {line}: expected an object such as {{"file_name": ...}}')
        label = fields.get("label")
        if not (label is None or isinstance(label, str | int)) or isinstance(label, bool):
            raise DataError(f"label file {shown(path)}, line {line}: a label is a number or a text, not {label!r}")
        name = _file_name(path, line, fields.get("file_name"))
        rows.append(_Row(line, name, "" if label is None else str(label)))
    return rows


def _file_name(path: Path, line: int, name: object) -> str:
    if not isinstance(name, str) or not name:
        raise DataError(f"label file {shown(path)}, line {line}: there is no file_name")
    return name
