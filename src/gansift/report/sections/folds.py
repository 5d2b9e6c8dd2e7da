"""The folds of a cross-fit side by side, and what they show together."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from gansift.report import figures, words
from gansift.report.shown import Shown
from gansift.report.summary import FoldRow, Summary

TEMPLATE = "sections/folds.html"


def content(summary: Summary, shown: Shown) -> dict[str, Any]:
    """The chart of means over folds, and a row for each fold."""
    return {
        "judged": lambda change, ends: words.judged(change, ends, summary.direction),
        "intervals": _intervals(summary),
        "rows": [(number, row, _found(row)) for number, row in enumerate(summary.folds)],
    }


def _found(row: FoldRow) -> str:
    """What a fold found, in a word or two."""
    return {
        "better": "helps", "worse": "harms", "unproven": "no proof", None: "nothing to remove",
    }[row.finding]  # fmt: skip


def _intervals(summary: Summary) -> Markup | None:
    test = summary.test
    if summary.headline is None or summary.headline.finding is None or not words.finite(test.change):
        return None
    rows = [
        ("most harmful removed", test.change, test.ci95),
        ("as many at random", test.random_change, test.random_ci95),
        ("difference of these two", test.against_random, test.against_random_ci95),
        *((row.title, row.test, row.test_ci95) for row in summary.baselines[2:]),
    ]
    return Markup(figures.interval_chart(rows, summary.words.label, summary.direction))
