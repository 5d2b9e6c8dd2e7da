"""Can the scores be trusted? What the derivative's growth, the measured changes and other ways of choosing say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from gansift.report import figures, trust_figures, words
from gansift.report.sections.verification import Tag, card, own_verification
from gansift.report.shown import Shown
from gansift.report.summary import Baseline, Belief, Cell, GridRow, HorizonCheck, Summary

# What makes training smooth, by the setting of a run; a system need not have all of them.
_SMOOTHER = {
    "eps": "a larger <code>--eps</code> (inside Adam's root)",
    "r1": "R1 (<code>--r1</code>)",
    "lr": "a lower <code>--lr</code>",
    "warmup": "more <code>--warmup</code>",
    "batch": "a larger <code>--batch</code>",
}

TEMPLATE = "sections/trust.html"


def content(summary: Summary, shown: Shown) -> dict[str, Any]:
    """Verifications, growth of the derivative, promises against changes, and other ways to choose."""
    own_scores = own_verification(summary)
    return {
        "verified": [card(row, summary, place) for place, row in enumerate(summary.verification)],
        "own": bool(own_scores),
        "growth": _growth(summary),
        "prediction": _prediction(summary),
        "baselines": _baselines(summary),
        "repeated": _repeated(summary),
    }


def _smoother(summary: Summary) -> Markup:
    """What would make this very run's training smoother, of the settings that it has."""
    known = {**summary.settings, **(summary.settings.get("system") or {})}
    ways = [way for name, way in _SMOOTHER.items() if name in known] or ["a lower learning rate"]
    first = ", ".join(ways[:-1])
    return Markup(f"To train more smoothly, use {first + ' or ' if first else ''}{ways[-1]}.")


def _repeated(summary: Summary) -> list[str]:
    """What many looks say of the scores, in sentences; empty where the question is this very model."""
    found = summary.headline
    if found is None:
        return []
    sentences = [
        f"Every score is a mean over {words.plural(found.looks, 'window')} of "
        f"{words.plural(found.scoring_seeds, 'training')}. A window looks back no further than its derivatives can be "
        "believed."
    ]
    if found.redraws:
        sentences.append(
            f"Each update was looked at with {words.plural(found.redraws, 'other draw')} of batch and random numbers "
            "beside its own, because a new model will have others."
        )
    if found.reliability is not None:
        others = "seeds" if found.scoring_seeds > 1 else "windows"
        sentences.append(
            f"Scores of as many other {others} would have a correlation of about "
            f"{words.correlation(found.reliability)} with these."
        )
    if found.scoring_seeds < 2:
        sentences.append("Windows of one training resemble each other, so other seeds would agree less.")
    return sentences


def _growth(summary: Summary) -> dict[str, Any] | None:
    """How far back the derivative stays believable: tag, sentences and chart."""
    belief, growth = summary.trust, summary.growth
    if not growth and belief is None:
        return None
    tag, sentences = (None, []) if belief is None else _believable(belief, summary)
    chart = Markup(trust_figures.growth_chart(growth, None if belief is None else belief.horizon)) if growth else None
    return {"tag": tag, "sentences": sentences, "chart": chart}


def _believable(belief: Belief, summary: Summary) -> tuple[Tag, list[str]]:
    state, chosen = belief.state, summary.chosen
    grown = f"{_fold(belief.accumulated)} times" if words.finite(belief.accumulated) else "beyond all numbers times"
    how = (
        f"Going back, the derivative adds up to {grown} its size at the end, and the scores say that a random 2 % "
        f"would change {summary.words.label} by {_effect(belief.effect)}; up to "
        f"{_fold(belief.limit)} times and {_effect(belief.effect_limit)} were found believable."
    )
    checks = [_checked(check, belief, summary.words.label) for check in belief.checks]
    if state == "chaotic" and checks:
        return Tag("chaotic", "bad"), [
            "Retraining does not bear out even the scores of the shortest horizon that was tried.",
            *checks,
            _smoother(summary),
            how,
        ]
    if state == "chaotic":
        return Tag("chaotic", "bad"), [
            "This training is chaotic: even the scores of a single epoch are mostly noise.", _smoother(summary), how
        ]  # fmt: skip
    horizon = summary.steps if belief.horizon is None else belief.horizon
    whole = horizon >= summary.steps
    far = "the whole run" if whole else f"the last {words.stretch(horizon, belief.epochs)}"
    if state == "smooth":
        extent = "" if whole else ", as far back as they were computed"
        return Tag("smooth", "good"), [f"Scores can be believed over {far}{extent}.", *checks, how]
    sentences = [
        f"Scores can be believed over {far}; scores of longer horizons may be noise.",
        *checks,
        _smoother(summary),
        how,
    ]
    if chosen is not None and chosen.horizon > horizon:
        sentences.append(
            f"The chosen horizon, {words.plural(chosen.horizon, 'step')}, is longer than that. What retraining "
            "measured still holds; which examples it removed is in doubt."
        )
    return Tag("partly smooth"), sentences


def _checked(check: HorizonCheck, belief: Belief, label: str) -> str:
    epochs = None if not belief.horizon or belief.epochs is None else check.horizon * belief.epochs / belief.horizon
    found = (
        "nothing that could be ranked"
        if check.spearman is None
        else (f"a rank correlation of {words.correlation(check.spearman)} with what scores predicted")
    )
    return (
        f"Retraining the last {words.stretch(check.horizon, epochs)} without a random "
        f"{words.plural(check.removed, 'example')}, {check.count} times, gave changes of {label} with {found}: "
        f"{'enough' if check.holds else 'not enough'} to believe them."
    )


def _effect(value: float | None) -> str:
    """A share of the metric in per cent; of a logarithm, which has no shares, the same number."""
    return f"{_fold(100 * value)} %" if value is not None and words.finite(value) else "any amount"


def _fold(value: float) -> str:
    return f"{value:,.0f}" if 10 <= value < 1e6 else words.number(value, 2)


def _prediction(summary: Summary) -> dict[str, Any] | None:
    """The chart of predicted against measured changes, with what becomes of a promise, and horizons off any scale."""
    grid, label = summary.grid, summary.words.label
    promises = [(row, row.promise) for row in grid if row.promise is not None]
    if not promises:
        return None
    scale = trust_figures.BEYOND * max(abs(measured) for _, (_, measured) in promises)
    beyond = sorted({row.horizon for row, (predicted, _) in promises if abs(predicted) > scale})
    shown = [row for row, _ in promises if row.horizon not in beyond]
    note = ""
    if beyond:
        largest = max((predicted for row, (predicted, _) in promises if row.horizon in beyond), key=abs)
        note = (
            f"Not drawn: the last {', '.join(f'{horizon:,}' for horizon in beyond)} steps, for which a change of "
            f"{words.signed(largest)} was predicted, far beyond any that was measured. Over that stretch training is "
            "chaotic and scores cannot be believed."
        )
    chart = Markup(trust_figures.prediction_chart(shown, label)) if shown else None
    return {"chart": chart, "note": note, "promise": _promise(summary.chosen, [row for row, _ in promises])}


def _promise(chosen: Cell | None, promises: Sequence[GridRow]) -> str:
    """What the scores promised of the chosen removal, and what became of it; empty if nothing was chosen."""
    for row in promises:
        if chosen is not None and (row.horizon, row.removed) == (chosen.horizon, chosen.removed):
            promised, corrected, measured = words.column([row.predicted, row.calibrated, row.validation], 3, plus=True)
            corrects = (
                f"corrected by what retraining of the other seeds kept of such promises, {corrected}; "
                if words.finite(row.calibrated)
                else ""
            )
            return f"Scores promised {promised}; {corrects}measured {measured} (validation data)."
    return ""


def _baselines(summary: Summary) -> dict[str, Any] | None:
    """Other ways to choose what to remove: chart, table, and whether any did better; None if none was tried."""
    rows, direction = summary.baselines, summary.direction
    if not rows:
        return None
    split = "test" if any(words.finite(row.test) for row in rows) else "validation"
    drawn = [(row.title, getattr(row, split), getattr(row, f"{split}_ci95")) for row in rows]
    return {
        "chart": Markup(figures.interval_chart(drawn, summary.words.label, direction, "baselines")),
        "split": split,
        "rows": rows,
        "verdict": _compared(rows, split, direction, summary),
    }


def _compared(rows: Sequence[Baseline], split: str, direction: str, summary: Summary) -> str:
    sign = 1 if direction == "lower" else -1
    estimator, whose = summary.estimator, "the scores of this report"
    if summary.decisions:
        estimator, whose = "decisions", "the decisions"
    measured = [row for row in rows if words.finite(getattr(row, split))]
    chosen = next((row for row in measured if row.estimator == estimator), None)
    others = [row for row in measured if row.estimator != estimator]
    if chosen is None or not others:
        return ""
    better = [row.title for row in others if sign * getattr(row, split) < sign * getattr(chosen, split)]
    if not better:
        return f"By the means on {split} data, none did better than {whose}."
    return f"By the means on {split} data, better than {whose}: {', '.join(better)}."
