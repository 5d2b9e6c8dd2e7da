"""Where the harmful images lie among all: a map of what the metric sees of them, in two dimensions."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from gansift.report import figures
from gansift.report.shown import Shown
from gansift.report.summary import Summary
from gansift.report.views.collage import collage_uri

TEMPLATE = "sections/image_map.html"

_AXES = ("first direction in which images differ most", "second direction")


def content(summary: Summary, shown: Shown) -> dict[str, Any] | None:
    """A chart of all images coloured by harm, and some of the images at their places; None without a map."""
    review = shown.review
    if review is None or review.plane is None:
        return None
    ((_, images),) = shown.sets.items()
    chart = figures.score_map(review.plane, images.values, summary.direction, summary.words.label, _AXES)
    return {
        "chart": Markup(chart),
        "collage": collage_uri(images.x, review.plane, images.values, summary.direction),
    }
