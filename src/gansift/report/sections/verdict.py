"""The verdict in numbers, the warnings, how sure it is, and how to read the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from gansift.report import figures, words
from gansift.report.sections.verification import headline, own_verification
from gansift.report.shown import Shown
from gansift.report.summary import SeedRow, Summary

TEMPLATE = "sections/verdict.html"


def content(summary: Summary, shown: Shown) -> dict[str, Any]:
    """Tiles, the chart of intervals, and the table of seeds."""
    return {
        "judged": lambda change, ends: words.judged(change, ends, summary.direction),
        "headline": headline(own_verification(summary), summary.chosen),
        "intervals": _intervals(summary),
        "seeds": _seeds(summary.per_seed),
        "judges": _judges(summary),
    }


def _intervals(summary: Summary) -> Markup | None:
    test, validation = summary.test, summary.validation
    if summary.chosen is None or not words.finite(test.change):
        return None
    removed = "removed as decided" if summary.decisions else "most harmful removed"
    rows = [
        (f"{removed}, test data", test.change, test.ci95),
        ("as many at random, test data", test.random_change, test.random_ci95),
        ("difference of these two", test.against_random, test.against_random_ci95),
        (f"{removed}, validation data", validation.change, validation.ci95),
    ]
    return Markup(figures.interval_chart(rows, summary.words.label, summary.direction))


def _seeds(rows: Sequence[SeedRow]) -> list[list[str]]:
    """The table per training seed: seed, before, after, change, random, change; the means are the last row."""
    before, after, random = ([getattr(row, key) for row in rows] for key in ("before", "after", "random"))
    change = [_difference(one, other) for one, other in zip(after, before, strict=True)]
    random_change = [_difference(one, other) for one, other in zip(random, before, strict=True)]
    names = [str(row.seed) for row in rows]
    columns = [before, after, change, random, random_change]
    if len(rows) > 1:
        names.append("mean")
        columns = [[*column, _mean(column)] for column in columns]
    length = len(names)
    values = words.column(columns[0] + columns[1] + columns[3], 4)
    changes = words.column(columns[2] + columns[4], 3, plus=True)
    shown = (values[:length], values[length : 2 * length], changes[:length], values[2 * length :], changes[length:])
    return [list(row) for row in zip(names, *shown, strict=True)]


def _judges(summary: Summary) -> str:
    """How each seed's row came about, in a sentence or two; empty for one seed."""
    chosen = summary.chosen
    if chosen is None or summary.seeds < 2:
        return ""
    differing = [
        f"seed {row.seed}: {row.judged.removed:,} at {row.judged.horizon:,} steps"
        for row in summary.per_seed
        if row.judged is not None and (row.judged.horizon, row.judged.removed) != (chosen.horizon, chosen.removed)
    ]
    text = "Every seed is judged by the horizon and number that the other seeds choose: none confirms its own choice."
    return f"{text} That is another choice than the final one for {'; '.join(differing)}." if differing else text


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _mean(values: Sequence[float | None]) -> float | None:
    measured = [value for value in values if value is not None]
    return sum(measured) / len(measured) if len(measured) == len(values) else None
