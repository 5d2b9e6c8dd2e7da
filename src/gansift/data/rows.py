"""Rows of a CSV that gansift writes, or a person by its pattern: decisions, scores, manifests."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from gansift.data.cells import text_of
from gansift.errors import GansiftError


class Row(NamedTuple):
    """A row by the names of the columns, and the number of its last line."""

    line: int
    cells: dict[str, str]


def read_rows(
    path: Path, columns: Sequence[str], refused: Callable[[str], GansiftError], optional: Sequence[str] = ()
) -> list[Row]:
    """The rows of a CSV in UTF-8 whose first line names the columns; empty lines are passed over.

    Args:
        path: of the file.
        columns: what the first line names; further ones are kept.
        refused: the error of a file that cannot be used, from what is wrong with it, as the end of a sentence.
        optional: those of the columns that may be missing.

    Raises:
        GansiftError: the one that ``refused`` makes: it cannot be read, is no CSV in UTF-8, lacks a column or has two
            of one name, or a row does not fit its columns.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise refused(f"cannot be read: {error.strerror}") from error
    try:
        # A spreadsheet may have put a byte order mark first.
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        lines = [(reader.line_num, list(map(text_of, row))) for row in reader if row]
    except (ValueError, csv.Error) as error:
        raise refused(f"is no CSV file in UTF-8 ({error})") from error
    header = [name.strip() for name in lines[0][1]] if lines else []
    required = [name for name in columns if name not in optional]
    missing = [name for name in required if name not in header]
    if missing:
        raise refused(f"has no column {' and no column '.join(missing)}; its first line must be {','.join(columns)}")
    twice = [name for name in columns if header.count(name) > 1]
    if twice:
        raise refused(f"has more than one column called {', '.join(twice)}")
    for line, row in lines[1:]:
        if len(row) < len(header) or any(row[len(header) :]):
            raise refused(f"is damaged: line {line} has {len(row)} cells, and its first line {len(header)}")
    return [Row(line, dict(zip(header, row, strict=False))) for line, row in lines[1:]]
