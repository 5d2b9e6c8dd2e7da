"""The curves, bars and densities of the page, as SVG files; what the papers published is dashed."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from scipy import stats

from gansift.report.drawing import HARMFUL, HELPFUL, INK, LINE, RANDOM, STYLE, limits_of
from papers import published
from papers.accuracy_tables import STATISTICS, estimators, over_the_whole_run, percentiles
from papers.cleansing_tables import (
    by_share,
    label_totals,
    published_relative,
    relative,
    scorers,
    unit,
)
from papers.markdown import metric_name, percent, retraining_name, scorer_name
from papers.published import Number
from papers.summary import DIRECTIONS, Experiment, Sample, Way, by_horizon, ways

#: Mark and colour of everything that chooses examples, the same in every panel.
_LOOKS = {
    "itd all": ("o", HARMFUL), "itd fid": ("o", HARMFUL), "itd is": ("D", HELPFUL),
    "discriminator-loss": ("s", "#7c3aed"), "isolation-forest": ("^", "#0f766e"), "random": ("x", RANDOM),
}  # fmt: skip
_DIVERGING = LinearSegmentedColormap.from_list("harm", [HELPFUL, "#f3f4f6", HARMFUL])
#: Mean and standard deviation of the 1-D data.
_TRUE_NORMAL = (1.0, 1.5)


# Shares up to which every mean is in the picture.
_SHOWN = 0.5


def accuracy(panels: Mapping[str, Experiment | None]) -> str:
    """Kendall's tau above, Jaccard below, against epochs looked back; one column for each metric."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 5), layout="constrained")
        grid = figure.subplots(2, len(panels), sharex="col", sharey="row", squeeze=False)
        for row, (statistic, title) in zip(grid, STATISTICS.items(), strict=True):
            row[0].set_ylabel(title)
            for axes, (metric, experiment) in zip(row, panels.items(), strict=True):
                _agreement(axes, experiment, statistic, metric)
        for axes, metric in zip(grid[0], panels, strict=True):
            axes.set_title(metric_name(metric))
        for axes in grid[1]:
            axes.set_xlabel("epochs looked back")
        grid[0][0].legend(loc="lower left")
        return _svg(figure)


def _agreement(axes: Axes, experiment: Experiment | None, statistic: str, metric: str) -> None:
    theirs = published.ACCURACY[statistic, metric].points
    axes.plot(
        list(theirs), [one.mean for one in theirs.values()], "D--", color=RANDOM, label="published", markersize=4.5
    )
    ours: dict[float, Sample] = {}
    if experiment is not None:
        found = by_horizon(experiment, statistic, metric=metric, estimator="itd")
        ours = {epochs: one for epochs, one in found.items() if one.values}
    _with_band(axes, list(ours), list(ours.values()), "o", HARMFUL, "ours, 95 %")
    ticks = sorted({*theirs, *ours})
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{epochs:g}" for epochs in ticks])
    axes.minorticks_off()
    lowest = min([one.mean for one in ours.values() if one.mean is not None], default=0.0)
    axes.set_ylim(min(0.0, lowest - 0.05, axes.get_ylim()[0]), 1.03)  # the panels of a row share it
    axes.axhline(0, color=LINE, linewidth=1, zorder=0)


def cleansing(experiment: Experiment | None, metric: str) -> str:
    """Change of the metric by share removed, one-epoch retraining: ours on the left, published on the right."""
    names = scorers(experiment, metric, "one-epoch", theirs=True)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 4), layout="constrained")
        ours, theirs = figure.subplots(1, 2)
        what = unit(metric) if metric == "all" else f"{metric_name(metric)}, % of the value before"
        (theirs if experiment is None else ours).set_ylabel(f"change of test {what}")
        ours.set_title("ours, 95 %" if experiment is not None else "ours: not run")
        theirs.set_title("published")
        if experiment is None:
            ours.set_axis_off()
        else:
            _curves(ours, {name: relative(experiment, name, metric) for name in names})
        _curves(theirs, {name: published_relative(name, metric) for name in names})
        handles, labels = theirs.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        return _svg(figure)


def _curves(axes: Axes, curves: Mapping[str, Mapping[float, Sample] | Mapping[float, Number]]) -> None:
    """Lines at evenly spaced shares; what ruins the generator may leave the picture."""
    columns = sorted({share for curve in curves.values() for share in curve})
    for name, points in curves.items():
        curve = {share: one for share, one in points.items() if one.mean is not None}
        mark, colour = _LOOKS.get(name, ("v", INK))
        places = [columns.index(share) for share in curve]
        if all(isinstance(one, Number) for one in curve.values()):
            axes.plot(places, [one.mean for one in curve.values()], mark + "--", color=colour, label=scorer_name(name))
        else:
            _with_band(axes, places, list(curve.values()), mark, colour, scorer_name(name))
    seen = [one.mean for name, curve in curves.items() if name != "isolation-forest"
            for share, one in curve.items() if share <= _SHOWN]  # fmt: skip
    low, high = limits_of(seen)
    axes.set_ylim(low - (high - low) / 4, high + (high - low) / 4)
    axes.axhline(0, color=INK, linewidth=0.8, zorder=0)
    axes.set_xticks(range(len(columns)), [percent(share).removesuffix(" %") for share in columns])
    axes.set_xlabel("% removed")


def estimators_by_metric(panels: Mapping[str, Experiment]) -> str:
    """TNNLS Figure 1: Kendall's tau of ITD and AID over the whole run, bars from the 10th to the 90th percentile."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        for axes, (metric, experiment) in zip(
            figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels.items(), strict=True
        ):
            names = estimators(experiment, metric)
            for place, name in enumerate(names):
                kendall = over_the_whole_run(experiment, metric, name)
                if kendall.mean is not None:
                    colour = HARMFUL if name == "itd" else HELPFUL
                    axes.bar(place, kendall.mean, color=colour, width=0.6, alpha=0.75)
                    axes.plot((place, place), percentiles(kendall), color=INK, linewidth=1.4)
                else:
                    axes.text(place, 0.02, "none", ha="center", rotation=90)
            labels = ["ITD" if name == "itd" else f"AID\n{name.removeprefix('aid-')}" for name in names]
            axes.set_xticks(range(len(names)), labels)
            axes.set_title(f"{metric_name(metric)}, {experiment.name}")
            axes.axhline(0, color=INK, linewidth=0.8)
            axes.set_ylabel("Kendall's tau")
        return _svg(figure)


def retrainings(panels: Mapping[str, Experiment]) -> str:
    """TNNLS Figure 2: change of test metrics, one column for each metric, one row for each retraining."""
    rows = list(dict.fromkeys(way.retraining for experiment in panels.values() for way in ways(experiment)))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 2.9 * len(rows) + 0.5), layout="constrained")
        grid = figure.subplots(len(rows), len(panels), squeeze=False)
        labels: dict[str, Any] = {}
        for row, retraining in zip(grid, rows, strict=True):
            for axes, (metric, experiment) in zip(row, panels.items(), strict=True):
                names = scorers(experiment, metric, retraining, theirs=False)
                curves = {name: by_share(experiment, Way(name, retraining), metric) for name in names}
                axes.set_title(f"{unit(metric)}, {retraining_name(retraining)}{'' if curves else ': not run'}")
                if not curves:
                    axes.set_axis_off()
                    continue
                _curves(axes, curves)
                handles, found = axes.get_legend_handles_labels()
                labels |= {label: handle for label, handle in zip(found, handles, strict=True) if label not in labels}
            row[0].set_ylabel("change on test data")
        figure.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=3)
        return _svg(figure)


def one_dimension(seed: Mapping[str, Any]) -> str:
    """TNNLS Figure 3: training points coloured by mean score of their bin, and densities of truth and samples."""
    bins, samples = seed["bins"], seed["samples"]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        histogram, densities = figure.subplots(1, 2)
        scores = np.array(bins["mean_score"], dtype=float)  # null, where a bin is empty, becomes NaN
        largest = float(np.nanmax(np.abs(scores))) or 1.0
        colours = Normalize(-largest, largest)
        width = bins["centres"][1] - bins["centres"][0]
        histogram.bar(
            bins["centres"], bins["count"], width, color=_DIVERGING(colours(np.nan_to_num(scores))), edgecolor=LINE
        )
        bar = figure.colorbar(matplotlib.cm.ScalarMappable(colours, _DIVERGING), ax=histogram)
        bar.set_label("mean score, last epoch: change of ALL")
        bar.formatter.set_powerlimits((-2, 3))
        histogram.set_title("training points: orange is harmful")
        histogram.set_ylabel("points")
        every = [value for points in samples.values() for value in points or ()]
        line = np.linspace(min(-3.5, *every), max(5.5, *every), 200)
        densities.plot(line, stats.norm(*_TRUE_NORMAL).pdf(line), color=INK, label="truth, N(1, 1.5²)")
        for key, label, colour, dashes in (
            ("before", "without removal", RANDOM, "--"), ("after", "cleansed", HARMFUL, "-"),
        ):  # fmt: skip
            if samples.get(key):
                density = stats.gaussian_kde(samples[key])(line)
                densities.plot(line, density, dashes, color=colour, label=label)
        densities.set_title("densities")
        densities.set_ylim(0, 1.45 * densities.get_ylim()[1])  # room for the legend
        densities.legend(loc="upper left")
        return _svg(figure)


def labels(experiment: Experiment, metric: str) -> str:
    """TNNLS Figure 4: total score of every class, with the standard deviation over seeds."""
    totals = {label: one for label, one in label_totals(experiment, metric).items() if one.values}
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        axes = figure.subplots()
        harmful = [(one.mean < 0) == (DIRECTIONS[metric] == "lower") for one in totals.values()]
        axes.bar(
            list(totals), [one.mean for one in totals.values()], yerr=[one.deviation or 0.0 for one in totals.values()],
            color=[HARMFUL if is_harmful else HELPFUL for is_harmful in harmful], ecolor=INK, width=0.65,
        )  # fmt: skip
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_ylabel(f"change of {metric_name(metric)} if removed")
        axes.set_xlabel("class")
        axes.set_title("sum of scores: orange is harmful")
        return _svg(figure)


def _with_band(axes: Axes, places: Sequence[float], ours: Sequence[Sample], mark: str, colour: str, label: str) -> None:
    axes.plot(places, [one.mean for one in ours], mark + "-", color=colour, label=label)
    ends = [one.ci95 or (np.nan, np.nan) for one in ours]
    axes.fill_between(places, [low for low, _ in ends], [high for _, high in ends], color=colour, alpha=0.13, lw=0)


def _svg(figure: Figure) -> str:
    """Without a date, and with the same ids for the same drawing. The ground is white for readers of a dark page.

    Text stays text; where its font is missing, one of the same width stands in.
    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=nothing, facecolor="white")
    return buffer.getvalue().replace("font-family: 'DejaVu Sans'", "font-family: 'DejaVu Sans', Verdana, sans-serif")
