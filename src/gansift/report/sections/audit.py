"""What the audits of a run answered; nothing here knows any of them."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from gansift.report.answer import Answer, Gallery
from gansift.report.audit_figures import curves_chart, number_chart, scatter_chart
from gansift.report.sections.verification import Tag
from gansift.report.shown import Shown
from gansift.report.summary import Summary
from gansift.report.views.view import find, view_of

TEMPLATE = "sections/audit.html"


def content(summary: Summary, shown: Shown) -> dict[str, Any] | None:
    """Every answer; None where nothing was audited."""
    return {"answers": [_told(answer) for answer in shown.answers]} if shown.answers else None


def _told(answer: Answer) -> dict[str, Any]:
    return {
        "answer": answer,
        "tag": _tag(answer),
        "chart": Markup(number_chart(answer.numbers, f"audit-{answer.audit}")) if answer.numbers else None,
        "charts": [
            *(
                (title, curves.note, Markup(curves_chart(curves, f"audit-{answer.audit}-{place}")))
                for place, (title, curves) in enumerate(answer.curves.items())
            ),
            *(
                (title, scatter.note, Markup(scatter_chart(scatter, f"audit-{answer.audit}-points-{place}")))
                for place, (title, scatter) in enumerate(answer.scatters.items())
            ),
        ],
        "galleries": [(title, gallery, _groups(gallery)) for title, gallery in answer.pictures.items()],
    }


def _tag(answer: Answer) -> Tag:
    words, tone = {None: ("cannot tell", ""), True: ("found", "bad"), False: ("not found", "good")}[answer.finding]
    return Tag(answer.badge or words, tone)


def _groups(gallery: Gallery) -> list[tuple[str, list[tuple[str, Markup]]]]:
    """Each group's caption, and its headed pictures."""
    view = find(view_of(gallery.x.shape[2:]))
    return [
        (
            caption,
            [
                (heading, view.one(x, f"{heading}, {caption}"))
                for heading, x in zip(gallery.headings, group, strict=True)
            ],
        )
        for caption, group in zip(gallery.captions, gallery.x, strict=True)
    ]
