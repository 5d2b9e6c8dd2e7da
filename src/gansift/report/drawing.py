"""What every chart is drawn with: its colours and style, limits and ticks, and the way from matplotlib to inline SVG.

Colours are written as CSS variables with the light theme's colour as fallback, so that the page can darken them; the
palette (orange for harmful, blue for helpful, grey for random) stays apart for colour-blind readers, and no chart
relies on colour alone. Text stays text and takes the page's font. The same numbers give the same bytes.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Sequence, Sized
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gansift.report.words import MINUS, finite, number

INK, SOFT, LINE = "#20242c", "#5b6270", "#c9ced6"
HARMFUL, HELPFUL, RANDOM = "#c2410c", "#1d6fb8", "#6b7280"
_ROLES = {INK: "ink", SOFT: "soft", LINE: "line", HARMFUL: "harmful", HELPFUL: "helpful", RANDOM: "random"}
#: What matplotlib draws every chart with.
STYLE: Any = {
    "svg.hashsalt": "gansift",
    "svg.fonttype": "none",
    "text.parse_math": False,  # a class may be called $5
    "axes.unicode_minus": True,
    "font.family": "DejaVu Sans",  # shipped with matplotlib, so the layout is the same everywhere
    "font.size": 10.5,
    "axes.titlesize": 11.5,
    "axes.titlelocation": "left",
    "axes.labelcolor": SOFT,
    "axes.titlecolor": INK,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.5,
}
_WIDTH = 360  # units of the viewBox: one CSS pixel each on a phone
_TOO_MANY_MARKS = 500  # from here on, marks are drawn as one bitmap inside the SVG

Limits = tuple[float, float]


def limits_of(values: Sequence[Any], zero: bool = True) -> Limits:
    """Limits around the numbers among ``values`` (and zero), with a margin."""
    numbers = [value for value in values if finite(value)] + ([0.0] if zero else [])
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 0.0)
    margin = 0.12 * (high - low) or 1.0
    return low - margin, high + margin


def many(points: Sized) -> bool:
    """Whether these are too many marks to be drawn one by one."""
    return len(points) > _TOO_MANY_MARKS


def tick(value: float, _: Any) -> str:
    """A short label for a tick, as matplotlib asks for it.

    >>> tick(0.25, None), tick(1500.0, None)
    ('0.25', '1,500')
    """
    if 100 <= abs(value) < 1e5 and value == round(value):
        return f"{value:,.0f}".replace("-", MINUS)
    return number(round(value, 12), 3).rstrip("0").rstrip(".") if 1e-3 <= abs(value) < 1 else number(value, 2)


def svg(name: str, alt: str, height: int, paint: Callable[[Axes], None]) -> str:
    """Draw on one pair of axes, ``height`` units high, and return SVG fit to stand inside HTML."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH / 72, height / 72), layout="constrained")
        paint(figure.add_subplot())
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing, transparent=True, dpi=144)
    return _inlined(buffer.getvalue(), name, alt, height)


def _inlined(svg: str, name: str, alt: str, height: int) -> str:
    """Make a stand-alone SVG file part of a page: no prologue, no ids that clash, the page's font and colours."""
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"<style.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    used = set(re.findall(r'(?:xlink:href="#|url\(#)([^")]+)', body))
    body = re.sub(r"<[^>]+>", lambda tag: _own_tag(tag.group(), name, used), body)
    body = re.sub(r"\s*\n\s*", "\n", body)
    return (
        f'<svg class="chart" role="img" aria-label="{html.escape(alt)}" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" stroke-linejoin="round">{body.strip()}\n'
    )


def _own_tag(tag: str, name: str, used: set[str]) -> str:
    tag = re.sub(r' id="([^"]*)"', lambda match: f' id="{name}-{match[1]}"' if match[1] in used else "", tag)
    tag = (
        tag.replace('xlink:href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-").replace("xlink:href", "href")
    )
    tag = re.sub(r"font-family:[^;\"]*;?", "", tag)
    return re.sub(r"#[0-9a-f]{6}\b", lambda match: _themed(match.group()), tag)


def _themed(colour: str) -> str:
    return f"var(--{_ROLES[colour]}, {colour})" if colour in _ROLES else colour
