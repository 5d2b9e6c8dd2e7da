"""How well scores agree with leave-one-out retraining: ours beside what the papers published."""

from __future__ import annotations

import statistics

from gansift.report.words import MISSING, number
from papers import published
from papers.markdown import NOT_AVAILABLE, fixed, mean_deviation, published_cell, table
from papers.summary import Experiment, Sample, by_horizon, compared, entries, reliability, rounding, rows_of

#: Statistics that were published, with the name that rows give them.
STATISTICS = {"kendall": "Kendall's τ", "jaccard": "Jaccard"}
_ESTIMATORS = {"itd": "ITD", "aid-gmres": "AID, GMRES (ours alone)"}


def accuracy_table(experiment: Experiment | None, metric: str, theirs: str = "published") -> str:
    """Columns are epochs looked back; rows are ours, published, and what gansift itself says about a horizon.

    Args:
        experiment: None if it was not run.
        metric: of the scores.
        theirs: what published rows are called.
    """
    ours = {name: _ours(experiment, name, metric) for name in STATISTICS}
    known = {name: published.ACCURACY[name, metric].points for name in STATISTICS}
    horizons = sorted({*ours["kendall"], *known["kendall"]})
    rows = []
    for name, title in STATISTICS.items():
        if experiment is not None:
            rows.append([f"{title}, ours", *(mean_deviation(ours[name].get(epochs), 2) for epochs in horizons)])
        rows.append([f"{title}, {theirs}", *(published_cell(known[name].get(epochs)) for epochs in horizons)])
        if experiment is not None:
            found = verdicts(experiment, name, metric)
            rows.append(["ours is", *(found.get(epochs) or MISSING for epochs in horizons)])
    if experiment is not None:
        rows += _about(experiment, metric, horizons)
    return table(["epochs looked back", *(f"{epochs:g}" for epochs in horizons)], rows)


def verdicts(experiment: Experiment | None, statistic: str, metric: str) -> dict[float, str | None]:
    """Whether ours is better or worse at each published horizon; Jaccard only of as many examples as published."""
    ours = _ours(experiment, statistic, metric)
    if experiment is None or (statistic == "jaccard" and experiment.settings["left_out"] != published.LEFT_OUT):
        ours = {}
    return {
        epochs: compared(ours[epochs], theirs, "higher", published.ACCURACY_SEEDS, published.READ_WITHIN)
        if epochs in ours
        else None
        for epochs, theirs in published.ACCURACY[statistic, metric].points.items()
    }


def own_horizon(experiment: Experiment, metric: str) -> str:
    """A sentence about the horizon that gansift chose itself; empty if that was not tried."""
    wanted = {"metric": metric, "estimator": "itd-auto"}
    kendall = entries(experiment, "kendall", **wanted)
    if not kendall.by_seed:
        return ""
    epochs = entries(experiment, "epochs", **wanted).values
    return (
        f"At the horizon that gansift chose itself, {number(min(epochs), 2)} to {number(max(epochs), 2)} epochs over "
        f"seeds, Kendall's τ is {mean_deviation(kendall, 2)} and the slope of truth on prediction "
        f"{mean_deviation(entries(experiment, 'slope', **wanted), 2)}."
    )


def estimators(experiment: Experiment, metric: str) -> list[str]:
    """ITD, AID by the number of terms of its series, then AID by GMRES: what has been tried."""
    found = [name for name in experiment.distinct("estimator", metric=metric) if name != "itd-auto"]
    series = sorted((name for name in found if name.removeprefix("aid-").isdigit()), key=lambda name: int(name[4:]))
    return [name for name in ("itd", *series, "aid-gmres") if name in found]


def over_the_whole_run(experiment: Experiment, metric: str, estimator: str) -> Sample:
    """Kendall's tau with the truth of the whole run."""
    wanted = {"metric": metric, "estimator": estimator}
    horizons = experiment.distinct("epochs", **wanted)
    return entries(experiment, "kendall", epochs=max(horizons, default=None), **wanted)


def estimator_name(estimator: str) -> str:
    """As the paper writes it."""
    return _ESTIMATORS.get(estimator, f"AID, M = {estimator[4:]}")


def estimator_table(experiment: Experiment, metric: str) -> str:
    """ITD against AID over the whole run: mean, percentiles over seeds as the paper's bars, and published."""
    rows = []
    for estimator in estimators(experiment, metric):
        kendall = over_the_whole_run(experiment, metric, estimator)
        low, high = percentiles(kendall)
        spread = MISSING if low is None else f"{fixed(low, 2)} to {fixed(high, 2)}"
        theirs = MISSING if estimator == "aid-gmres" else NOT_AVAILABLE
        rows.append(
            [
                estimator_name(estimator), mean_deviation(kendall, 2), spread, theirs,
                _note(experiment, metric, estimator),
            ]
        )  # fmt: skip
    return table(["over the whole run", "Kendall's τ, ours", "10th to 90th percentile", "published", "note"], rows)


def _note(experiment: Experiment, metric: str, estimator: str) -> str:
    """In how many seeds there is no number, with the first one's reason in one sentence; else AID's residual."""
    rows = [rows_of(seed, metric=metric, estimator=estimator) for seed in experiment.seeds]
    notes = [next((row["note"] for row in of_seed if "note" in row), "") for of_seed in rows]
    refused = [note.partition(". ")[0] for note in notes if note]
    if refused:
        return f"no scores in {len(refused)} of {len(notes)} seeds: {refused[0]}"
    residuals = entries(experiment, "residual", metric=metric, estimator=estimator).values
    if not residuals:
        return ""
    middle = statistics.median(residuals)
    return f"residual {number(middle, 2)}{', which gansift refuses unless told not to' if middle >= 1 else ''}"


def percentiles(ours: Sample) -> tuple[float | None, float | None]:
    """The 10th and 90th, linear between seeds as NumPy's; None without seeds."""
    if len(ours.values) < 2:
        return (ours.mean, ours.mean)
    tenths = statistics.quantiles(ours.values, n=10, method="inclusive")
    return tenths[0], tenths[-1]


def _ours(experiment: Experiment | None, key: str, metric: str) -> dict[float, Sample]:
    if experiment is None:
        return {}
    return by_horizon(experiment, key, metric=metric, estimator="itd")


def _about(experiment: Experiment, metric: str, horizons: list[float]) -> list[list[str]]:
    slope, growth, believed = (_ours(experiment, key, metric) for key in ("slope", "growth", "believed"))

    def middle(epochs: float) -> str:
        found = growth.get(epochs)
        return number(statistics.median(found.values), 3) if found is not None and found.values else MISSING

    def believers(epochs: float) -> str:
        found = believed.get(epochs)
        return f"{sum(found.values):.0f} of {len(found.values)}" if found is not None and found.values else MISSING

    def shaken(epochs: float) -> str:
        found = rounding(experiment, metric, epochs)
        return number(statistics.median(found.values), 2) if found.values else MISSING

    return [
        ["slope of truth on prediction", *(mean_deviation(slope.get(epochs), 2) for epochs in horizons)],
        ["growth of the adjoint, median", *(middle(epochs) for epochs in horizons)],
        ["seeds where gansift believes it", *(believers(epochs) for epochs in horizons)],
        ["rounding beside a removal, median", *(shaken(epochs) for epochs in horizons)],
        ["reliability of the truth", *(fixed(reliability(experiment, metric, epochs), 2) for epochs in horizons)],
    ]
