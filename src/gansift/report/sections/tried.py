"""Every removal that was tried, and what it changed."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from gansift.report import figures, words
from gansift.report.shown import Shown
from gansift.report.summary import Summary

TEMPLATE = "sections/tried.html"


def content(summary: Summary, shown: Shown) -> dict[str, Any]:
    """A chart for each horizon and split."""
    return {"panels": {split: _panels(summary, split) for split in ("validation", "test")}}


def _panels(summary: Summary, split: str) -> list[Markup]:
    grid, chosen = summary.grid, summary.chosen
    if not any(words.finite(getattr(row, split)) for row in grid):
        return []
    limits = figures.change_limits(grid, split)
    panels = []
    for horizon in sorted({row.horizon for row in grid}):
        rows = [row for row in grid if row.horizon == horizon]
        here = chosen.removed if chosen is not None and chosen.horizon == horizon else None
        chart = figures.change_chart(rows, split, summary.words.label, summary.direction, limits, here)
        panels.append(Markup(chart))
    return panels
