"""Numbers, intervals and durations as a reader of the report sees them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def finite(value: Any) -> TypeGuard[float]:
    """Whether ``value`` is a number that can be shown or drawn."""
    return isinstance(value, int | float) and math.isfinite(value)


def number(value: float | None, digits: int = 4) -> str:
    """``value`` to ``digits`` significant digits, with a true minus sign; a dash where there is none."""
    if value is None or not finite(value):
        return MISSING
    if value == 0:
        return "0"
    text = f"{value:#.{digits}g}".rstrip(".")
    mantissa, _, exponent = text.partition("e")
    if exponent:
        text = f"{mantissa.rstrip('.')} \N{MULTIPLICATION SIGN} 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return text.replace("-", MINUS)


def signed(value: float | None, digits: int = 3) -> str:
    """A change: like `number`, with a plus sign where it is positive."""
    text = number(value, digits)
    return f"+{text}" if value is not None and finite(value) and value > 0 else text


def column(values: Sequence[float | None], digits: int, plus: bool = False) -> list[str]:
    """Numbers of one column, all to as many decimals as give the largest of them ``digits`` significant digits.

    Args:
        values: the numbers; a dash stands where there is none.
        digits: significant digits of the largest.
        plus: whether positive numbers get a plus sign.
    """
    finite_values = [abs(value) for value in values if value is not None and finite(value)]
    largest = max(finite_values, default=0.0)
    if not 1e-4 <= largest < 1e6:
        return [signed(value, digits) if plus else number(value, digits) for value in values]
    decimals = max(0, digits - 1 - math.floor(math.log10(largest)))
    sign = "+" if plus else "-"
    return [
        f"{value:{sign}.{decimals}f}".replace("-", MINUS) if value is not None and finite(value) else MISSING
        for value in values
    ]


def interval(ends: Sequence[float | None] | None) -> str:
    """A 95 % interval in words, ``−2.1 to −1.1``; a dash where there is none."""
    if not has_interval(ends):
        return MISSING
    return " to ".join(column(ends, 3, plus=True))


def has_interval(ends: Sequence[float | None] | None) -> TypeGuard[Sequence[float]]:
    """Whether both ends of an interval are numbers."""
    return ends is not None and len(ends) == 2 and all(finite(end) for end in ends)


def typeset(sentence: str) -> str:
    """A sentence with true minus signs, and no line break between a number and its per cent sign."""
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", re.sub(r"(?<![\w.])-(?=\d)", MINUS, sentence))


def share(part: float, whole: float) -> str:
    """``part`` of ``whole`` in per cent."""
    return f"{100 * part / whole:.1f} %" if whole else MISSING


def plural(count: int, noun: str) -> str:
    """``1 example``, ``2 examples``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def stretch(steps: int, epochs: float | None) -> str:
    """``320 steps (20 epochs)``; without the epochs where they are unknown."""
    return plural(steps, "step") + (f" ({epochs:g} epoch{'s' * (epochs != 1)})" if finite(epochs) else "")


def correlation(value: float | None) -> str:
    """A correlation with two decimals, or as many more as keep it from reading as a perfect one; a dash for none."""
    if value is None or not finite(value):
        return MISSING
    decimals = next((count for count in (2, 3) if abs(round(value, count)) < 1), 4) if abs(value) < 1 else 2
    return f"{value:.{decimals}f}".replace("-", MINUS)


def duration(seconds: float | None) -> str:
    """``3 min 20 s``, ``2 h 5 min``, ``4.2 s``; a dash where it is unknown."""
    if seconds is None or not finite(seconds):
        return MISSING
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def harm(values: np.ndarray, direction: str) -> np.ndarray:
    """How much better the metric is predicted to get by each removal, from scores of any shape; positive is harmful."""
    return -values if direction == "lower" else values


def judged(change: float | None, ends: Sequence[float | None] | None, direction: str) -> str:
    """What a change of the metric amounts to: ``better``, ``worse``, ``no change``, or ``could be chance``.

    Without an interval nothing is known about chance, and the answer is empty unless the change is exactly zero.
    """
    if change is None or not finite(change):
        return ""
    if change == 0:
        return "no change"
    if not has_interval(ends):
        return ""
    if ends[0] <= 0 <= ends[1]:
        return "could be chance"
    return "better" if (change < 0) == (direction == "lower") else "worse"
