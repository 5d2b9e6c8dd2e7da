"""The charts about trust: predictions against retraining, and how the derivative grows along the backward sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gansift.report.drawing import HARMFUL, HELPFUL, INK, LINE, RANDOM, SOFT, limits_of, many, svg, tick
from gansift.report.summary import GridRow, Growth
from gansift.report.words import finite, number, signed

BEYOND = 10  # predictions so many times larger than any measured change are off the scale
_MARKERS = "osD^vP*X"


def largest_on_scale(predicted: Sequence[float], true: Sequence[float]) -> float:
    """The largest change, in size, that a chart of these pairs has room for.

    That is `BEYOND` times the largest of the predicted or of the true changes, whichever of the two is smaller, so
    that a prediction gone astray does not squeeze everything else into one spot. Infinite if one of them is all zero.
    """
    smaller = min(max(map(abs, predicted), default=0.0), max(map(abs, true), default=0.0))
    return BEYOND * smaller if smaller > 0 else math.inf


def verification_chart(predicted: Sequence[float], true: Sequence[float], label: str, name: str) -> str:
    """True against predicted changes, a dot for each removal; what is off the scale is a triangle at the edge.

    Args:
        predicted: finite changes of the metric, one for each removal.
        true: the changes that retraining gave, finite too.
        label: short name of the metric.
        name: of this chart, unlike that of any other on the page.
    """
    largest = largest_on_scale(predicted, true)
    x, y = np.array(predicted, float), np.array(true, float)

    def paint(axes: Axes) -> None:
        limits = limits_of([value for value in (*predicted, *true) if abs(value) <= largest])
        _changes(axes, limits)
        axes.set(xlim=limits, ylim=limits)
        near = (np.abs(x) <= largest) & (np.abs(y) <= largest)
        dense = many(x)
        axes.plot(x[near], y[near], "o", color=HELPFUL, markersize=3 if dense else 5, alpha=0.75, rasterized=dense)
        for marker, side in ((">", x > largest), ("<", x < -largest), ("^", y > largest), ("v", y < -largest)):
            axes.plot(
                x[side].clip(*limits), y[side].clip(*limits), marker, color=HARMFUL, markersize=7,
                markerfacecolor="none", clip_on=False,
            )  # fmt: skip
        axes.set_xlabel(f"predicted change of {label} (sum of scores)")
        axes.set_ylabel("true change (retraining)")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(tick))
        axes.legend(fontsize=9.5, loc="upper left")

    description = ""
    if len(x):
        description = f" Predicted {signed(x.min())} to {signed(x.max())}, true {signed(y.min())} to {signed(y.max())}."
    return svg(name, f"Predicted against true change of {label} for {len(x)} removals.{description}", 290, paint)


def prediction_chart(grid: Sequence[GridRow], label: str) -> str:
    """Sum of the scores of the removed examples against the change measured on validation data, per horizon."""
    promises = [(row, row.promise) for row in grid if row.promise is not None]
    horizons = sorted({row.horizon for row, _ in promises})
    colours = (HARMFUL, HELPFUL, INK, RANDOM)

    def paint(axes: Axes) -> None:
        _changes(axes, limits_of([change for _, promise in promises for change in promise]))
        for place, horizon in enumerate(horizons):
            rows = sorted((row.removed, promise) for row, promise in promises if row.horizon == horizon)
            axes.plot(
                [predicted for _, (predicted, _) in rows],
                [measured for _, (_, measured) in rows],
                color=colours[place % len(colours)],
                marker=_MARKERS[place % len(_MARKERS)],
                linewidth=1,
                label=f"last {horizon:,} steps",
            )
        axes.set_xlabel(f"predicted change of {label} (sum of scores)")
        axes.set_ylabel("measured change (validation)")
        axes.legend(fontsize=9.5)

    return svg(
        "prediction",
        "Predicted against measured change for every number removed and horizon that was tried.",
        290,
        paint,
    )


def _changes(axes: Axes, ends: tuple[float, float]) -> None:
    """The lines that every chart of predicted against measured changes has: zero twice, and where both are equal."""
    axes.plot(ends, ends, color=SOFT, linewidth=1, linestyle=":", label="as predicted")
    axes.axhline(0, color=LINE, linewidth=1, zorder=0)
    axes.axvline(0, color=LINE, linewidth=1, zorder=0)


def growth_chart(growth: Sequence[Growth], horizon: int | None) -> str:
    """Norm of the adjoint (what ITD carries backwards) against the training step, on a logarithmic scale.

    Args:
        growth: those without a positive finite norm are left out.
        horizon: the longest believable one in steps, which is shaded; None shades nothing.
    """
    points = sorted((row.step, row.norm) for row in growth if finite(row.norm) and row.norm > 0)

    def paint(axes: Axes) -> None:
        axes.plot([step for step, _ in points], [norm for _, norm in points], color=HELPFUL)
        if points and horizon is not None:
            end = points[-1][0] + 1
            start = max(end - horizon, points[0][0])
            axes.axvspan(start, end, color=HELPFUL, alpha=0.12, linewidth=0, label="believable")
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda value, _: f"{value:,g}" if 1e-3 <= value < 1e5 else number(value, 1))
        )
        axes.minorticks_off()
        axes.set_xlabel("training step (computed from right to left)")
        axes.set_ylabel("norm of the derivative")

    ends = (
        f"{number(points[-1][1])} at step {points[-1][0]}, {number(points[0][1])} at step {points[0][0]}"
        if points
        else ""
    )
    return svg("growth", f"Growth of the derivative going back through training: {ends}.", 250, paint)
