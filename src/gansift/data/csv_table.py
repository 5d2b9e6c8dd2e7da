"""CSV files as tables: which separator, which columns are numbers, which cells hold nothing."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from gansift.data.cells import text_of
from gansift.data.names import shown
from gansift.data.table import MISSING, Field, Table
from gansift.errors import DataError

_SUFFIXES = (".csv", ".tsv")
_OPENERS: dict[str, Callable[..., Any]] = {"": open, ".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
_SEPARATORS = ",;\t"
_EMPTY = frozenset({"", "?", "NA", "N/A", "n/a", "<NA>", "NaN", "NAN", "nan", "null", "Null", "NULL"})

# Digits before the point do not begin with a 0 that says nothing: 02139 is a postal code and no number.
_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?[iI]nf(?:inity)?")
_WITH_COMMA = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:,[0-9]+)?(?:[eE][+-]?[0-9]+)?")

_SAMPLE = 65_536  # characters that tell the separator
_CHUNK = 2048  # rows in memory as text

_DAMAGE = (OSError, EOFError, RuntimeError, NotImplementedError, lzma.LZMAError, zlib.error, zipfile.BadZipFile)


class _Rows(NamedTuple):
    lines: list[int]
    columns: list[list[str]]  # cells without the space around them, for each column that is read


class _Kind:
    """What a column holds, as far as it has been read."""

    def __init__(self, patterns: Sequence[re.Pattern[str]]) -> None:
        self._patterns = list(patterns)  # of all numbers so far
        self._empty = True
        self.odd = ""  # the first cell that is no number, and its line

    @property
    def number(self) -> bool:
        """Whether there are numbers and nothing else."""
        return bool(self._patterns) and not self._empty

    def look(self, cells: Sequence[str], lines: Sequence[int]) -> None:
        """Go on with these cells, which end in these lines."""
        if not self._patterns:
            return
        present = [(cell, line) for cell, line in zip(cells, lines, strict=True) if cell not in _EMPTY]
        self._empty &= not present
        for pattern in list(self._patterns):
            bad = next(((cell, line) for cell, line in present if not pattern.fullmatch(cell)), None)
            if bad is not None:
                self._patterns.remove(pattern)
                self.odd = f"{_short(bad[0])} in line {bad[1]}"


def is_csv_name(name: str) -> bool:
    """Whether a file is named like a CSV, compressed or not."""
    stem, dot, suffix = name.lower().rpartition(".")
    return name.lower().endswith(_SUFFIXES) or (dot + suffix in _OPENERS and stem.endswith(_SUFFIXES))


def is_zipped_csv(path: Path) -> bool:
    """Whether a zip holds one file only, a CSV."""
    try:
        return len(_entries(path)) == 1 and _entries(path)[0].filename.lower().endswith(_SUFFIXES)
    except _DAMAGE:
        return False


def read_csv(path: Path, ignore: Sequence[str] = ()) -> Table:
    """Read a CSV file with a header, in UTF-8; in two passes, so that only numbers and codes are held.

    The separator is comma, semicolon or tab. A column is of numbers if every cell that is not empty is one, with a
    decimal point, or, in a file with semicolons or tabs, with a decimal comma; else of categories. Cells that are
    empty, ``?``, ``NA``, ``N/A``, ``NaN`` or ``null`` hold nothing. Empty lines are passed over.

    Args:
        path: of a ``.csv`` or ``.tsv`` file, plain or compressed (``.gz``, ``.xz``, ``.bz2``, or a zip of one).
        ignore: names of columns that are not read.

    Raises:
        DataError: if it is damaged, has no header or no rows, columns of one name or rows of another length.
    """
    separator = _separator(path)
    header = _header(path, separator, ignore)
    wanted = [position for position, name in enumerate(header) if name not in ignore]
    kinds = _kinds(path, separator, len(header), wanted)
    return Table(
        tuple(_fields(path, separator, header, wanted, kinds)),
        tuple(name for name in header if name in ignore),
    )


def csv_columns(path: Path) -> list[str]:
    """The names of a CSV file's columns in their order, as `read_csv` takes those that it is to ignore.

    Raises:
        DataError: if it is damaged or empty.
    """
    return [name or _name_of_nameless(position) for position, name in enumerate(_names(path, _separator(path)))]


def _kinds(path: Path, separator: str, width: int, wanted: Sequence[int]) -> list[_Kind]:
    """The first pass: what each column holds."""
    kinds = [_Kind([_NUMBER] if separator == "," else [_NUMBER, _WITH_COMMA]) for _ in wanted]
    for rows in _chunks(path, separator, width, wanted):
        for kind, cells in zip(kinds, rows.columns, strict=True):
            kind.look(cells, rows.lines)
    return kinds


def _fields(
    path: Path, separator: str, header: Sequence[str], wanted: Sequence[int], kinds: Sequence[_Kind]
) -> Iterator[Field]:
    """The second pass: the values."""
    values: list[array[Any]] = [array("d" if kind.number else "i") for kind in kinds]
    codes: list[dict[str, int]] = [{} for _ in kinds]
    for rows in _chunks(path, separator, len(header), wanted):
        for kind, held, code, cells in zip(kinds, values, codes, rows.columns, strict=True):
            if kind.number:
                held.extend([_number(cell) for cell in cells])
            else:
                texts = (MISSING if cell in _EMPTY else text_of(cell) for cell in cells)
                held.extend([code.setdefault(text, len(code)) for text in texts])
    for position, kind, held, code in zip(wanted, kinds, values, codes, strict=True):
        name = header[position]
        if kind.number:
            yield Field(name, np.frombuffer(held, np.float64))
        else:
            yield Field.of_codes(name, np.frombuffer(held, np.int32), [*code], kind.odd)


def _number(cell: str) -> float:
    return float("nan") if cell in _EMPTY else float(cell.replace(",", "."))


def _separator(path: Path) -> str:
    """The separator by which most of the first rows are as long as the header; of several, that with most columns."""
    with _opened(path) as file:
        sample = file.read(_SAMPLE)
    if not sample.strip():
        raise DataError(f"{shown(path)} is empty")

    def fit(separator: str) -> tuple[int, int]:
        with_some = csv.reader(io.StringIO(sample, newline=""), delimiter=separator, skipinitialspace=True)
        lengths: list[int] = []
        with suppress(csv.Error):  # which is said with its line when the rows are read
            lengths.extend(len(row) for row in islice(with_some, 50) if row)
        width = lengths[0] if lengths else 1
        return (sum(length == width for length in lengths) if width > 1 else 0, width)

    return max(_SEPARATORS, key=fit)


def _names(path: Path, separator: str) -> list[str]:
    """What the first line calls the columns, "" where it calls one nothing."""
    with _opened(path) as file:
        return [text_of(name.strip()) for name in next((row for _, row in _parsed(path, file, separator)), [])]


def _name_of_nameless(position: int) -> str:
    return f"column {position + 1}"


def _header(path: Path, separator: str, ignore: Sequence[str]) -> list[str]:
    names = _names(path, separator)
    if names and all(_NUMBER.fullmatch(name) for name in names):
        raise DataError(
            f"the first line of {shown(path)} holds numbers ({_short(', '.join(names))}); it must hold the names of "
            "the columns"
        )
    for position, name in enumerate(names):
        names[position] = name or _name_of_nameless(position)
        if not name and names[position] not in ignore:  # row numbers that a data frame has written, as a rule
            raise DataError(
                f"column {position + 1} of {shown(path)} has no name: give it one, or leave it out with --ignore "
                f"{names[position]!r}"
            )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{shown(path)} has more than one column called {', '.join(map(_short, twice))}; rename them")
    return names


def _chunks(path: Path, separator: str, width: int, wanted: Sequence[int]) -> Iterator[_Rows]:
    """All rows below the header."""
    with _opened(path) as file:
        rows = islice(_parsed(path, file, separator), 1, None)
        found = False
        while chunk := list(islice(rows, _CHUNK)):
            found = True
            for line, row in chunk:
                if len(row) != width:
                    raise DataError(f"{shown(path)}, line {line}: {len(row)} cells, but the header has {width}")
            columns = [[row[position].strip() for _, row in chunk] for position in wanted]
            yield _Rows([line for line, _ in chunk], columns)
    if not found:
        raise DataError(f"{shown(path)} has a header and no rows")


def _parsed(path: Path, file: IO[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Every row that is not empty, with the number of its last line."""
    reader = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
    try:
        yield from ((reader.line_num, row) for row in reader if row)
    except csv.Error as error:
        raise DataError(f"{shown(path)}, line {reader.line_num}, is no CSV: {error}") from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """The text of a file, unpacked as it is read."""
    try:
        with _binary(path) as binary, io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError as error:
        raise DataError(
            f"{shown(path)} is no UTF-8 text (byte 0x{error.object[error.start]:02x}); save it as CSV in UTF-8"
        ) from error
    except _DAMAGE as error:
        raise DataError(f"{shown(path)} cannot be read, or it is damaged: {error or type(error).__name__}") from error


@contextmanager
def _binary(path: Path) -> Iterator[IO[bytes]]:
    suffix = path.suffix.lower()
    if suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(_entries(path)[0]) as entry:
            yield entry
    else:
        with _OPENERS.get(suffix, open)(path, "rb") as file:
            yield file


def _entries(path: Path) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    return [entry for entry in entries if not entry.filename.startswith("__MACOSX/")]


def _short(cell: str) -> str:
    return repr(shown(cell if len(cell) <= 40 else cell[:37] + "..."))
