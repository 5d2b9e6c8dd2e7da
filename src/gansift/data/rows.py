"""Rows of a CSV that gansift writes, or a person by its pattern: decisions, scores, manifests."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
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
) -> Iterator[Row]:
    """The rows of a CSV in UTF-8 whose first line names the columns, one after the other; empty lines are passed over.

    Args:
        path: of the file.
        columns: what the first line names; further ones are kept.
        refused: the error of a file that cannot be used, from what is wrong with it, as the end of a sentence.
        optional: those of the columns that may be missing.

    Raises:
        GansiftError: the one that ``refused`` makes, where the rows come to it: the file cannot be read, is no CSV in
            UTF-8, lacks a column or has two of one name, or a row does not fit its columns.
    """
    lines = _lines(path, refused)
    _, first = next(lines, (0, []))
    header = [name.strip() for name in first]
    required = [name for name in columns if name not in optional]
    missing = [name for name in required if name not in header]
    if missing:
        raise refused(f"has no column {' and no column '.join(missing)}; its first line must be {','.join(columns)}")
    twice = [name for name in columns if header.count(name) > 1]
    if twice:
        raise refused(f"has more than one column called {', '.join(twice)}")
    for line, cells in lines:
        if len(cells) < len(header) or any(cells[len(header) :]):
            raise refused(f"is damaged: line {line} has {len(cells)} cells, and its first line {len(header)}")
        yield Row(line, dict(zip(header, cells, strict=False)))


def _lines(path: Path, refused: Callable[[str], GansiftError]) -> Iterator[tuple[int, list[str]]]:
    """The texts of every line that is not empty, and its number."""
    try:
        # A spreadsheet may have put a byte order mark first.
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            yield from ((reader.line_num, list(map(text_of, row))) for row in reader if row)
    except OSError as error:
        raise refused(f"cannot be read: {error.strerror}") from error
    except (ValueError, csv.Error) as error:
        raise refused(f"is no CSV file in UTF-8 ({error})") from error
