"""What was found for the question that this report is not about, in a few lines."""

from __future__ import annotations

from typing import Any

from gansift.errors import GansiftError
from gansift.report.shown import Shown
from gansift.report.summary import NewModels, Summary

TEMPLATE = "sections/other_question.html"


def content(summary: Summary, shown: Shown) -> dict[str, Any] | None:
    """The verdict for this very model, or the headline for new ones; None where the other question was not asked."""
    if summary.question == "new-models":
        sentence = _sentence(summary.this_model)
        return None if sentence is None else {"sentence": sentence, "headline": None}
    headline: NewModels | None = summary.new_models
    return None if headline is None else {"sentence": None, "headline": headline}


def _sentence(this_model: dict[str, Any] | None) -> str | None:
    if this_model is None:
        return None
    try:
        return Summary.from_json(this_model).verdict.sentence
    except GansiftError:  # of a later version; the page can do without
        return None
