"""Examples as the records of a table: ``age 37, job Sales``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from markupsafe import Markup

from gansift.data.encoding import Encoding, Row
from gansift.report.rendering import render
from gansift.report.views import points
from gansift.report.views.view import Card
from gansift.report.words import MISSING, number, share

NOUN = "record"
COMPACT = False
ALIKE = ""

_COLUMNS = 12  # of a record that are written out
_VALUES = 4  # of a column of text whose shares are written out


def gallery(cards: Sequence[Card], side: str) -> Markup:
    """Cards with what each record says, its score, rank, class and id."""
    texts = [one(card.x, card.id, card.encoding) for card in cards]
    return render("views/records.html", cards=list(zip(cards, texts, strict=True)), side=side)


def one(x: np.ndarray, alt: str, encoding: Encoding | None = None) -> Markup:
    """The first columns by name; without names, the coordinates."""
    if encoding is None:
        return points.one(x, alt)
    (said,) = _rows(x[None], encoding)
    shown = [Markup("{} <b>{}</b>").format(name, _cell(value)) for name, value in list(said.items())[:_COLUMNS]]
    return Markup(", ").join(shown) + (", …" if len(said) > _COLUMNS else "")


def score_map(x: np.ndarray, values: np.ndarray, direction: str, label: str) -> None:
    """Records lie nowhere that could be drawn."""


def before_after(
    x: np.ndarray, before: np.ndarray | None, after: np.ndarray | None, encoding: Encoding | None = None
) -> Markup:
    """A table of every column: mean and standard deviation of numbers, shares of the commonest categories."""
    if encoding is None:
        return points.before_after(x, before, after)
    parts = [
        (name, _rows(array, encoding))
        for name, array in (("training data", x), ("before", before), ("after", after))
        if array is not None
    ]
    rows = [
        (column, *_compared([[row[column] for row in records] for _, records in parts])) for column in parts[0][1][0]
    ]
    return render("views/record_table.html", headings=[name for name, _ in parts], rows=rows)


def _rows(x: np.ndarray, encoding: Encoding) -> list[Row]:
    return encoding.decode(torch.from_numpy(np.ascontiguousarray(x)))


def _compared(parts: Sequence[Sequence[Any]]) -> list[str]:
    """One column's content in each part, in words."""
    if all(isinstance(value, int | float) for part in parts for value in part):
        return [f"{number(float(np.mean(part)), 3)} ± {number(float(np.std(part)), 3)}" for part in parts]
    common = [value for value, _ in Counter(parts[0]).most_common(_VALUES)]
    return [_shares(part, common) for part in parts]


def _shares(part: Sequence[Any], values: Sequence[Any]) -> str:
    counts = Counter(part)
    return ", ".join(f"{_cell(value)} {share(counts.get(value, 0), len(part))}" for value in values)


def _cell(value: Any) -> str:
    if value is None:
        return MISSING
    return number(value, 3) if isinstance(value, float) else str(value)
