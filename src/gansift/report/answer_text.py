"""An audit's answer as lines of text, for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from gansift.report.answer import Answer, Number, Table
from gansift.report.words import MISSING, column, number

_WIDTH = 100
_INDENT = "  "


def answer_text(answer: Answer) -> str:
    """Verdict, numbers with their intervals, tables, and what is shown and not shown; without charts and pictures.

    >>> print(answer_text(Answer("copies", "No copies.", False, {"close_share": Number(0.04, (0.03, 0.06))})))
    copies: No copies.
      close_share  0.0400  95 % interval 0.030 to 0.060
    """
    blocks = [textwrap.fill(f"{answer.audit}: {answer.verdict}", _WIDTH)]
    if answer.numbers:
        blocks[0] += "\n" + "\n".join(_numbers(answer.numbers))
    blocks += ["\n".join(_table(title, table)) for title, table in answer.tables.items()]
    for title, points in (("Shown", answer.shown), ("Not shown", answer.not_shown)):
        if points:
            blocks.append("\n".join([title, *(_wrapped(point, "- ") for point in points)]))
    return "\n\n".join(blocks)


def _numbers(numbers: dict[str, Number]) -> list[str]:
    rows = [(name, number(one.value, 3), _interval(one)) for name, one in numbers.items()]
    lines = []
    for one, line in zip(numbers.values(), _aligned(rows), strict=True):
        lines.append(_INDENT + line)
        if one.meaning:
            lines.append(_wrapped(one.meaning, 2 * _INDENT))
    return lines


def _interval(one: Number) -> str:
    """The interval and the expected value, as far as they are known."""
    parts = [] if one.ci95 is None else [f"95 % interval {' to '.join(column(one.ci95, 2))}"]
    if one.expected is not None:
        parts.append(f"expected {number(one.expected, 2)}")
    return ", ".join(parts)


def _table(title: str, table: Table) -> list[str]:
    rows = [table.columns, *(tuple(map(_cell, row)) for row in table.rows)]
    note = [_wrapped(table.note, _INDENT)] if table.note else []
    return [title, *(_INDENT + line for line in _aligned(rows)), *note]


def _cell(value: Any) -> str:
    if value is None:
        return MISSING
    return number(value, 3) if isinstance(value, float) else str(value)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip() for line in lines]


def _wrapped(text: str, lead: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead))
