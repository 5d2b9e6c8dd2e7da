"""The verdict in numbers, the warnings, how sure it is, and how to read the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from gansift.report import figures, words
from gansift.report.sections.verification import Tag, headline, own_verification
from gansift.report.shown import Shown
from gansift.report.summary import SeedRow, Summary

TEMPLATE = "sections/verdict.html"

# From this reliability on most of a ranking is the same for other seeds.
_RELIABLE = 0.8


def content(summary: Summary, shown: Shown) -> dict[str, Any]:
    """Tiles, the chart of intervals, and the table of seeds."""
    return {
        "judged": lambda change, ends: words.judged(change, ends, summary.direction),
        "headline": headline(own_verification(summary), summary.chosen),
        "intervals": _intervals(summary),
        "seeds": _seeds(summary.per_seed),
        "judges": _judges(summary),
        "repeatable": _repeatable(summary),
        "sources": _sources(summary),
    }


def _repeatable(summary: Summary) -> dict[str, Any] | None:
    """Whether other seeds would name the same examples; None where the question is this very model."""
    found = summary.headline
    if found is None:
        return None
    value = found.reliability
    tag = Tag("unknown") if value is None else Tag("high", "good") if value >= _RELIABLE else Tag("low", "bad")
    notes = [f"from {words.plural(found.looks, 'look')} at {words.plural(found.scoring_seeds, 'training')}"]
    if found.scoring_seeds < 2:
        notes.append("one training cannot tell how much others differ")
    elif found.seeds_needed is not None and found.seeds_needed > found.scoring_seeds:
        notes.append(f"{found.seeds_needed} trainings would give {_RELIABLE}")
    if found.surely_harmful is not None:
        notes.append(
            f"{found.surely_harmful:,} {summary.nouns.example}s are harmful for sure (false discoveries: 10 %)"
        )
    return {"value": words.correlation(value), "tag": tag, "note": "; ".join(notes)}


def _sources(summary: Summary) -> str:
    """Where the uncertainty of the change on test data comes from, in a sentence; empty where that is not known."""
    found = summary.headline
    if found is None or found.error_of_seeds is None:
        return ""
    others = [
        f"{what} {words.number(error, 2)}"
        for error, what in (
            (found.error_of_examples, "which examples were held out"),
            (found.error_of_latents, "which latents were drawn"),
        )
        if error is not None
    ]
    if not others:
        return "The interval covers training seeds alone."
    named = ", ".join([f"training seeds {words.number(found.error_of_seeds, 2)}", *others])
    return f"The interval covers all of these chances; their standard errors: {named}."


def _intervals(summary: Summary) -> Markup | None:
    test, validation = summary.test, summary.validation
    if summary.chosen is None or not words.finite(test.change):
        return None
    removed = "removed as decided" if summary.decisions else "most harmful removed"
    rows = [
        (f"{removed}, test data", test.change, test.ci95),
        ("as many at random, test data", test.random_change, test.random_ci95),
        ("difference of these two", test.against_random, test.against_random_ci95),
        (f"{removed}, validation data", validation.change, validation.ci95),
    ]
    return Markup(figures.interval_chart(rows, summary.words.label, summary.direction))


def _seeds(rows: Sequence[SeedRow]) -> list[list[str]]:
    """The table per training seed: seed, before, after, change, random, change; the means are the last row."""
    before, after, random = ([getattr(row, key) for row in rows] for key in ("before", "after", "random"))
    change = [_difference(one, other) for one, other in zip(after, before, strict=True)]
    random_change = [_difference(one, other) for one, other in zip(random, before, strict=True)]
    names = [str(row.seed) for row in rows]
    columns = [before, after, change, random, random_change]
    if len(rows) > 1:
        names.append("mean")
        columns = [[*column, _mean(column)] for column in columns]
    length = len(names)
    values = words.column(columns[0] + columns[1] + columns[3], 4)
    changes = words.column(columns[2] + columns[4], 3, plus=True)
    shown = (values[:length], values[length : 2 * length], changes[:length], values[2 * length :], changes[length:])
    return [list(row) for row in zip(names, *shown, strict=True)]


def _judges(summary: Summary) -> str:
    """How each seed's row came about, in a sentence or two; empty for one seed."""
    chosen = summary.chosen
    if chosen is None or summary.seeds < 2:
        return ""
    if summary.headline is not None:
        return "Every row is a training from scratch with a seed that was neither scored nor had a part in the choice."
    differing = [
        f"seed {row.seed}: {row.judged.removed:,} at {row.judged.horizon:,} steps"
        for row in summary.per_seed
        if row.judged is not None and (row.judged.horizon, row.judged.removed) != (chosen.horizon, chosen.removed)
    ]
    text = "Every seed is judged by the horizon and number that the other seeds choose: none confirms its own choice."
    return f"{text} That is another choice than the final one for {'; '.join(differing)}." if differing else text


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _mean(values: Sequence[float | None]) -> float | None:
    measured = [value for value in values if value is not None]
    return sum(measured) / len(measured) if len(measured) == len(values) else None
