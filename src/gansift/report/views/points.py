"""Examples as points: rows of a few numbers without names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from gansift.data.encoding import Encoding
from gansift.report import figures
from gansift.report.rendering import render
from gansift.report.views.view import Card
from gansift.report.words import number

NOUN = "point"
COMPACT = True
ALIKE = ""

_COORDINATES = 4  # of a point that are written out
_SAMPLES = 2000


def gallery(cards: Sequence[Card], side: str) -> Markup:
    """A table with a row for each point."""
    rows = [(card, one(card.x, card.id)) for card in cards]
    return render("views/points.html", rows=rows, side=side)


def one(x: np.ndarray, alt: str, encoding: Encoding | None = None) -> Markup:
    """The first coordinates."""
    numbers = ", ".join(number(float(value), 3) for value in x.reshape(-1)[:_COORDINATES])
    return Markup("{}").format(f"{numbers}, …" if x.size > _COORDINATES else numbers)


def score_map(x: np.ndarray, values: np.ndarray, direction: str, label: str) -> Markup:
    """Points by their first two coordinates, or by the only one and their score."""
    return Markup(figures.score_map(x, values, direction, label))


def before_after(
    x: np.ndarray, before: np.ndarray | None, after: np.ndarray | None, encoding: Encoding | None = None
) -> Markup:
    """Densities of points with one coordinate; else samples over the training data, before and after."""
    before, after = (None if part is None else part[:_SAMPLES] for part in (before, after))
    if x.shape[1] == 1:
        charts = [figures.density_chart(x, before, after)]
    else:
        limits = figures.cloud_limits(x, before, after)
        named = [(name, points) for name, points in (("before", before), ("after", after)) if points is not None]
        charts = [figures.cloud_chart(x, points, name, limits) for name, points in named]
    return Markup("\n").join(Markup(f"<figure>{chart}</figure>") for chart in charts)
