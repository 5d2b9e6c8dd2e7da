"""The sections of the page, one for each group of experiments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gansift.report.words import number
from papers import accuracy_tables, cleansing_tables, figures, published
from papers.frame import Page, joined
from papers.introduction import introduction
from papers.markdown import NOT_AVAILABLE, counted, metric_name, percent, table
from papers.summary import PICTURES, Experiment, best_removal, ways

_THEIR_NETWORK = "published, their network"


def render(page: Page) -> str:
    """The whole page. Leaves its figures in ``page.svgs``."""
    return joined(
        introduction(page),
        "## 1. ICLR 2021: is the estimate accurate?",
        _iclr_accuracy(page),
        "## 2. ICLR 2021: does removal help?",
        _iclr_cleansing(page),
        "## 3. TNNLS 2025",
        *(section(page) for section in (_figure_1, _figure_2, _figure_3, _figure_4, _figure_5)),
        "Figures 6 to 10 and the nine tables: not available, not even what they are of.",
        "## 4. Beyond the papers",
        _beyond(page),
        "## 5. What agrees, and what does not",
        _agreement(page),
    )


def _iclr_accuracy(page: Page) -> str:
    points, images = page.results.get("iclr-accuracy-2d"), page.results.get("iclr-accuracy-mnist")
    panels = {"all": points, "fid": images, "log-is": images}
    return joined(
        f"""\
Figure 1 of the paper: scores of the last k epochs beside retraining without each single example. Kendall's τ compares
all of them, Jaccard the 5 % at each end (chance gives {published.CHANCE_JACCARD} with the paper's 200 examples, and
another number with fewer). Published are means over {published.ACCURACY_SEEDS} seeds; their deviations are
{NOT_AVAILABLE}. Of IS the paper takes the logarithm here.

The last five rows of a table are ours alone. *Slope* is that of true on predicted changes, 1 where sizes are right.
*Growth* and belief are what gansift says [without any retraining](trust.md#how-far-back). *Rounding* is what the metric
changes by when the same float32 steps are redone in float64 with nobody left out, in standard deviations of what
leaving out single examples changes: where it nears 1, nobody can predict that. A dash: training was in float64.
*Reliability of the truth* is the rank correlation of true effects between two seeds, mean over their pairs: how far an
effect belongs to an example, not to one training. It limits what scores of one training say about another, not what
they say about their own. Jaccard is judged only where as many examples were left out as in the paper.""",
        page.absent("iclr-accuracy-2d"),
        page.absent("iclr-accuracy-mnist"),
        page.figure("accuracy", "Kendall's tau and Jaccard by epochs, ours and published", figures.accuracy(panels)),
        *(
            f"### {metric_name(metric)}\n\n{accuracy_tables.accuracy_table(experiment, metric)}"
            for metric, experiment in panels.items()
        ),
        "### ALL beside AID, which the paper does not have" if points else "",
        accuracy_tables.estimator_table(points, "all") if points else "",
        "### One and five epochs with half of the paper's images",
        page.absent("iclr-accuracy-mnist-short"),
        *_by_metric(page.results.get("iclr-accuracy-mnist-short")),
        "### An example as light as in the paper",
        page.absent("beyond-accuracy-light"),
        *_light(page.results.get("beyond-accuracy-light")),
        page.comment("iclr-accuracy"),
    )


def _light(light: Experiment | None) -> list[str]:
    if light is None:
        return []
    settings = light.settings
    return [
        f"""\
One of {published.SETTINGS["iclr-accuracy-mnist"]["train"]:,} examples pushes a training less than one of
{settings["train"]:,}. The same scores beside what happens if each example loses {percent(settings["share"])} of its
weight, in place of all:""",
        *_by_metric(light),
    ]


def _by_metric(experiment: Experiment | None) -> list[str]:
    if experiment is None:
        return []
    return [
        f"#### {metric_name(metric)}\n\n{accuracy_tables.accuracy_table(experiment, metric)}"
        for metric in experiment.settings["metrics"]
    ]


def _iclr_cleansing(page: Page) -> str:
    experiments = {"all": "iclr-cleansing-2d", "fid": "iclr-cleansing-mnist", "is": "iclr-cleansing-mnist"}
    return joined(
        f"""\
Figures 2 to 4 and Tables 9 to 12 of the paper: the worst examples are removed, the last epoch is redone from its start,
and the test metric compared with before. Published are means over {published.CLEANSING_SEEDS} seeds. Shares make ours
and theirs comparable; the numbers behind them stand in the first rows.

**Bold** is a significant improvement and *italics* a significant deterioration: one-sample t test over seeds at 5 %,
two-sided, not corrected for the number of columns; for published numbers from the rounded mean and deviation, where one
was printed. † is a significant advantage over as many removed at random, paired by seed.

*Point by point* sets influences beside each other in per cent of the value before removal, published ones divided by
the published value, since FID and IS of other features and sizes have another scale; ALL is compared as it is. What
is judged better or worse is the difference from random removal, since a retraining of other sizes gains and loses by
removal itself. *Predicted by its scores* is the sum of the removed examples' scores.

*Chosen on validation data* is the number with the best mean change there over seeds, among those that every seed has;
none, if that is not an improvement. Test changes have 95 % intervals and two-sided t tests. In the last column every
seed is judged at the number that the other seeds choose, which is free of the optimism of choosing the best of many.
*Chosen by every seed for itself* is what somebody with one training can do: the number that is best on its own
validation data, or nothing where none helps there; random removal is given the same choice. *Single seeds* were
published of a few; ours draw other random numbers, so only the range over seeds compares.""",
        page.absent("iclr-cleansing-2d"),
        page.absent("iclr-cleansing-mnist"),
        *(_cleansing(page, page.results.get(name), metric) for metric, name in experiments.items()),
        "What the paper's notebooks show besides: " + " ".join(published.ICLR_SAYS),
        page.comment("iclr-cleansing"),
    )


def _cleansing(page: Page, experiment: Experiment | None, metric: str) -> str:
    """One metric of the ICLR paper: all that chose, point by point, the choice on validation data, single seeds."""
    shown = f"Change of test {metric_name(metric)} by share removed, ours and published"
    parts = [
        f"### {metric_name(metric)}",
        page.figure(f"cleansing-{metric}", shown, figures.cleansing(experiment, metric)),
        "What ruins the generator may leave the picture.",
        cleansing_tables.change_table(experiment, metric, "one-epoch"),
    ]
    if experiment is not None:
        parts += ["Point by point:", cleansing_tables.point_table(experiment, metric), *_chosen(experiment, metric)]
    if any(one.metric == metric for one in published.SINGLE_SEEDS):
        parts += ["Single seeds:", cleansing_tables.single_seeds_table(experiment, metric)]
    return joined(*parts)


def _chosen(experiment: Experiment, metric: str) -> list[str]:
    return [
        "Chosen on validation data:",
        cleansing_tables.chosen_table(experiment, metric),
        "Chosen by every seed for itself:",
        cleansing_tables.own_choice_table(experiment, metric),
    ]


def _tnnls(figure: int) -> str:
    about = published.TNNLS[figure]
    values = f" Its values: {NOT_AVAILABLE}." if about.values is None else ""
    said = "; ".join(f"{statement} ({published.SOURCES[source]})" for statement, source in about.says)
    return joined(
        f"### Figure {figure}",
        f"Published: {about.shows}.{values}{f' Said of it: {said}.' if said else ''}",
    )


def _figure_1(page: Page) -> str:
    experiments = {"all": "tnnls-accuracy-lqgan", "log-is": "iclr-accuracy-mnist"}
    panels = {metric: page.results[name] for metric, name in experiments.items() if name in page.results}
    return joined(
        _tnnls(1),
        *(page.absent(name) for name in experiments.values()),
        page.figure("tnnls-1", "Kendall's tau of ITD and AID", figures.estimators_by_metric(panels)) if panels else "",
        *(
            f"{metric_name(metric)}, {experiment.name}:\n\n{accuracy_tables.estimator_table(experiment, metric)}"
            for metric, experiment in panels.items()
        ),
        page.comment("tnnls-figure-1"),
    )


def _figure_2(page: Page) -> str:
    experiments = {"all": "tnnls-cleansing-1d", "is": "iclr-cleansing-mnist", "fid": "iclr-cleansing-mnist"}
    panels = {metric: page.results[name] for metric, name in experiments.items() if name in page.results}
    parts = [_tnnls(2), *(page.absent(name) for name in dict.fromkeys(experiments.values()))]
    if panels:
        parts.append(page.figure("tnnls-2", "Change of test metrics by share removed", figures.retrainings(panels)))
    for metric, experiment in panels.items():
        if experiment.name == "tnnls-cleansing-1d":
            parts += [f"{metric_name(metric)}, {experiment.name}:", *_all_changes(experiment, metric, theirs=None)]
        beside = cleansing_tables.retrainings_table(experiment, metric)
        parts += [f"{metric_name(metric)}, {experiment.name}, one epoch beside longer:", beside] if beside else []
    return joined(*parts, page.comment("tnnls-figure-2"))


def _all_changes(experiment: Experiment, metric: str, theirs: str | None) -> list[str]:
    """Tables of every retraining, the published ones with one epoch, and of the choice."""
    parts = []
    for retraining in dict.fromkeys(way.retraining for way in ways(experiment)):
        beside = theirs if retraining == "one-epoch" else None
        parts.append(f"Redone: {cleansing_tables.retraining_name(retraining)}.")
        parts.append(cleansing_tables.change_table(experiment, metric, retraining, beside))
    return [*parts, *_chosen(experiment, metric)]


def _figure_3(page: Page) -> str:
    experiment = page.results.get("tnnls-cleansing-1d")
    seed = next((seed for seed in experiment.seeds if "bins" in seed), None) if experiment is not None else None
    shown = ""
    if seed is not None:
        shown = page.figure("tnnls-3", "Mean score by bin, and densities", figures.one_dimension(seed))
        shown += f"\n\nOurs is seed {seed['seed']}; {_removal(seed, 'all')}."
    return joined(_tnnls(3), page.absent("tnnls-cleansing-1d"), shown, page.comment("tnnls-figure-3"))


def _figure_4(page: Page) -> str:
    name = "iclr-cleansing-mnist"
    experiment = page.results.get(name)
    parts = [_tnnls(4), page.absent(name)]
    if experiment is not None and cleansing_tables.label_totals(experiment, "fid"):
        totals = cleansing_tables.label_totals(experiment, "fid")
        ours = " and ".join(cleansing_tables.most_harmful(totals, "fid", len(published.HARMFUL_DIGITS)))
        parts += [
            page.figure("tnnls-4", "Sum of scores by digit", figures.labels(experiment, "fid")),
            cleansing_tables.label_table(experiment, "fid"),
            f"Most harmful for FID, by scores of the last epoch: ours {ours or 'none'}; published "
            f"{' and '.join(published.HARMFUL_DIGITS)}.",
            _samples(page, experiment),
        ]
    return joined(*parts, page.comment("tnnls-figure-4"))


def _samples(page: Page, experiment: Experiment) -> str:
    seed = experiment.seeds[0]["seed"]
    file = f"{experiment.name}/seed-{seed}-samples.png"
    if not (Path(page.folder) / file).is_file():
        return "Samples before and after were not saved."
    about = f"Samples from the same latents before and after, seed {seed}; {_removal(experiment.seeds[0], 'fid')}"
    return f"{about}:\n\n![samples]({page.link}/{file})"


def _removal(seed: Mapping[str, Any], metric: str) -> str:
    """Which removal figures show as cleansed."""
    best = best_removal(seed, metric)
    if best is None:
        return "no retraining held"
    redone = cleansing_tables.retraining_name(best["retraining"])
    return f"cleansed is the best on validation data: {best['removed']:,} removed, {redone} redone"


def _figure_5(page: Page) -> str:
    parts = [_tnnls(5), page.absent(PICTURES)]
    if page.pictures is not None:
        kinds = [kind for kind in ("harmful", "helpful", "random") if kind in page.pictures]
        rows = []
        for kind in kinds:
            scores = [one["score"] for one in page.pictures[kind]]
            cells = [number(value, 3) for value in (min(scores), sum(scores) / len(scores), max(scores))]
            rows.append([kind, str(len(scores)), *cells])
        parts += [
            f"Ours: {page.pictures['run']}. In rows: {', '.join(kinds)}.",
            f"![the most harmful, the most helpful and random images]({page.link}/{PICTURES}/images.png)",
            table(["images", "number", "lowest score", "mean score", "highest score"], rows),
        ]
    return joined(*parts, page.comment("tnnls-figure-5"))


def _beyond(page: Page) -> str:
    smooth, accuracy = (page.results.get(f"beyond-accuracy-{name}") for name in ("2d", "mnist"))
    parts = [
        """\
What changes if the training is made to be predicted. On the 2-D normal only the activation is another: the papers'
FCGAN with a smooth one. On images it is gansift's own preset (smooth networks, alternating Adam, R1, an averaged
generator): for accuracy with its schedule of the learning rate, for removal at a constant rate, since at the end of a
decay no removal changes much. Published numbers beside them are those of the papers' networks and sizes: they show what
is to be had, not the same thing done again.

*Redone* says how far back: over the last epoch, the last five, the whole run, or the longest horizon that gansift
believes. *The best of these* chooses horizon and number together on validation data.""",
        "### Accuracy, ALL on the 2-D normal with a smooth activation in place of ReLU",
        page.absent("beyond-accuracy-2d"),
    ]
    if smooth is not None:
        parts.append(accuracy_tables.accuracy_table(smooth, "all", _THEIR_NETWORK))
        parts.append(accuracy_tables.estimator_table(smooth, "all"))
    parts += ["### Accuracy, FID on MNIST", page.absent("beyond-accuracy-mnist")]
    if accuracy is not None:
        parts.append(accuracy_tables.accuracy_table(accuracy, "fid", _THEIR_NETWORK))
        parts.append(accuracy_tables.own_horizon(accuracy, "fid"))
        parts.append(accuracy_tables.estimator_table(accuracy, "fid"))
    parts.append(page.comment("beyond-accuracy"))
    for name, data in (("beyond-cleansing-mnist", "MNIST"), ("beyond-cleansing-fashion", "Fashion-MNIST")):
        parts += [f"### Removal on {data}", page.absent(name)]
        if name in page.results:
            parts += _beyond_cleansing(page.results[name], _THEIR_NETWORK if data == "MNIST" else None)
    return joined(*parts, page.comment("beyond-cleansing"))


def _beyond_cleansing(experiment: Experiment, theirs: str | None) -> list[str]:
    parts = []
    for metric in experiment.settings["metrics"]:
        parts += [f"#### {metric_name(metric)}", *_all_changes(experiment, metric, theirs)]
        parts.append(cleansing_tables.retrainings_table(experiment, metric))
    parts.append(cleansing_tables.verification(experiment))
    if cleansing_tables.label_totals(experiment, "fid"):
        parts.append(cleansing_tables.label_table(experiment, "fid"))
    return parts


def _agreement(page: Page) -> str:
    rows = []
    for metric, name in (
        ("all", "iclr-accuracy-2d"),
        ("fid", "iclr-accuracy-mnist"),
        ("log-is", "iclr-accuracy-mnist"),
        ("fid", "iclr-accuracy-mnist-short"),
        ("log-is", "iclr-accuracy-mnist-short"),
    ):
        short = ", more images" if name.endswith("short") else ""
        for statistic, title in accuracy_tables.STATISTICS.items():
            found = accuracy_tables.verdicts(page.results.get(name), statistic, metric)
            rows.append(_tally(f"accuracy, {metric_name(metric)}{short}: {title}", found))
    for metric, name in (("all", "iclr-cleansing-2d"), ("fid", "iclr-cleansing-mnist"), ("is", "iclr-cleansing-mnist")):
        for scored_by in cleansing_tables.influences(metric):
            found = cleansing_tables.verdicts(page.results.get(name), scored_by, metric)
            rows.append(_tally(f"removal by {cleansing_tables.scorer_name(scored_by)}: {metric_name(metric)}", found))
    return joined(
        "Of the published points, ours are:",
        table(["experiment", "points", "better", "worse", "open", "no number of ours"], rows),
        "Of the TNNLS paper no value could be seen, so nothing is counted.",
        page.comment("agreement"),
    )


def _tally(title: str, found: Mapping[float, str | None]) -> list[str]:
    counts = counted(found)
    return [title, str(len(found)), *map(str, counts.values()), str(len(found) - sum(counts.values()))]
