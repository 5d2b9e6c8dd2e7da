"""What the players make of examples: refined images, prototypes, an example as one of another data set."""

from __future__ import annotations

from typing import Any

from gansift.report.shown import Shown
from gansift.report.summary import Summary
from gansift.report.views.view import find, view_of

TEMPLATE = "sections/made.html"


def content(summary: Summary, shown: Shown) -> dict[str, Any] | None:
    """A row of pictures for each title; None where the game shows nothing, or nothing that is an image."""
    pictures = {title: x for title, x in shown.made.items() if view_of(x.shape[1:]) == "images"}
    if not pictures:
        return None
    return {
        "strips": [
            (title, [find("images").one(one, f"{title}, {place}") for place, one in enumerate(x, 1)])
            for title, x in pictures.items()
        ],
    }
