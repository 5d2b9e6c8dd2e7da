"""The charts of an audit's answer: numbers with their intervals, curves, and points of several kinds."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gansift.report.answer import Curves, Number, Scatter
from gansift.report.drawing import HARMFUL, HELPFUL, INK, LINE, RANDOM, limits_of, many, svg, tick
from gansift.report.words import column, number, plural

_STYLES = ("-", "--", ":", "-.")
_MARKS = ("o", "^", "s", "D")
_COLOURS = (HARMFUL, HELPFUL, RANDOM, INK)


def number_chart(numbers: Mapping[str, Number], name: str) -> str:
    """Each number with its interval on a scale of its own, and a line where it is expected to be.

    Args:
        numbers: by name, from top to bottom.
        name: of this chart, unlike that of any other on the page.
    """

    def paint(axes: Axes) -> None:
        for height, (what, one) in enumerate(reversed(list(numbers.items()))):
            low, high = limits_of([one.value, one.expected, *(one.ci95 or ())], zero=False)
            places = [(end - low) / (high - low) for end in one.ci95 or ()]
            axes.plot((0, 1), (height, height), color=LINE, linewidth=1, zorder=0)
            if places:
                axes.plot(places, (height, height), color=HELPFUL, linewidth=2.4, solid_capstyle="round")
            axes.plot((one.value - low) / (high - low), height, "o", color=HELPFUL, markersize=7)
            if one.expected is not None:
                axes.vlines((one.expected - low) / (high - low), height - 0.22, height + 0.22, color=INK, linewidth=1.4)
            axes.text(0, height + 0.28, what)
            axes.text(1, height + 0.28, _told(one), ha="right", weight="bold")
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.45, len(numbers) - 0.35), xticks=[], yticks=[])
        axes.spines[:].set_visible(False)

    description = "; ".join(f"{what}: {_told(one)}" for what, one in numbers.items())
    return svg(name, f"Numbers with 95 % intervals. {description}.", 16 + 46 * len(numbers), paint)


def _told(one: Number) -> str:
    ends = "" if one.ci95 is None else f" ({' to '.join(column(one.ci95, 2))})"
    return f"{number(one.value, 3)}{ends}"


def curves_chart(curves: Curves, name: str) -> str:
    """Lines in one pair of axes, told apart by colour and dashes; ``name`` is unlike that of any other chart."""

    def paint(axes: Axes) -> None:
        for place, (what, (x, y)) in enumerate(curves.lines.items()):
            axes.plot(
                x, y, color=_COLOURS[place % len(_COLOURS)], linestyle=_STYLES[place % len(_STYLES)], label=what,
                marker="o" if len(x) == 1 else None,  # of which there is no line
            )  # fmt: skip
        _named(axes, curves)

    return svg(name, f"{curves.y} against {curves.x}: {', '.join(curves.lines)}.", 290, paint)


def scatter_chart(scatter: Scatter, name: str) -> str:
    """Points told apart by colour and shape; ``name`` is unlike that of any other chart."""

    def paint(axes: Axes) -> None:
        for place, (what, (x, y)) in enumerate(scatter.points.items()):
            axes.plot(
                x, y, _MARKS[place % len(_MARKS)], color=_COLOURS[place % len(_COLOURS)], label=what, markersize=4,
                markeredgewidth=0, alpha=0.6, rasterized=many(x),
            )  # fmt: skip
        _named(axes, scatter)

    description = "; ".join(f"{what}: {plural(len(x), 'point')}" for what, (x, _) in scatter.points.items())
    return svg(name, f"{scatter.y} against {scatter.x}. {description}.", 310, paint)


def _named(axes: Axes, chart: Curves | Scatter) -> None:
    """Names of both axes, a few ticks, and a legend above."""
    axes.set_xlabel(chart.x)
    axes.set_ylabel(chart.y)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(tick))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, ncols=2)
