"""Labels: from names to numbers, and from a label file to the images it speaks of."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor

from gansift.data.cells import text_of
from gansift.data.names import shown
from gansift.errors import DataError

_INTEGER = re.compile(r"-?[0-9]+")
_SHOWN = 5
_SEPARATORS = ",;\t"
_log = logging.getLogger(__name__)

#: What gansift's own pages call these columns; another name is said when it is used.
ALWAYS = ("path", "file_name", "label", "split")

# What columns are called that hold the path of an image, its class or its split, without blanks, - and _, in small
# letters; of several the first one counts.
_USUAL_NAMES = {
    "image": (
        "filename", "path", "filepath", "file", "imagename", "imagepath", "imagefile", "image", "imagefilename", "img",
    ),
    "label": ("label", "labels", "class", "classname", "classes", "category", "target"),
    "split": ("split", "splits", "subset", "partition"),
}  # fmt: skip


def number_labels(names: Sequence[str]) -> tuple[Tensor, tuple[str, ...]]:
    """Number the classes 0, 1, ... in the order of their names.

    Names that are all integers are ordered by value, others bytewise. Blanks around a name do not count.

    Returns:
        Labels, int64 (N,), and the name of each class.
    """
    names = [name.strip() or name for name in names]
    numeric = all(_INTEGER.fullmatch(name) for name in names)
    class_names = tuple(sorted(set(names), key=lambda name: (int(name) if numeric else 0, name)))
    number = {name: position for position, name in enumerate(class_names)}
    return torch.tensor([number[name] for name in names], dtype=torch.int64), class_names


@dataclass(frozen=True)
class LabelFile:
    """What a label file says.

    Attributes:
        path: of the file.
        names: relative path of an image -> name of its class.
        columns: what else the file says of each image, by the name of the column; each is collected when it is asked
            for.
    """

    path: Path
    names: dict[str, str]
    columns: Mapping[str, Callable[[], LabelFile]] = field(default_factory=dict)

    def match(
        self, wanted: Sequence[str], known: Iterable[str], place: Path, kind: str = "folder", what: str = "label"
    ) -> list[str]:
        """The class of every wanted image, in their order.

        Args:
            wanted: relative paths of the images to label.
            known: relative paths of all that is there, images that are left out and folders not read among them.
            place: where the images are, named in the message.
            kind: what the place is: a folder or an archive.
            what: the file says of each image, for messages.

        Raises:
            DataError: if a wanted image has no label, or a label is for an image that is not there.
        """
        there = set(known)
        missing = [image for image in wanted if image not in self.names]
        unknown = sorted(image for image in self.names if there.isdisjoint(_with_parents(image)))
        faults = []
        if missing:
            faults.append(f"{len(missing)} of {len(wanted)} images have no {what} ({_first(missing)})")
        if unknown:
            faults.append(f"{len(unknown)} of {len(self.names)} listed paths are no image there ({_first(unknown)})")
        if faults:
            raise DataError(
                f"label file {shown(self.path)} does not fit the {kind} {shown(place)}: {'; '.join(faults)}. "
                f"It must list every image, by its path relative to the {kind}, with forward slashes."
            )
        return [self.names[image] for image in wanted]


def _with_parents(image: str) -> Iterator[str]:
    yield image
    yield from (image[:end] for end, letter in enumerate(image) if letter == "/")


def read_label_file(path: Path) -> LabelFile:
    """Read a label file.

    A file that ends in ``.json`` holds ``{"labels": [["a.png", 3], ...]}`` (StyleGAN's dataset.json), or that list
    alone; any other is a UTF-8 CSV with columns ``path`` and ``label``, or as `column_called` knows them.

    Raises:
        DataError: if it is missing, has another form, or gives one image two labels.
    """
    if not path.is_file():
        raise DataError(f"label file {path} does not exist or is no file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"label file {path} cannot be read: {error.strerror}") from error
    return collect(path, json_rows(path, content)) if path.suffix.lower() == ".json" else _of_csv(path, content)


def collect(path: Path, rows: Iterable[tuple[str, str]], what: str = "label") -> LabelFile:
    """Labels, or what else a file says of images, from rows of path and label.

    Raises:
        DataError: if one image has two labels.
    """
    names: dict[str, str] = {}
    for image, label in rows:
        relative = PurePosixPath(image).as_posix()
        if names.setdefault(relative, label) != label:
            raise DataError(
                f"label file {shown(path)} gives {shown(relative)} two {what}s, {names[relative]!r} and {label!r}"
            )
    return LabelFile(path, names)


def read_table(path: Path, content: bytes) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header of a UTF-8 CSV, and every row that is not empty with the number of its last line.

    What separates cells is told from the first line: comma, semicolon or tab. Blanks after it do not count.

    Raises:
        DataError: if it is none.
    """
    try:
        # A byte order mark, which spreadsheets write, is no part of the first column's name.
        text = content.decode("utf-8-sig")
        separator = max(_SEPARATORS, key=text.partition("\n")[0].count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
        header = [name.strip() for name in next(reader, [])]
        return header, [(reader.line_num, list(map(text_of, row))) for row in reader if row]
    except (ValueError, csv.Error) as error:
        raise DataError(f"label file {shown(path)} cannot be read as UTF-8 CSV: {error}") from error


def column_called(path: Path, header: Sequence[str], what: str) -> str | None:
    """The column of a label file that holds this, by its usual names in any case; one not in `ALWAYS` is logged.

    Args:
        path: of the file.
        header: names of its columns.
        what: ``image`` (the path of one), ``label`` or ``split``.

    Returns:
        None if there is no such column.

    >>> column_called(Path("m.csv"), ["Split", "label"], "split"), column_called(Path("m.csv"), ["iso"], "label")
    ('Split', None)
    """
    found = usual_column(header, what)
    if found is not None and found.casefold() not in ALWAYS:
        _log.warning("label file %s: the column %s is taken for the %s", shown(path), shown(found), what)
    return found


def usual_column(header: Sequence[str], what: str) -> str | None:
    """The same as `column_called`, without a word in the log."""
    plain = {re.sub("[ _-]", "", name).casefold(): name for name in reversed(header)}
    return next((plain[name] for name in _USUAL_NAMES[what] if name in plain), None)


def parse_json(path: Path, content: bytes | str) -> Any:
    """What a JSON file, or a line of one, holds.

    Raises:
        DataError: if it is no JSON.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"label file {shown(path)} is damaged: it cannot be read as JSON ({error})") from error


def json_rows(path: Path, content: bytes) -> list[tuple[str, str]]:
    """The rows of StyleGAN's dataset.json, or of its list of labels alone.

    Raises:
        DataError: if it has another form.
    """
    parsed = parse_json(path, content)
    entries = parsed.get("labels") if isinstance(parsed, dict) else parsed
    if not isinstance(entries, list):
        raise DataError(f'label file {shown(path)} must hold {{"labels": [["a.png", 3], ...]}}, with a list of labels')
    rows = []
    for position, entry in enumerate(entries):
        match entry:
            case [str(image), str() | int() as label] if image and label != "" and not isinstance(label, bool):
                rows.append((image, str(label)))
            case _:
                raise DataError(
                    f'label file {shown(path)}, entry {position}: expected ["a.png", 3], a path and a label, got '
                    f"{entry!r}"
                )
    return rows


def _of_csv(path: Path, content: bytes) -> LabelFile:
    header, rows = read_table(path, content)
    image, label = (column_called(path, header, what) for what in ("image", "label"))
    if image is None or label is None:
        raise DataError(f"label file {path} must begin with the header path,label, not {','.join(header)!r}")
    places = header.index(image), header.index(label)
    for line, row in rows:
        if len(row) != len(header) or not all(row[place] for place in places):
            raise DataError(f"label file {path}, line {line}: expected a path and a label, got {','.join(row)!r}")

    def said(place: int, what: str) -> LabelFile:
        return collect(path, [(row[places[0]], row[place]) for _, row in rows], what)

    columns = {name: partial(said, place, name) for place, name in enumerate(header) if name and place not in places}
    return replace(said(places[1], "label"), columns=columns)


def _first(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(shown, names[:_SHOWN])) + rest
