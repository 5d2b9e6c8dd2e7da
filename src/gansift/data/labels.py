"""Labels: from names to numbers, and from a label file to the images it speaks of."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from gansift.errors import DataError
from gansift.files import read_json

_INTEGER = re.compile(r"-?[0-9]+")
_SHOWN = 5


def number_labels(names: Sequence[str]) -> tuple[Tensor, tuple[str, ...]]:
    """Number the classes 0, 1, ... in the order of their names.

    Names that are all integers are ordered by value, others bytewise.

    Returns:
        Labels, int64 (N,), and the name of each class.
    """
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
    """

    path: Path
    names: dict[str, str]

    def match(self, wanted: Sequence[str], known: Iterable[str], folder: Path) -> list[str]:
        """The class of every wanted image, in their order.

        Args:
            wanted: relative paths of the images to label.
            known: relative paths of all images of the folder, those that are left out among them.
            folder: named in the message.

        Raises:
            DataError: if a wanted image has no label, or a label is for an image that is not there.
        """
        missing = [image for image in wanted if image not in self.names]
        unknown = sorted(set(self.names) - set(known))
        faults = []
        if missing:
            faults.append(f"{len(missing)} of {len(wanted)} images have no label ({_first(missing)})")
        if unknown:
            faults.append(f"{len(unknown)} of {len(self.names)} listed paths are no image there ({_first(unknown)})")
        if faults:
            raise DataError(
                f"label file {self.path} does not fit the folder {folder}: {'; '.join(faults)}. "
                "It must list every image, by its path relative to the folder, with forward slashes."
            )
        return [self.names[image] for image in wanted]


def read_label_file(path: Path) -> LabelFile:
    """Read a label file.

    A file that ends in ``.json`` holds ``{"labels": [["a.png", 3], ...]}`` (StyleGAN's dataset.json); any other is
    a UTF-8 CSV with the header ``path,label``.

    Raises:
        DataError: if it is missing, has another form, or gives one image two labels.
        GansiftError: if a ``.json`` file is not JSON.
    """
    if not path.is_file():
        raise DataError(f"label file {path} does not exist or is no file")
    rows = _read_json_rows(path) if path.suffix.lower() == ".json" else _read_csv_rows(path)
    names: dict[str, str] = {}
    for image, label in rows:
        relative = PurePosixPath(image).as_posix()
        if names.setdefault(relative, label) != label:
            raise DataError(f"label file {path} gives {relative} two labels, {names[relative]!r} and {label!r}")
    return LabelFile(path, names)


def _first(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest


def _read_csv_rows(path: Path) -> list[tuple[str, str]]:
    try:
        # A byte order mark, which spreadsheets write, is no part of the first column's name.
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"label file {path} cannot be read as UTF-8 CSV: {error}") from error
    if header != ["path", "label"]:
        raise DataError(f"label file {path} must begin with the header path,label, not {','.join(header)!r}")
    for line, row in rows:
        if len(row) != 2 or not all(row):
            raise DataError(f"label file {path}, line {line}: expected a path and a label, got {','.join(row)!r}")
    return [(row[0], row[1]) for _, row in rows]


def _read_json_rows(path: Path) -> list[tuple[str, str]]:
    content = read_json(path)
    entries = content.get("labels") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise DataError(f'label file {path} must hold {{"labels": [["a.png", 3], ...]}}, with a list of labels')
    rows = []
    for position, entry in enumerate(entries):
        match entry:
            case [str(image), str() | int() as label] if image and label != "" and not isinstance(label, bool):
                rows.append((image, str(label)))
            case _:
                raise DataError(
                    f'label file {path}, entry {position}: expected ["a.png", 3], a path and a label, got {entry!r}'
                )
    return rows
