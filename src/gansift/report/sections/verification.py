"""How far scores were verified: predictions against retraining, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from gansift.report import trust_figures, words
from gansift.report.summary import Cell, Statistic, Summary, Verification

_RANKS_WELL, _AT_LEAST = 0.9, 0.8  # a rank correlation that ranks well, and the lower end of its interval
_SIZES_FIT = (0.8, 1.25)  # slopes of truth on prediction that count as right,
_SIZES_WITHIN = (0.5, 2.0)  # if their interval stays within these


class Tag(NamedTuple):
    """A verdict in a word or three, and the class that colours it: ``good``, ``bad`` or none."""

    word: str
    tone: str = ""


def own_verification(summary: Summary) -> list[Verification]:
    """The verifications of the scores that the report shows, not of another estimator's."""
    return [row for row in summary.verification if row.estimator == summary.estimator]


def ranking(spearman: Statistic) -> Tag:
    """What a rank correlation amounts to.

    Args:
        spearman: its ``value``, which may be None or NaN, and ``ci95``, which may be None.
    """
    value, ends = spearman.value, spearman.ci95
    if not words.finite(value):
        return Tag("cannot be told")
    if not words.has_interval(ends):
        return Tag("too few to tell")
    if ends[0] <= 0 <= ends[1]:
        return Tag("could be chance")
    if ends[1] < 0:
        return Tag("ranks the wrong way", "bad")
    well = value >= _RANKS_WELL and ends[0] >= _AT_LEAST
    return Tag("ranks well", "good") if well else Tag("ranks somewhat")


def ranks(spearman: Statistic) -> bool:
    """Whether a rank correlation (as for `ranking`) shows an order better than chance."""
    return words.finite(spearman.value) and words.has_interval(spearman.ci95) and spearman.ci95[0] > 0


def tried(row: Verification) -> str:
    """The removals of one verification: ``30 random removals of 16 examples``."""
    if row.kind == "leave-one-out":
        return f"{words.plural(row.count, 'example')} left out one at a time"
    return f"{words.plural(row.count, 'random removal')} of {words.plural(row.removed, 'example')}"


def headline(verifications: Sequence[Verification], chosen: Cell | None) -> dict[str, Any] | None:
    """The verification to show first: of the chosen horizon if there is one, else the first."""
    if not verifications:
        return None
    at_chosen = [row for row in verifications if chosen is not None and row.horizon == chosen.horizon]
    row = (at_chosen or verifications)[0]
    return {
        "value": words.correlation(row.spearman.value),
        "tag": ranking(row.spearman),
        "tried": f"{tried(row)}, last {words.stretch(row.horizon, row.epochs)}",
    }


def card(row: Verification, summary: Summary, place: int) -> dict[str, Any]:
    """One verification: title, tag, sentences, correlations and chart.

    Args:
        row: of ``verification`` in the summary.
        summary: of the run.
        place: of the row, which names its chart.
    """
    pairs = [
        (predicted, true)
        for predicted, true in zip(row.predicted, row.true, strict=True)
        if words.finite(predicted) and words.finite(true)
    ]
    predicted, true = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    broken = row.count - len(pairs)
    sentences = [
        _ranked(row, summary.steps),
        _sizes(row),
        _truth(row),
        _extremes(row.jaccard),
        _off_scale(predicted, true),
        f"{words.plural(broken, 'removal')} gave no number and cannot be drawn." if broken else "",
    ]
    other = "" if row.estimator == summary.estimator else f"{row.estimator}: "
    chart = trust_figures.verification_chart(predicted, true, summary.words.label, f"verification-{place}")
    return {
        "title": f"{other}Last {words.stretch(row.horizon, row.epochs)}, {tried(row)}",
        "tag": ranking(row.spearman),
        "sentences": [sentence for sentence in sentences if sentence],
        "numbers": [
            (name, words.correlation(getattr(row, key).value), _ends(getattr(row, key).ci95))
            for name, key in (
                ("rank correlation (Spearman)", "spearman"),
                ("rank correlation (Kendall)", "kendall"),
                ("linear correlation (Pearson)", "pearson"),
            )
        ],
        "chart": Markup(chart),  # matplotlib has escaped the texts in it
    }


def _ranked(row: Verification, steps: int) -> str:
    start = steps - row.horizon
    where = f"redone from step {start:,} on" if start > 0 else "redone from the start"
    over = f"Over {tried(row)}, {where},"
    value, ends = row.spearman.value, row.spearman.ci95
    if not words.finite(value):
        return f"{over} no correlation is defined, because all predictions or all truths are equal."
    certainty = f"95 % interval {_ends(ends)}" if words.has_interval(ends) else "too few removals for an interval"
    return f"{over} predictions and truth had rank correlation {words.correlation(value)} ({certainty})."


def _sizes(row: Verification) -> str:
    if row.slope is None:
        return "These scores only rank; their sizes have no meaning."
    value, ends = row.slope.value, row.slope.ci95
    if not words.finite(value):
        return ""
    slope, narrow = f"slope {_factor(value)}", True
    if words.has_interval(ends):
        slope += f" (95 % interval {' to '.join(map(_factor, ends))})"
        narrow = _SIZES_WITHIN[0] <= ends[0] and ends[1] <= _SIZES_WITHIN[1]
    if _SIZES_FIT[0] <= value <= _SIZES_FIT[1] and narrow:
        return f"Sizes are right: {slope}."
    if words.has_interval(ends) and ends[0] <= 1 <= ends[1]:
        return f"Sizes are uncertain: {slope}; more removals would tell."
    if value <= 0:
        return f"Sizes are wrong: {slope}; true changes do not grow with the predicted ones."
    amount = "smaller" if value < 1 else "larger"
    advice = " Go by the order of the scores, not by their size." if ranks(row.spearman) else ""
    times = f"{_factor(value)} times the prediction"
    return f"Sizes are off: {slope}; true changes are {amount} than predicted, {times}.{advice}"


def _truth(row: Verification) -> str:
    if row.truth == "same-seed":
        return "Truth is retraining with the same seeds: what the owner of this one model wants to know."
    text = f"Truth is the mean over {words.plural(row.seeds, 'training seed')}: what is to be expected of a training."
    ceiling = row.ceiling
    if ceiling is None or not words.finite(ceiling.value):
        return text
    others = words.correlation(ceiling.value)
    return f"{text} It still varies by chance: that of as many other seeds would show a rank correlation of {others}."


def _extremes(jaccard: Statistic | None) -> str:
    if jaccard is None or not words.finite(jaccard.value):
        return ""
    ends = f"; 95 % interval {_ends(jaccard.ci95)}" if words.has_interval(jaccard.ci95) else ""
    return (
        f"The 10 % extremes, both ends together, overlap by {words.correlation(jaccard.value)} (Jaccard{ends}); 1 "
        "means that predictions and truth name the same examples."
    )


def _off_scale(predicted: Sequence[float], true: Sequence[float]) -> str:
    largest = trust_figures.largest_on_scale(predicted, true)
    for values, what, against in ((predicted, "predicted", true), (true, "measured", predicted)):
        far = [value for value in values if abs(value) > largest]
        if far:
            other = "measured" if what == "predicted" else "predicted"
            marks = "it is a triangle" if len(far) == 1 else "they are triangles"
            return (
                f"Off the scale: {words.plural(len(far), 'removal')}, for which a change of up to "
                f"{words.signed(max(far, key=abs))} was {what} although none larger than "
                f"{words.number(max(map(abs, against)), 3)} was {other}; in the chart {marks} at the edge."
            )
    return ""


def _ends(ends: Sequence[float | None] | None) -> str:
    return " to ".join(words.correlation(end) for end in ends) if words.has_interval(ends) else words.MISSING


def _factor(value: float) -> str:
    return f"{value:.2f}".replace("-", words.MINUS) if 0.1 <= abs(value) < 100 else words.number(value, 2)
