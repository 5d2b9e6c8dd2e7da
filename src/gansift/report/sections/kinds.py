"""Which kinds of examples hurt new models, which help, and which do not matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from gansift.report import words
from gansift.report.shown import Shown
from gansift.report.summary import Ends, Kind, Summary

TEMPLATE = "sections/kinds.html"

# Rows that are shown at once of each sort; the rest can be unfolded.
_SHOWN = 8
# Of a kind, so many examples that are told in words; pictures take less room.
_TEXTS = 3


def content(summary: Summary, shown: Shown) -> dict[str, Any] | None:
    """Three tables of kinds; None where no kinds are known."""
    if not summary.kinds:
        return None
    rows = {identity: row for row, identity in enumerate(shown.ids)}
    sorted_out: dict[str, list[dict[str, Any]]] = {"hurt": [], "help": [], "unsure": []}
    for kind in summary.kinds:
        sorted_out[sort_of(kind, summary.direction)].append(_row(kind, shown, rows))
    sorted_out["help"].reverse()  # the most helpful first
    return {
        "kinds": [
            (title, rows_of[:_SHOWN], rows_of[_SHOWN:])
            for title, rows_of in (
                (f"These kinds hurt {summary.words.label}", sorted_out["hurt"]),
                ("These help", sorted_out["help"]),
                ("These do not matter, or nothing is sure of them", sorted_out["unsure"]),
            )
            if rows_of
        ],
        "any_proved": any(kind.proved is not None for kind in summary.kinds),
    }


def sort_of(kind: Kind, direction: str) -> str:
    """``hurt``, ``help``, or ``unsure``, by the interval of what retraining gave, or else of what is predicted."""
    effect, ends = (kind.predicted, kind.ci95) if kind.proved is None else (kind.proved, kind.proved_ci95)
    return {"better": "hurt", "worse": "help"}.get(words.judged(effect, ends, direction), "unsure")


def _row(kind: Kind, shown: Shown, rows: dict[str, int]) -> dict[str, Any]:
    return {
        "name": kind.name,
        "count": kind.count,
        "pictures": _pictures(kind.shown, shown, rows),
        "predicted": _with_ends(kind.predicted, kind.ci95),
        "proved": words.MISSING if kind.proved is None else _with_ends(kind.proved, kind.proved_ci95),
        "advice": kind.advice,
    }


def _with_ends(value: float | None, ends: Ends) -> str:
    return words.signed(value) + (f" ({words.interval(ends)})" if words.has_interval(ends) else "")


def _pictures(ids: Sequence[str], shown: Shown, rows: dict[str, int]) -> Markup:
    pictures = []
    for identity in ids:
        _, one, here = shown.place(rows[identity])
        pictures.append(one.look.one(one.x[here], identity, one.encoding))
    if all(picture.startswith("<") for picture in pictures):
        return Markup(" ").join(pictures)
    return Markup("; ").join(pictures[:_TEXTS])
