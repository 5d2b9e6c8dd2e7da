"""The examples at both ends of the ranking."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from markupsafe import Markup

from gansift.report.sections.ranking import Ranking, ranking
from gansift.report.shown import Shown
from gansift.report.summary import Summary
from gansift.report.views.view import Card, View

TEMPLATE = "sections/examples.html"

_SHOWN = 18  # examples at each end of the ranking
_REMOVED_SHOWN = 200  # removed examples that are shown; more would make the page heavy


def content(summary: Summary, shown: Shown) -> dict[str, Any]:
    """Galleries of the most harmful and the most helpful examples."""
    ranked = ranking(summary, shown)
    places = _harmful_places(ranked)
    harmful = [_card(shown, int(ranked.order[place]), place + 1, _decision(summary, ranked, place)) for place in places]
    rows = np.argsort(ranked.harm, kind="stable")[: min(_SHOWN, ranked.helpful)].tolist()
    helpful = [_card(shown, row, place + 1, "") for place, row in enumerate(rows)]
    return {
        "harmful": _gallery(harmful[:_SHOWN], "harmful"),
        "more": _gallery(harmful[_SHOWN:], "harmful"),
        "more_count": len(harmful[_SHOWN:]),
        "unshown": summary.removed - _REMOVED_SHOWN,
        "helpful": _gallery(helpful, "helpful"),
        "compact": all(one.look.COMPACT for one in shown.sets.values()),
        "review": shown.review is not None,
    }


def _harmful_places(ranked: Ranking) -> list[int]:
    """Places in the ranking to show, from 0: up to `_SHOWN` that are harmful at all, and the removed ones."""
    removed = ranked.removed[ranked.order]
    shown = removed & (removed.cumsum() <= _REMOVED_SHOWN)
    shown[: min(_SHOWN, ranked.harmful)] = True
    return np.flatnonzero(shown).tolist()


def _decision(summary: Summary, ranked: Ranking, place: int) -> str:
    """What becomes of the example at that place; nothing is said where nothing is removed."""
    if not summary.removed:
        return ""
    return "removed" if ranked.removed[ranked.order[place]] else "kept"


def _card(shown: Shown, row: int, rank: int, decision: str) -> tuple[View, Card]:
    """One example, and the view that shows it."""
    name, one, here = shown.place(row)
    return one.look, Card(
        rank=rank,
        id=one.ids[here],
        origin=name if len(shown.sets) > 1 else "",
        label=None if one.labels is None else one.labels[here],
        score=float(one.values[here]),
        decision=decision,
        x=one.x[here],
        encoding=one.encoding,
    )


def _gallery(cards: Sequence[tuple[View, Card]], side: str) -> Markup:
    """Cards in their order; neighbours that one view shows stand in one gallery."""
    runs = [[pair for pair in run] for _, run in groupby(cards, key=lambda pair: id(pair[0]))]
    return Markup("\n").join(run[0][0].gallery([card for _, card in run], side) for run in runs)
