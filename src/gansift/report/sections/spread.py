"""How the scores are spread: over their values, over the data, and over the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from gansift.report import figures, words
from gansift.report.sections.ranking import ranking
from gansift.report.shown import Shown
from gansift.report.summary import ClassCount, Summary

TEMPLATE = "sections/spread.html"


def content(summary: Summary, shown: Shown) -> dict[str, Any]:
    """Histogram, maps and class balance."""
    ranked, label, direction = ranking(summary, shown), summary.words.label, summary.direction
    histogram = figures.score_histogram(shown.values, direction, label, shown.values[ranked.removed])
    return {
        "harmful_count": ranked.harmful,
        "histogram": Markup(histogram),
        "maps": _maps(summary, shown),
        "balance": Markup(figures.class_balance(summary.classes)) if summary.classes else None,
        "loss": _largest_loss(summary.classes or ()),
        "by_class": _by_class(summary, shown),
    }


def _by_class(summary: Summary, shown: Shown) -> Markup | None:
    """Harm by class; None where there are no two classes, or the sizes of scores mean nothing."""
    labels = [name for one in shown.sets.values() for name in one.labels or ()]
    if len(labels) != len(shown.values) or len(set(labels)) < 2 or summary.ranking:
        return None
    return Markup(figures.class_harm(labels, shown.values, summary.direction, summary.words.label))


def _maps(summary: Summary, shown: Shown) -> list[tuple[str, Markup]]:
    """A map of each data set that can be drawn, with the set's name where there are several."""
    several, label = len(shown.sets) > 1, summary.words.label
    maps = [
        (name if several else "", one.look.score_map(one.x, one.values, summary.direction, label))
        for name, one in shown.sets.items()
    ]
    return [(name, chart) for name, chart in maps if chart is not None]


def _largest_loss(classes: Sequence[ClassCount]) -> str:
    """The class that lost the largest share, in a sentence; empty if none lost anything."""
    lost = [(1 - row.after / row.before, row) for row in classes if row.before > row.after]
    if not lost:
        return ""
    _, row = max(lost, key=lambda pair: pair[0])
    gone = row.before - row.after
    return f"Class {row.name} lost the largest share: {gone} of {row.before} ({words.share(gone, row.before)})."
