"""What removal does to test metrics: ours beside what the papers published."""

# ruff: noqa: RUF001  the multiplication sign is meant

from __future__ import annotations

from collections.abc import Mapping

from gansift.report.words import MISSING
from papers import published
from papers.markdown import (
    decimals_for,
    fixed,
    mean_deviation,
    mean_interval_cell,
    metric_name,
    percent,
    probability,
    published_cell,
    retraining_name,
    scorer_name,
    table,
)
from papers.published import Number
from papers.summary import (
    DIRECTIONS,
    LEVEL,
    Experiment,
    Sample,
    Way,
    changes,
    chosen,
    compared,
    entries,
    improves,
    own_choice,
    published_p,
    quality,
    sample,
    shares,
    ways,
)

#: Changes by the share of the training examples that was removed.
ByShare = dict[float, Sample]
#: What stands where an experiment has no number of ours.
NOT_RUN = "not run"
_BASELINES = ("discriminator-loss", "isolation-forest", "random")
_MARKS = {"better": "**", "worse": "*", "": ""}


def share_of(removed: int, examples: int) -> float:
    """A share that is the same number for the same share of any data."""
    return round(removed / examples, 4)


def by_share(experiment: Experiment | None, way: Way, metric: str, split: str = "test") -> ByShare:
    """Our changes, in the unit of the published ones."""
    if experiment is None:
        return {}
    of_number = shares(experiment)
    found = changes(experiment, way, split, metric)
    return {round(of_number[removed], 4): one.scaled(_scale(metric)) for removed, one in found.items()}


def published_by_share(metric: str, scored_by: str) -> dict[float, Number]:
    """Published changes after one-epoch retraining; empty where none were."""
    curve = published.CLEANSING.get(metric, {}).get(scored_by)
    points = curve.points if curve is not None else {}
    return {share_of(removed, published.CLEANSED_FROM): number for removed, number in points.items()}


def unit(metric: str) -> str:
    """What changes of the metric are given in, as a heading says it."""
    return f"{metric_name(metric)} × {_scale(metric)}" if _scale(metric) != 1 else metric_name(metric)


def scorers(experiment: Experiment | None, metric: str, retraining: str, theirs: bool) -> list[str]:
    """What chose examples, influences first: ours, and where ``theirs`` the published."""
    found = [way.scored_by for way in ways(experiment, retraining)] if experiment is not None else []
    found += [name for name in published.CLEANSING.get(metric, {}) if theirs and name not in found]
    return [name for name in found if name not in _BASELINES] + [name for name in _BASELINES if name in found]


def change_table(experiment: Experiment | None, metric: str, retraining: str, theirs: str | None = "published") -> str:
    """Columns are shares removed; for everything that chose, ours above published.

    Args:
        experiment: None if it was not run.
        metric: to show.
        retraining: of ours.
        theirs: what published rows are called; None: without them.
    """
    names = scorers(experiment, metric, retraining, theirs is not None)
    ours = {name: by_share(experiment, Way(name, retraining), metric) for name in names}
    known = {name: published_by_share(metric, name) if theirs else {} for name in names}
    columns = sorted({share for found in (*ours.values(), *known.values()) for share in found})
    decimals = decimals_for([one for found in ours.values() for one in found.values()])
    rows = []
    if experiment is not None:
        numbers = {round(share, 4): removed for removed, share in shares(experiment).items()}
        rows.append(["*removed, ours*", *(f"{numbers[share]:,}" if share in numbers else MISSING for share in columns)])
    if theirs:
        rows.append([f"*removed, {theirs}*", *(f"{round(share * published.CLEANSED_FROM):,}" for share in columns)])
    for name in names:
        if ours[name]:
            random = ours.get("random", {}) if name != "random" else {}
            cells = [_our_cell(ours[name].get(share), random.get(share), metric, decimals) for share in columns]
            rows.append([f"{scorer_name(name)}, ours", *cells])
        if name == f"itd {metric}" and ours[name]:
            promised = _predicted(experiment, Way(name, retraining), metric)
            rows.append(
                ["predicted by its scores", *(mean_deviation(promised.get(s), decimals, True) for s in columns)]
            )
        if known[name]:
            rows.append([f"{scorer_name(name)}, {theirs}", *(_their_cell(known[name].get(s), metric) for s in columns)])
    return table([f"change of {unit(metric)}", *map(percent, columns)], rows)


def _predicted(experiment: Experiment | None, way: Way, metric: str) -> ByShare:
    """The sums of the scores, in the unit of the published changes."""
    if experiment is None:
        return {}
    found = {}
    for removed, share in shares(experiment).items():
        wanted = {"scored_by": way.scored_by, "retraining": way.retraining, "removed": removed}
        found[round(share, 4)] = entries(experiment, "predicted", **wanted).scaled(_scale(metric))
    return found


def _our_cell(ours: Sample | None, random: Sample | None, metric: str, decimals: int) -> str:
    if ours is None or not ours.by_seed:
        return MISSING
    mark = _MARKS[improves(ours, metric)]
    dagger = " †" if random is not None and improves(ours.minus(random), metric) == "better" else ""
    return f"{mark}{mean_deviation(ours, decimals, plus=True)}{mark}{dagger}"


def _their_cell(number: Number | None, metric: str) -> str:
    p = None if number is None else published_p(number, published.CLEANSING_SEEDS)
    if number is None or p is None or p >= LEVEL:
        return published_cell(number, plus=True)
    mark = _MARKS["better" if (number.mean < 0) == (DIRECTIONS[metric] == "lower") else "worse"]
    return f"{mark}{published_cell(number, plus=True)}{mark}"


# Point by point


def relative(experiment: Experiment | None, scored_by: str, metric: str) -> ByShare:
    """Our one-epoch changes in the unit of the comparison: per cent of the value before; of ALL, hundredths."""
    ours = by_share(experiment, Way(scored_by, "one-epoch"), metric)
    if experiment is None or metric == "all":
        return ours
    factors = {seed: 100 / value for seed, value in quality(experiment, metric, "trained").by_seed.items() if value}
    return {share: one.scaled(factors) for share, one in ours.items()}


def published_relative(scored_by: str, metric: str) -> dict[float, Number]:
    """Published changes in the same unit."""
    factor = 1.0 if metric == "all" else 100 / published.BEFORE["iclr-cleansing-mnist"][metric]
    return {
        share: Number(number.mean * factor, None if number.deviation is None else number.deviation * factor)
        for share, number in published_by_share(metric, scored_by).items()
    }


def less_random(experiment: Experiment | None, scored_by: str, metric: str) -> ByShare:
    """Our one-epoch changes less those of random removal, seed by seed, in the unit of the comparison."""
    random = relative(experiment, "random", metric)
    ours = relative(experiment, scored_by, metric)
    return {share: one.minus(random[share]) for share, one in ours.items() if share in random}


def published_less_random(scored_by: str, metric: str) -> dict[float, Number]:
    """The difference of the published means; its deviation is not known."""
    random = published_relative("random", metric)
    found = published_relative(scored_by, metric)
    return {share: Number(number.mean - random[share].mean) for share, number in found.items()}


def verdicts(experiment: Experiment | None, scored_by: str, metric: str) -> dict[float, str | None]:
    """Whether ours, less random removal, is better or worse at each published share."""
    ours = less_random(experiment, scored_by, metric)
    return {
        share: compared(ours[share], theirs, DIRECTIONS[metric], published.CLEANSING_SEEDS) if share in ours else None
        for share, theirs in published_less_random(scored_by, metric).items()
    }


def influences(metric: str) -> list[str]:
    """The published influences whose removals were judged by the metric."""
    return [name for name in published.CLEANSING[metric] if name.startswith("itd")]


def point_table(experiment: Experiment, metric: str, theirs: str = "published") -> str:
    """Influences alone, one-epoch retraining: ours, published, and whether ours is better or worse."""
    rows, columns = [], sorted(published_by_share(metric, influences(metric)[0]))
    decimals = 2 if metric == "all" else 1
    for name in influences(metric):
        ours, known = relative(experiment, name, metric), published_relative(name, metric)
        if not ours:
            continue
        ours_more, more = less_random(experiment, name, metric), published_less_random(name, metric)
        found = verdicts(experiment, name, metric)
        rows += [
            [f"{scorer_name(name)}, ours", *(mean_deviation(ours.get(s), decimals, plus=True) for s in columns)],
            [f"{scorer_name(name)}, {theirs}", *(_mean_and_deviation(known[s], decimals) for s in columns)],
            ["less random, ours", *(mean_deviation(ours_more.get(s), decimals, plus=True) for s in columns)],
            [f"less random, {theirs}", *(_mean_and_deviation(more[s], decimals) for s in columns)],
            ["ours is", *(found[share] or MISSING for share in columns)],
        ]
    what = unit(metric) if metric == "all" else f"{metric_name(metric)}, % of the value before"
    return table([f"change of {what}", *map(percent, columns)], rows)


def _mean_and_deviation(number: Number, decimals: int) -> str:
    spread = "" if number.deviation is None else f" ({fixed(number.deviation, decimals)})"
    return f"{fixed(number.mean, decimals, plus=True)}{spread}"


# The number chosen on validation data


def chosen_table(experiment: Experiment, metric: str) -> str:
    """What each way of choosing removes, decided on validation data, and what that does on test data."""
    found = {way: chosen(experiment, way, metric) for way in _to_choose(experiment)}
    tests = [one.test.scaled(_scale(metric)) for one in found.values() if one is not None]
    decimals, of_number = decimals_for(tests), shares(experiment)
    rows = []
    for way, one in found.items():
        if one is None:
            rows.append([scorer_name(way.scored_by), _redone(way), "none", *[MISSING] * 6])
            continue
        validation, test, random, others = (
            None if found is None else found.scaled(_scale(metric))
            for found in (one.validation, one.test, one.against_random, one.by_others)
        )
        rows.append(
            [
                scorer_name(way.scored_by), _redone(way, one.retraining),
                f"{one.removed:,} ({percent(of_number[one.removed])})",
                fixed(validation.mean if validation else None, decimals, True), mean_interval_cell(test, decimals),
                probability(test.p if test else None), mean_interval_cell(random, decimals),
                probability(random.p if random else None), mean_interval_cell(others, decimals),
            ]
        )  # fmt: skip
    header = [
        f"change of {unit(metric)}", "redone", "removed", "validation", "test", "p", "less random", "p",
        "chosen by the other seeds",
    ]  # fmt: skip
    return table(header, rows, texts=2)


def own_choice_table(experiment: Experiment, metric: str) -> str:
    """The same where every seed chooses for itself, or removes nothing where nothing helps its validation data."""
    found = {way: own_choice(experiment, way, metric) for way in _to_choose(experiment)}
    decimals = decimals_for([one.test.scaled(_scale(metric)) for one in found.values()])
    rows = []
    for way, one in found.items():
        random = found.get(Way("random", way.retraining))
        less = (
            None if random is None or way.scored_by == "random" else one.test.minus(random.test).scaled(_scale(metric))
        )
        test, numbers = one.test.scaled(_scale(metric)), sorted(one.removed.values())
        rows.append(
            [
                scorer_name(way.scored_by), _redone(way), f"{numbers[0]:,} to {numbers[-1]:,}",
                mean_interval_cell(test, decimals), probability(test.p), mean_interval_cell(less, decimals),
                probability(less.p if less else None),
            ]
        )  # fmt: skip
    header = [f"change of {unit(metric)}", "redone", "removed", "test", "p", "less random's own choice", "p"]
    return table(header, rows, texts=2)


def _to_choose(experiment: Experiment) -> list[Way]:
    """Every way, and for what chose with several retrainings the choice among those, too."""
    found = ways(experiment)
    scored = [way.scored_by for way in found]
    several = [Way(name, None) for name in dict.fromkeys(scored) if scored.count(name) > 1]
    return sorted(
        (*found, *several), key=lambda way: (way.scored_by in _BASELINES, _order(way.scored_by), way.retraining or "~")
    )


def _redone(way: Way, best: str | None = None) -> str:
    """How far back, and where that was chosen, too, what was."""
    if way.retraining is not None:
        return retraining_name(way.retraining)
    return "the best of these" if best is None else f"the best of these: {retraining_name(best)}"


def _order(scored_by: str) -> tuple[int, str]:
    return (_BASELINES.index(scored_by), "") if scored_by in _BASELINES else (0, scored_by)


# Single seeds, one epoch against the whole run, and classes


def single_seeds_table(experiment: Experiment | None, metric: str) -> str:
    """The published changes of single seeds, beside the range over our seeds."""
    rows = []
    for one in (one for one in published.SINGLE_SEEDS if one.metric == metric):
        share = share_of(one.removed, published.CLEANSED_FROM)
        ours = by_share(experiment, Way(one.scored_by, "one-epoch"), metric).get(share)
        spread = NOT_RUN if ours is None or not ours.values else _range(ours)
        rows.append([scorer_name(one.scored_by), percent(share), str(one.seed), fixed(one.change, 2, True), spread])
    return table(["removed by", "share", "seed", "published", "ours, lowest to highest seed"], rows)


def _range(ours: Sample) -> str:
    return f"{fixed(min(ours.values), 2, True)} to {fixed(max(ours.values), 2, True)}"


def retrainings_table(experiment: Experiment, metric: str) -> str:
    """One epoch beside every longer retraining, by influence on the metric, with the paired difference."""
    name = f"itd {metric}"
    found = {way.retraining: by_share(experiment, way, metric) for way in ways(experiment) if way.scored_by == name}
    short = found.pop("one-epoch", {})
    columns = sorted({share for changes_of in found.values() for share in changes_of if share in short})
    if not columns:
        return ""
    decimals = decimals_for([short[share] for share in columns])
    rows = [["one epoch, ours", *(_our_cell(short[share], None, metric, decimals) for share in columns)]]
    for retraining, long in found.items():
        differences = [long[share].minus(short[share]) for share in columns]
        rows += [
            [f"{retraining_name(retraining)}, ours", *(_our_cell(long[s], None, metric, decimals) for s in columns)],
            ["less one epoch [95 %]", *(mean_interval_cell(one, decimals) for one in differences)],
        ]
    return table([f"change of {unit(metric)}", *map(percent, columns)], rows)


def verification(experiment: Experiment) -> str:
    """How well scores over the believed horizon were verified before they were used; empty where they were not."""
    verified = [seed["verified"] for seed in experiment.seeds if "verified" in seed]
    if not verified:
        return ""
    lds, slope = (
        sample(experiment, lambda seed, key=key: seed.get("verified", {}).get(key)) for key in ("spearman", "slope")
    )
    horizons = sorted(one["horizon"] for one in verified)
    return (
        f"Scores over the believed horizon, {horizons[0]} to {horizons[-1]} steps over seeds, were verified before use "
        f"by {verified[0]['removals']} random removals of {verified[0]['removed']}: rank correlation with true changes "
        f"(LDS) {mean_deviation(lds, 2)}, slope of truth on prediction {mean_deviation(slope, 2)}."
    )


def label_totals(experiment: Experiment, metric: str) -> dict[str, Sample]:
    """The sum of the scores of every class."""
    labels = list(dict.fromkeys(name for seed in experiment.seeds for name in seed.get("labels", {}).get(metric, {})))
    return {
        label: sample(experiment, lambda seed, label=label: seed.get("labels", {}).get(metric, {}).get(label))
        for label in labels
    }


def most_harmful(totals: Mapping[str, Sample], metric: str, count: int) -> list[str]:
    """The classes whose removal is predicted to help, worst first, no more than ``count``."""
    sign = 1 if DIRECTIONS[metric] == "lower" else -1
    means = {label: sign * one.mean for label, one in totals.items() if one.mean is not None}
    return sorted((label for label in means if means[label] < 0), key=lambda label: means[label])[:count]


def label_table(experiment: Experiment, metric: str) -> str:
    """Predicted change of the metric if a whole class were removed, mean (standard deviation) over seeds."""
    totals = label_totals(experiment, metric)
    decimals = decimals_for(list(totals.values()))
    header = [f"change of {metric_name(metric)}, predicted", *totals]
    return table(header, [["sum of the scores", *(mean_deviation(one, decimals, True) for one in totals.values())]])


def _scale(metric: str) -> int:
    return published.SCALES.get(metric, 1)
