"""The record of which example went where: manifest.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path

from gansift.data.cells import cell
from gansift.data.examples import Examples, Splits
from gansift.data.held_out import label_names
from gansift.data.layout import SPLITS
from gansift.data.rows import read_rows
from gansift.errors import GansiftError
from gansift.files import write_sealed_by

COLUMNS = ("id", "path", "sha256", "set", "split", "label")

# The set of every row of a manifest that was written before there were several.
_ONLY = "data"

_REMEDY = (
    "If the data are those of this run, delete it and give the command that made the run again: it is written anew."
)


def write_manifest(path: Path, sets: Mapping[str, Splits]) -> None:
    """Write one row an example, atomically: set by set, train, then valid, then test, each in its order.

    ``path`` is "" where the example is no file of its own; ``label`` is the name of the class, or "".

    Args:
        path: of the manifest.
        sets: the data sets by name; a single one that has no name is called "data".

    Raises:
        GansiftError: if the file cannot be written.
    """

    def write(temporary: Path) -> None:
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(map(cell, row) for row in _listed(sets))

    write_sealed_by(path, write)


def read_manifest(path: Path) -> list[dict[str, str]]:
    """The rows of a manifest, by :data:`COLUMNS`; one without the column ``set`` is of a single one, "data".

    Raises:
        GansiftError: if the manifest cannot be read, or is damaged.
    """
    return list(_recorded(path))


def _recorded(path: Path) -> Iterator[dict[str, str]]:
    empty = True
    for row in read_rows(
        path, COLUMNS, lambda wrong: GansiftError(f"the manifest {path} {wrong}. {_REMEDY}"), optional=("set",)
    ):
        empty = False
        yield {"set": _ONLY, **row.cells}
    if empty:
        raise GansiftError(f"the manifest {path} is damaged: it has no rows. {_REMEDY}")


def changes(path: Path, sets: Mapping[str, Splits]) -> list[str]:
    """Ids of the examples that a manifest has otherwise: added, gone, in another set or split or of another label.

    Where the files lie does not matter.

    Raises:
        GansiftError: if the manifest cannot be read, or is damaged.
    """
    before = (tuple(row[name] for name in COLUMNS if name != "path") for row in _recorded(path))
    now = ((identity, *rest) for identity, _, *rest in _listed(sets))
    differing: set[tuple[str, ...]] = set()
    for one, other in zip_longest(before, now):  # row by row: of a million only those are held that have no match yet
        if one != other:
            differing ^= {row for row in (one, other) if row is not None}
    return sorted({identity for identity, *_ in differing})


def _listed(sets: Mapping[str, Splits]) -> Iterator[tuple[str, ...]]:
    """The rows, each in the order of the columns."""
    for name, splits in sets.items():
        for part in SPLITS:
            examples: Examples = getattr(splits, part)
            columns = (examples.ids, examples.paths, examples.hashes, label_names(examples))
            for identity, source, content_hash, label in zip(*columns, strict=True):
                yield identity, source, content_hash, name, part, label
