"""What the command lines of the benchmarks have in common: the parser, the table of results, and the file of them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gansift.files import write_json


def parser(about: str | None, saves: bool = True) -> argparse.ArgumentParser:
    """A parser whose help is a benchmark's docstring.

    Args:
        about: the docstring.
        saves: whether there is ``--out``, see `save`.
    """
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    if saves:
        made.add_argument("--out", type=Path, help="file for the results, as JSON")
    return made


def save(out: Path | None, results: Any) -> None:
    """Write results so far, if a file for them was asked for."""
    if out is not None:
        write_json(out, results)


class Table:
    """Rows of results: each is printed as soon as it is there, in Markdown, and all so far are saved.

    Attributes:
        rows: the rows so far, with everything that they hold.

    Args:
        columns: by heading, the key of a row's value and how it is written, ``key`` or ``key:format``.
        out: file for the rows, as JSON; None for none.
    """

    def __init__(self, columns: Mapping[str, str], out: Path | None = None) -> None:
        self.rows: list[dict[str, Any]] = []
        self._columns, self._out = columns, out
        self._widths: list[int] = []

    def add(self, row: Mapping[str, Any]) -> None:
        """Print a row, and save it with the others."""
        cells = [cell(row.get(key), form) for key, _, form in (text.partition(":") for text in self._columns.values())]
        if not self.rows:
            self._widths = [max(map(len, pair)) for pair in zip(self._columns, cells, strict=True)]
            self._print(list(self._columns))
            self._print(["-" * width for width in self._widths])
        self._print(cells)
        self.rows.append(dict(row))
        save(self._out, self.rows)

    def _print(self, cells: Sequence[str]) -> None:
        padded = (f"{text:{width}}" for text, width in zip(cells, self._widths, strict=True))
        print(f"| {' | '.join(padded)} |", flush=True)


def cell(value: Any, form: str) -> str:
    """How a value is written into a table: nothing for None, an interval's ends behind its middle.

    >>> cell((0.5, (0.25, 0.75)), ".2f"), cell(None, ".2f"), cell("itd", "")
    ('0.50 [0.25, 0.75]', '', 'itd')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        middle, within = value
        return cell(middle, form) + ("" if within is None else f" [{', '.join(format(end, form) for end in within)}]")
    return format(value, form)
