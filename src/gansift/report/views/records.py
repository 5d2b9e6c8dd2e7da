"""Examples as the records of a table: ``age 37, job Sales``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from gansift.report.rendering import render
from gansift.report.views import points
from gansift.report.views.view import Card, Record
from gansift.report.words import number, share

NOUN = "record"
COMPACT = False
ALIKE = ""

_COLUMNS = 12  # of a record that are written out
_VALUES = 4  # of a column of text whose shares are written out


def gallery(cards: Sequence[Card], side: str) -> Markup:
    """Cards with what each record says, its score, rank, class and id."""
    told = [one(card.x, card.id, card.record) for card in cards]
    return render("views/records.html", cards=list(zip(cards, told, strict=True)), side=side)


def one(x: np.ndarray, alt: str, record: Record | None = None) -> Markup:
    """The first columns by name; without names, the coordinates."""
    if record is None:
        return points.one(x, alt)
    said = {name: values[0] for name, values in record(x[None]).items()}
    shown = [
        Markup("<span>{} <b>{}</b></span>").format(name, _cell(value)) for name, value in list(said.items())[:_COLUMNS]
    ]
    return Markup('<span class="record">{}</span>').format(
        Markup(", ").join(shown) + (", …" if len(said) > _COLUMNS else "")
    )


def score_map(x: np.ndarray, values: np.ndarray, direction: str, label: str) -> None:
    """Records lie nowhere that could be drawn."""


def before_after(
    x: np.ndarray, before: np.ndarray | None, after: np.ndarray | None, record: Record | None = None
) -> Markup:
    """A table of every column: mean and standard deviation of numbers, shares of the commonest texts."""
    if record is None:
        return points.before_after(x, before, after)
    parts = [
        (name, record(rows))
        for name, rows in (("training data", x), ("before", before), ("after", after))
        if rows is not None
    ]
    columns = list(parts[0][1])
    rows = [(column, *_compared([said[column] for _, said in parts])) for column in columns]
    return render("views/record_table.html", headings=[name for name, _ in parts], rows=rows)


def _compared(parts: Sequence[Sequence[Any]]) -> list[str]:
    """One column's content in each part, in words."""
    if all(isinstance(value, int | float | np.number) for part in parts for value in part):
        return [f"{number(float(np.mean(part)), 3)} ± {number(float(np.std(part)), 3)}" for part in parts]
    common = [value for value, _ in Counter(map(str, parts[0])).most_common(_VALUES)]
    return [_shares(part, common) for part in parts]


def _shares(part: Sequence[Any], values: Sequence[str]) -> str:
    counts: Mapping[str, int] = Counter(map(str, part))
    return ", ".join(f"{value} {share(counts.get(value, 0), len(part))}" for value in values)


def _cell(value: Any) -> str:
    if isinstance(value, int | np.integer):
        return str(value)
    return number(float(value), 3) if isinstance(value, float | np.floating) else str(value)
