"""Tables and cells of the page, in Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gansift.report.words import MINUS, MISSING, finite, number, signed
from papers.published import Number
from papers.summary import Sample

#: What stands where a published number is not known.
NOT_AVAILABLE = "n/a"
# What scores promise over a horizon that nothing can be predicted over needs no decimals.
_HUGE = 1000

_METRICS = {"fid": "FID", "is": "IS", "log-is": "log IS", "all": "ALL"}
_SCORED_BY = {
    "discriminator-loss": "influence on the discriminator's loss",
    "isolation-forest": "Isolation Forest",
    "random": "random",
}
_RETRAININGS = {
    "one-epoch": "one epoch",
    "five-epochs": "five epochs",
    "full": "whole run",
    "auto": "believed horizon",
}


def table(header: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """Lines of a table; the first ``texts`` columns are text, the others numbers."""
    lines = [header, [*["---"] * texts, *["---:"] * (len(header) - texts)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def metric_name(metric: str) -> str:
    """As the papers write it."""
    return _METRICS.get(metric, metric)


def scorer_name(scored_by: str) -> str:
    """What chose the examples, in words."""
    kind, _, metric = scored_by.partition(" ")
    return f"influence on {metric_name(metric)}" if kind == "itd" and metric else _SCORED_BY.get(scored_by, scored_by)


def retraining_name(retraining: str) -> str:
    """How far back the training was redone, in words."""
    return _RETRAININGS.get(retraining, retraining)


def fixed(value: float | None, decimals: int, plus: bool = False) -> str:
    """A number to so many decimals, or a huge one as a power of ten, with a true minus sign; a dash for none."""
    if value is None or not finite(value):
        return MISSING
    if abs(value) >= _HUGE:
        return signed(value, 2) if plus else number(value, 2)
    sign = "+" if plus and value != 0 else "-"
    return f"{value:{sign}.{decimals}f}".replace("-", MINUS)


def probability(p: float | None) -> str:
    """A p-value to two significant digits, or that it is below 0.001."""
    if p is None or not finite(p):
        return MISSING
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def percent(share: float) -> str:
    """A share as a header writes it."""
    return f"{100 * share:g} %"


def mean_deviation(ours: Sample | None, decimals: int, plus: bool = False) -> str:
    """Mean (standard deviation), and how many seeds have it if not all."""
    if ours is None or not ours.by_seed:
        return MISSING
    spread = "" if ours.deviation is None else f" ({fixed(ours.deviation, decimals)})"
    some = "" if ours.complete else f"; {len(ours.by_seed)} of {ours.seeds} seeds"
    return f"{fixed(ours.mean, decimals, plus)}{spread}{some}"


def mean_interval_cell(ours: Sample | None, decimals: int) -> str:
    """Mean of a change [95 % interval]."""
    if ours is None or not ours.by_seed:
        return MISSING
    ends = "" if ours.ci95 is None else f" [{', '.join(fixed(end, decimals, True) for end in ours.ci95)}]"
    return f"{fixed(ours.mean, decimals, True)}{ends}"


def published_cell(number: Number | None, plus: bool = False) -> str:
    """As it was printed, to two decimals; a dash where the paper has no such point."""
    if number is None:
        return MISSING
    spread = "" if number.deviation is None else f" ({fixed(number.deviation, 2)})"
    return f"{fixed(number.mean, 2, plus)}{spread}"


def decimals_for(samples: Sequence[Sample]) -> int:
    """Two, as in the papers, or as many as give half of the means two significant digits; at most four."""
    sizes = sorted(abs(one.mean) for one in samples if one.mean)
    middle = sizes[len(sizes) // 2] if sizes else 1.0
    return min(4, max(2, 1 - math.floor(math.log10(middle))))


def counted(words: Mapping[object, str | None]) -> dict[str, int]:
    """How often each verdict was given."""
    found = list(words.values())
    return {word: found.count(word) for word in ("better", "worse", "open")}
