"""The charts of what was found: changes, scores, classes, samples. Each is a pure function of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, SymLogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gansift.report.drawing import HARMFUL, HELPFUL, INK, LINE, RANDOM, SOFT, Limits, limits_of, many, svg, tick
from gansift.report.summary import ClassCount, GridRow
from gansift.report.words import MINUS, finite, harm, has_interval, signed, stretch


def interval_chart(
    rows: Sequence[tuple[str, float | None, Any]], label: str, direction: str, name: str = "intervals"
) -> str:
    """Changes of the metric with their 95 % intervals, one row each, against a zero line.

    Args:
        rows: (what it is, change, (low, high) or None) from top to bottom; rows without a change are left out.
        label: short name of the metric.
        direction: ``lower`` or ``higher`` is better.
        name: of this chart, unlike that of any other on the page.
    """
    rows = [row for row in rows if finite(row[1])]

    def paint(axes: Axes) -> None:
        limits = limits_of([row[1] for row in rows] + [end for row in rows for end in row[2] or ()])
        axes.set_xlim(*limits)
        _mark_better(axes.axvspan, direction, limits)
        for height, (what, change, ends) in enumerate(reversed(rows)):
            colour = RANDOM if "random" in what else HARMFUL
            if has_interval(ends):
                axes.plot(ends, (height, height), color=colour, linewidth=2.4, solid_capstyle="round")
            axes.plot(change, height, "o", color=colour, markersize=7)
            axes.vlines(0, height - 0.35, height + 0.15, color=INK, linewidth=1)  # broken where the text stands
            for text, place, side in ((what, 0.015, "left"), (signed(change), 0.985, "right")):
                axes.text(
                    place, height + 0.26, text, transform=axes.get_yaxis_transform(), ha=side,
                    weight="normal" if side == "left" else "bold",
                )  # fmt: skip
        axes.set_yticks([])
        axes.set_ylim(-0.45, len(rows) - 0.35)
        axes.set_xlabel(f"change of {label} ({_better_side(direction, 'left', 'right')} of 0 is better)")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.spines["left"].set_visible(False)

    description = "; ".join(f"{what}: {signed(change)}" for what, change, _ in rows)
    return svg(name, f"Change of {label} with 95 % intervals. {description}.", 54 + 46 * len(rows), paint)


def change_limits(grid: Sequence[GridRow], split: str) -> Limits:
    """Limits of the vertical axis that fit every panel of `change_chart` for one split."""
    values: list[Any] = []
    for row in grid:
        values += [getattr(row, split), getattr(row, f"random_{split}")]
        values += [*(getattr(row, f"{split}_ci95") or ()), *(getattr(row, f"random_{split}_ci95") or ())]
    return limits_of(values)


def change_chart(
    rows: Sequence[GridRow],
    split: str,
    label: str,
    direction: str,
    limits: Limits,
    chosen: int | None = None,
) -> str:
    """Measured change of the metric against the number of examples removed, at one horizon.

    Args:
        rows: the grid's rows of that horizon.
        split: ``validation`` or ``test``.
        label: short name of the metric.
        direction: ``lower`` or ``higher`` is better.
        limits: of the vertical axis, shared by all panels (`change_limits`).
        chosen: the number removed that was chosen, if it was at this horizon.
    """
    rows = sorted(rows, key=lambda row: row.removed)
    counts = [row.removed for row in rows]

    def paint(axes: Axes) -> None:
        axes.set_ylim(*limits)
        _mark_better(axes.axhspan, direction, limits)
        axes.axhline(0, color=INK, linewidth=1)
        shift = 0.06  # so that the two intervals do not cover each other
        _curve(axes, rows, f"random_{split}", shift, color=RANDOM, marker="D", linestyle="--")
        _curve(axes, rows, split, -shift, color=HARMFUL, marker="o", linestyle="-")
        if chosen in counts and finite(getattr(rows[counts.index(chosen)], split)):
            _mark_chosen(axes, counts.index(chosen) - shift, rows[counts.index(chosen)], split, direction)
        # Evenly spaced: the numbers tried usually double, and would crowd at one end of a true scale.
        axes.set_xticks(range(len(counts)), [f"{count:,}" for count in counts])
        axes.set_xlim(-0.5, len(counts) - 0.5)
        axes.set_xlabel("number of training examples removed")
        axes.set_ylabel(f"change of {label} ({_better_side(direction, 'below', 'above')} 0 is better)")
        axes.set_title(_horizon_title(rows[0]))

    description = "; ".join(
        f"{row.removed} removed: {signed(getattr(row, split))}, at random {signed(getattr(row, f'random_{split}'))}"
        for row in rows
    )
    return svg(
        f"change-{split}-{rows[0].horizon}", f"{_horizon_title(rows[0])}, {split} data. {description}.", 270, paint
    )


def score_histogram(values: np.ndarray, direction: str, label: str, dropped: np.ndarray) -> str:
    """How many examples have which score, the harmful side in orange, a tick below for each removed example."""
    values, dropped = values[np.isfinite(values)], dropped[np.isfinite(dropped)]
    by_removal, removed = harm(values, direction), len(dropped)

    def paint(axes: Axes) -> None:
        # Zero is always an edge, so that no bar is harmful and helpful at once.
        width = max(np.ptp(values) / 48, np.finfo(float).tiny) if len(values) else 1.0
        low, high = (math.floor(values.min() / width), math.ceil(values.max() / width)) if len(values) else (-1, 1)
        edges = np.arange(low, max(high, low + 1) + 1) * width
        counts, _ = np.histogram(values, edges)
        middles = (edges[:-1] + edges[1:]) / 2
        is_harmful = harm(middles, direction) > 0
        for bars, colour in ((is_harmful, HARMFUL), (~is_harmful, HELPFUL)):
            axes.bar(middles[bars], counts[bars], width * 0.92, color=colour, linewidth=0)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_yscale("symlog", linthresh=1, linscale=0.4)  # single examples in the tails stay visible
        top = max(int(counts.max(initial=1)), 1)
        axes.set_ylim(-0.55 if removed else 0, top * 2.2)
        ticks = [0] + [10**power for power in range(math.ceil(math.log10(top + 1)) + 1) if 10**power <= top * 2.2]
        axes.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.minorticks_off()
        axes.plot(dropped, np.full(len(dropped), -0.28), "|", color=HARMFUL, markersize=8, rasterized=many(dropped))
        left, right = ("harmful", "helpful") if direction == "lower" else ("helpful", "harmful")
        for text, place, side in ((f"← {left}", 0.01, "left"), (f"{right} →", 0.99, "right")):
            axes.text(
                place, 0.985, text, transform=axes.transAxes, ha=side, va="top", weight="bold",
                color=HARMFUL if "harmful" in text else HELPFUL,
            )  # fmt: skip
        axes.set_xlabel(f"score: predicted change of {label} if removed")
        axes.set_ylabel("examples (logarithmic)")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(tick))

    description = f"{int((by_removal > 0).sum())} harmful, {int((by_removal < 0).sum())} helpful, {removed} removed"
    return svg("scores", f"Histogram of the scores of {len(values)} training examples: {description}.", 280, paint)


def class_balance(classes: Sequence[ClassCount], most: int = 20) -> str:
    """Examples of each class before and after; of more than ``most`` classes, those that lost the largest share."""
    if len(classes) > most:
        classes = sorted(classes, key=lambda row: (row.after / max(row.before, 1), str(row.name)))[:most]

    def paint(axes: Axes) -> None:
        heights = np.arange(len(classes))[::-1]
        axes.barh(heights, [row.before for row in classes], 0.7, color=HARMFUL, linewidth=0, label="removed")
        axes.barh(heights, [row.after for row in classes], 0.7, color=HELPFUL, linewidth=0, label="kept")
        largest = max([row.before for row in classes], default=1)
        for height, row in zip(heights, classes, strict=True):
            lost = row.before - row.after
            axes.text(row.before + 0.02 * largest, height, f"{MINUS}{lost}" if lost else "0", va="center", color=SOFT)
        axes.set_yticks(heights, [_short(str(row.name)) for row in classes], color=INK)
        axes.set_xlim(0, largest * 1.12)
        axes.set_ylim(-0.6, len(classes) - 0.4)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("training examples (number: how many were removed)")
        axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, handlelength=1)

    description = "; ".join(f"{row.name}: {row.before} before, {row.after} after" for row in classes)
    return svg("classes", f"Class balance before and after. {description}.", 80 + 20 * max(len(classes), 2), paint)


def class_harm(labels: Sequence[str], values: np.ndarray, direction: str, label: str, most: int = 20) -> str:
    """The mean score of each class with its 95 % interval over examples, the most harmful class on top.

    Args:
        labels: the class of each example.
        values: their scores, shape (N,).
        direction: ``lower`` or ``higher`` is better.
        label: short name of the metric.
        most: classes that are drawn; of more, those with the largest means.
    """
    known = np.array(labels)
    rows = []
    for name in dict.fromkeys(labels):
        of_class = values[known == name]
        error = 1.96 * of_class.std(ddof=1) / len(of_class) ** 0.5 if len(of_class) > 1 else 0.0
        rows.append((name, float(of_class.mean()), error, float((harm(of_class, direction) > 0).mean())))
    rows = sorted(rows, key=lambda row: -abs(row[1]))[:most]
    rows.sort(key=lambda row: float(harm(np.array(row[1]), direction)))

    def paint(axes: Axes) -> None:
        for height, (_, mean, error, share) in enumerate(rows):
            colour = HARMFUL if harm(np.array(mean), direction) > 0 else HELPFUL
            axes.plot((mean - error, mean + error), (height, height), color=colour, linewidth=2.4)
            axes.plot(mean, height, "o", color=colour, markersize=6)
            axes.text(1.01, height, f"{share:.0%}", transform=axes.get_yaxis_transform(), va="center", color=SOFT)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_xlim(*limits_of([end for _, mean, error, _ in rows for end in (mean - error, mean + error)]))
        axes.set_yticks(range(len(rows)), [_short(str(name)) for name, *_ in rows], color=INK)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(tick))
        axes.set_xlabel(f"mean score: predicted change of {label} if one is removed")

    description = "; ".join(f"{name}: {signed(mean)}, {share:.0%} harmful" for name, mean, _, share in reversed(rows))
    return svg("class-harm", f"Mean score by class. {description}.", 80 + 20 * max(len(rows), 2), paint)


def score_map(
    x: np.ndarray,
    values: np.ndarray,
    direction: str,
    label: str,
    names: tuple[str, str] = ("first coordinate", "second coordinate"),
) -> str:
    """Where the harmful points lie.

    Points with one coordinate are drawn against their score; of more coordinates the first two are drawn and the score
    is the colour, on a scale that is linear near zero and logarithmic beyond.

    Args:
        x: the points, shape (N, d).
        values: their scores, shape (N,).
        direction: ``lower`` or ``higher`` is better.
        label: short name of the metric.
        names: of the two axes of points with more than one coordinate.
    """

    def paint_line(axes: Axes) -> None:
        harmful = harm(values, direction) > 0
        for side, colour, marker in ((harmful, HARMFUL, "v"), (~harmful, HELPFUL, "^")):
            axes.plot(
                x[side, 0], values[side], marker, color=colour, markersize=3.5, linewidth=0, alpha=0.7,
                label="harmful" if marker == "v" else "helpful", rasterized=many(x),
            )  # fmt: skip
        axes.axhline(0, color=INK, linewidth=1)
        axes.set_xlabel("value of the training example")
        axes.set_ylabel(f"score (change of {label})")
        axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, handletextpad=0.2)

    def paint_plane(axes: Axes) -> None:
        reach = float(np.abs(values).max(initial=0)) or 1.0
        order = np.argsort(np.abs(values), kind="stable")  # the extreme ones on top
        ends = (HARMFUL, "#d9dce1", HELPFUL) if direction == "lower" else (HELPFUL, "#d9dce1", HARMFUL)
        marks = axes.scatter(
            x[order, 0], x[order, 1], 16, values[order], linewidths=0, rasterized=many(x),
            cmap=LinearSegmentedColormap.from_list("harm", ends),
            norm=SymLogNorm(reach / 20, vmin=-reach, vmax=reach),
        )  # fmt: skip
        assert isinstance(axes.figure, Figure)
        bar = axes.figure.colorbar(marks, ax=axes, aspect=30, ticks=[-reach, 0, reach])
        bar.outline.set_visible(False)
        bar.ax.minorticks_off()
        low, high = ("harmful", "helpful") if direction == "lower" else ("helpful", "harmful")
        bar.ax.set_yticklabels([f"{low}\n{signed(-reach)}", "0", f"{high}\n{signed(reach)}"])
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])

    flat = x.shape[1] == 1
    description = "each point against its score" if flat else "training points coloured by their score"
    return svg("map", f"Where the harmful examples lie: {description}.", 290, paint_line if flat else paint_plane)


def density_chart(x: np.ndarray, before: np.ndarray | None, after: np.ndarray | None) -> str:
    """Histograms of points with one coordinate, shape (N, 1): the training data, and samples before and after."""
    shown = [part for part in (x, before, after) if part is not None]
    edges = np.histogram_bin_edges(np.concatenate(shown)[:, 0], 36).tolist()

    def paint(axes: Axes) -> None:
        axes.hist(x[:, 0], edges, density=True, color=LINE, label="training data")
        for part, colour, line, label in ((before, HARMFUL, "--", "before"), (after, HELPFUL, "-", "after")):
            if part is not None:
                axes.hist(
                    part[:, 0],
                    edges,
                    density=True,
                    histtype="step",
                    color=colour,
                    linestyle=line,
                    linewidth=1.8,
                    label=label,
                )
        axes.set_xlabel("value")
        axes.set_ylabel("density")
        axes.legend(
            ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, handlelength=1.2, columnspacing=1
        )

    return svg("density", "Density of the training data and of the samples before and after.", 270, paint)


def cloud_chart(x: np.ndarray, samples: np.ndarray, name: str, limits: tuple[Limits, Limits]) -> str:
    """Samples over the training data, both points (N, d) of which the first two coordinates are drawn.

    Args:
        x: the training data.
        samples: the samples.
        name: ``before`` or ``after``.
        limits: of the two axes, so that two charts can be compared (`cloud_limits`).
    """

    def paint(axes: Axes) -> None:
        axes.plot(x[:, 0], x[:, 1], "o", color=LINE, markersize=3.5, label="training data", rasterized=many(x))
        axes.plot(
            samples[:, 0], samples[:, 1], "o", color=HARMFUL if name == "before" else HELPFUL, markersize=3, alpha=0.75,
            label=f"samples {name}", rasterized=many(samples),
        )  # fmt: skip
        axes.set(xlim=limits[0], ylim=limits[1], xlabel="first coordinate", ylabel="second coordinate")
        axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, handletextpad=0.2)

    return svg(f"cloud-{name}", f"{len(samples)} samples {name} over the training data.", 310, paint)


def cloud_limits(*parts: np.ndarray | None) -> tuple[Limits, Limits]:
    """Limits of both axes that show all of several sets of points (N, d)."""
    points = np.concatenate([part[:, :2] for part in parts if part is not None])
    return limits_of(points[:, 0].tolist(), zero=False), limits_of(points[:, 1].tolist(), zero=False)


def _curve(axes: Axes, rows: Sequence[GridRow], key: str, shift: float, **style: Any) -> None:
    points = [
        (place + shift, getattr(row, key), getattr(row, f"{key}_ci95"))
        for place, row in enumerate(rows)
        if finite(getattr(row, key))
    ]
    axes.plot([place for place, _, _ in points], [value for _, value, _ in points], **style)
    for place, _, ends in points:
        if has_interval(ends):
            axes.plot((place, place), ends, color=style["color"], linewidth=1.2)


def _mark_chosen(axes: Axes, place: float, row: GridRow, split: str, direction: str) -> None:
    """A ring around the chosen point, named beyond the end of its interval that lies on the better side."""
    value, ends = getattr(row, split), getattr(row, f"{split}_ci95")
    low, high = ends if has_interval(ends) else (value, value)
    below = direction == "lower"
    axes.plot(place, value, "o", markersize=13, markerfacecolor="none", markeredgecolor=INK)
    axes.annotate(
        "chosen", (place, min(low, value) if below else max(high, value)), (0, -9 if below else 9),
        textcoords="offset points", ha="center", va="top" if below else "bottom", weight="bold",
    )  # fmt: skip


def _horizon_title(row: GridRow) -> str:
    return f"Last {stretch(row.horizon, row.epochs)}"


def _better_side(direction: str, low: str, high: str) -> str:
    return low if direction == "lower" else high


def _mark_better(span: Callable[..., Any], direction: str, limits: Limits) -> None:
    span(*((limits[0], 0) if direction == "lower" else (0, limits[1])), color=HELPFUL, alpha=0.08, linewidth=0)


def _short(name: str, longest: int = 18) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"
