"""A CSV file of the rows of a table and their splits, as `gansift run` reads it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gansift.data.cells import cell
from gansift.data.table import MISSING, Field
from gansift.errors import GansiftError
from gansift.files import write_text

if TYPE_CHECKING:
    from gansift.data.records import Records

_SPLIT = "split"


def write_rows(path: Path, rows: Iterable[tuple[Records, int, str]]) -> None:
    """Write rows with all columns that were read, as they stood in their table, and a column ``split``.

    Args:
        path: the file.
        rows: table, position in it, and split of each; all tables have the same columns.

    Raises:
        GansiftError: if there is a column ``split`` of another meaning, or the file cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    header: list[str] = []
    cells: dict[int, list[list[str]]] = {}
    for records, position, split in rows:
        if not header:
            header = [part.name for part in records.table.fields]
            table.writerow([*map(cell, header), _SPLIT])
        if id(records) not in cells:
            cells[id(records)] = [list(_cells(records.table[name])) for name in header]
        table.writerow([*(column[position] for column in cells[id(records)]), split])
    if any(name.strip().casefold() == _SPLIT for name in header):
        raise GansiftError(f"the table has a column {_SPLIT} of its own, which an export needs; rename it")
    write_text(path, text.getvalue())


def _cells(part: Field) -> Iterator[str]:
    """What stands in a column; numbers so that the same ones are read again."""
    if part.names is not None:
        names = ["" if name == MISSING else cell(name) for name in part.names]
        return (names[code] for code in part.values.tolist())
    if part.whole:
        return ("" if value != value else str(int(value)) for value in part.values.tolist())
    return ("" if value != value else repr(value) for value in part.values.tolist())
