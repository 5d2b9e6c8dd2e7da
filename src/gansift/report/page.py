"""The report page: one HTML file that opens from disk and asks nothing of the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gansift.files import write_text
from gansift.report.rendering import render
from gansift.report.sections import (
    audit,
    before_after,
    claims,
    examples,
    history,
    image_map,
    kinds,
    made,
    next_steps,
    other_question,
    review,
    settings,
    spread,
    tried,
    trust,
    verdict,
)
from gansift.report.sections.section import Section
from gansift.report.shown import Shown
from gansift.report.summary import Summary

#: The page's sections in their order.
SECTIONS: tuple[Section, ...] = (
    verdict, next_steps, kinds, examples, tried, review, before_after, made, spread, image_map, trust, history,
    other_question, audit, claims, settings,
)  # fmt: skip


def write_page(path: Path, summary: Summary, shown: Shown) -> None:
    """Write the report.

    The same arguments give the same bytes. Whatever is None in ``summary`` is shown as a dash or left out, and sections
    that do not apply are left out.

    Args:
        path: the HTML file.
        summary: the content of ``report.json``.
        shown: examples with their scores, samples, what a review takes, and answers of audits.

    Raises:
        GansiftError: if the file cannot be written.
    """
    write_sections(path, summary, shown, SECTIONS)


def write_sections(path: Path, summary: Summary, shown: Shown, sections: Sequence[Section]) -> None:
    """Write a page of some sections, see `write_page`."""
    common = {"report": summary, "label": summary.words.label, "lower": summary.direction == "lower"}
    contents = {section.TEMPLATE: section.content(summary, shown) for section in sections}
    parts = [render(template, **common, **content) for template, content in contents.items() if content is not None]
    text = render("page.html", **common, sections=parts, review=contents.get(review.TEMPLATE))
    # File names need not be Unicode; the page must be.
    write_text(path, text.encode("utf-8", "backslashreplace").decode("utf-8"))
