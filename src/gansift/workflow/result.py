"""The result of a run in numbers: what was chosen, what it changed, and the verdict in one sentence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from gansift import __version__
from gansift.catalogue import ESTIMATOR_LABELS
from gansift.cleansing.calibrate import calibrated
from gansift.cleansing.choose import choose, complete_cells, cross_fitted, is_better
from gansift.cleansing.statistics import Interval, mean_interval
from gansift.cleansing.trial import Cell, Trial
from gansift.data.examples import Splits
from gansift.influence.estimators import ranks_only
from gansift.metrics.metric import Metric, words_of
from gansift.report import summary
from gansift.report.views.view import find, view_of
from gansift.report.words import MINUS, interval, stretch
from gansift.training.trajectory import Run
from gansift.workflow.choosing import choice
from gansift.workflow.config import AUTO, Way
from gansift.workflow.place import Place
from gansift.workflow.plan import STAGES

Values = Mapping[str, Mapping[str, float]]

TITLES = ESTIMATOR_LABELS | {"decisions": "a person's decisions"}


def summarise(
    place: Place,
    values: Sequence[Values],
    trials: list[Trial],
    run: Run,
    way: Way,
    seconds: float | None,
    times: Sequence[Mapping[str, float]],
) -> tuple[summary.Summary, Cell | None]:
    """The content of ``report.json`` as far as trials tell it, and the cell that is carried out, None for no removal.

    The cell is chosen by the validation metric over all seeds. What that gains on test data is measured on every seed
    for the cell that the other seeds choose (`cross_fitted`), so that no seed judges its own choice.

    Args:
        place: data, metrics and configuration.
        values: by seed, metric values of the untrained and the trained generator.
        trials: of every seed and cell.
        run: of the first seed.
        way: how examples were chosen and removed.
        seconds: from start to end.
        times: by seed, seconds of work by stage.
    """
    metric, epoch = place.validation, run.epoch
    cells = complete_cells(trials, len(values))
    chosen = choice(cells, metric.direction, way)
    judged = [] if chosen is None else cross_fitted(cells, metric.direction)
    validation = _changes(values, "validation", [] if chosen is None else cells[chosen], place.validation)
    test = _changes(values, "test", judged, place.test)
    ranking = ranks_only(way.estimator)
    helped = choose(cells, metric.direction) is not None and _held(judged, metric.direction)
    sentence = _verdict(metric, chosen, test, helped, len(values), epoch, way)
    carried_out = helped or way.decided is not None  # a person's decision needs no proof
    samples = run.step.game.offers("sample")
    result = summary.Summary(
        gansift=__version__,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        source=source_of(place),
        metric=metric.name,
        direction=metric.direction,
        verdict=summary.Verdict(helped, sentence),
        chosen=None if chosen is None else cell_of(chosen, epoch),
        removed=_removed(chosen if helped else None, way),
        decisions=None if way.decided is None else f"decisions/{way.decided.digest}.csv",
        seeds=len(values),
        steps=place.config.steps,
        removal=run.step.settings.removal,
        from_start=way.from_start,
        estimator=way.estimator,
        ranking=ranking,
        validation=validation,
        test=test,
        grid=tuple(_grid_row(cell, of_cell, epoch, ranking) for cell, of_cell in cells.items()),
        per_seed=_per_seed(values, judged, epoch),
        settings=asdict(place.config),
        seconds=seconds,
        times={stage: sum(of_seed.get(stage, 0.0) for of_seed in times) for stage in STAGES},
        warnings=tuple(_warnings(place, values, cells, epoch, way)),
        metrics={metric.name: metric_words(metric)},
        nouns=nouns_of(place, samples),
        samples=samples,
    )
    return result, chosen if carried_out else None


def metric_words(metric: Metric) -> summary.MetricWords:
    """How a metric speaks of itself; one that brings no words goes by its name."""
    return summary.MetricWords(metric.name, *words_of(metric), metric.direction)


def nouns_of(place: Place, samples: bool) -> summary.Nouns:
    """What the page calls an example: an ``example`` where data sets are of several kinds."""
    kinds = {find(view_of_splits(place, splits)).NOUN for splits in place.data.values()}
    return summary.Nouns(kinds.pop() if len(kinds) == 1 else "example", "generator" if samples else "model")


def view_of_splits(place: Place, splits: Splits) -> str:
    """The name of the view that shows a data set."""
    return place.system.view or view_of(splits.train.shape, splits.encoding)


def _removed(held: Cell | None, way: Way) -> int:
    """How many examples the lists leave out: those of a choice that held on test data, or what a person decided."""
    if way.decided is not None:
        return way.decided.removed
    return 0 if held is None else held.removed


def floor(metric: Metric) -> float | None:
    """The metric's value of real data against real data; None for a metric that knows none."""
    return getattr(metric, "floor", None)


def compared(
    cell: Cell, trials: Sequence[Trial], others: Sequence[Sequence[Mapping[str, Any]]], chooser: str
) -> tuple[summary.Baseline, ...]:
    """Other ways to choose: what removing as many examples at the same cell changes, estimator by estimator.

    Args:
        cell: the chosen one.
        trials: of every seed and cell.
        others: by seed, rows of estimator and change of the validation and the test metric.
        chooser: the estimator whose trials these are, or ``decisions``.
    """
    at_cell = [trial for trial in trials if (trial.horizon, trial.removed) == cell]
    rows = {
        chooser: [(trial.validation, trial.test) for trial in at_cell],
        "random": [(trial.random_validation, trial.random_test) for trial in at_cell],
    }
    for row in (row for of_seed in others for row in of_seed):
        rows.setdefault(row["estimator"], []).append((row["validation"], row["test"]))
    return tuple(_compared_row(name, changes) for name, changes in rows.items() if len(changes) == len(at_cell))


def _compared_row(name: str, changes: Sequence[tuple[float, float]]) -> summary.Baseline:
    validation, test = (mean_interval([change[split] for change in changes]) for split in (0, 1))
    return summary.Baseline(name, TITLES[name], validation.mean, validation.ci95, test.mean, test.ci95)


def _held(trials: Sequence[Trial], direction: str) -> bool:
    """Whether the choice made on validation data holds on test data: better than before, and than random removal."""
    return is_better(mean_interval([trial.test for trial in trials]), direction) and is_better(
        mean_interval([trial.test - trial.random_test for trial in trials]), direction
    )


def _changes(values: Sequence[Values], split: str, trials: Sequence[Trial], metric: Metric) -> summary.Changes:
    before = mean_interval([value["trained"][split] for value in values]).mean
    by_removal = [getattr(trial, split) for trial in trials] or [0.0] * len(values)
    at_random = [getattr(trial, f"random_{split}") for trial in trials]
    change = mean_interval(by_removal)
    random = mean_interval(at_random) if at_random else Interval(0.0, None)
    against = (
        mean_interval([a - b for a, b in zip(by_removal, at_random, strict=True)]) if at_random else Interval(0.0, None)
    )
    return summary.Changes(
        before=before,
        after=before + change.mean,
        change=change.mean,
        ci95=change.ci95,
        random_change=random.mean if at_random else None,
        random_ci95=random.ci95,
        against_random=against.mean if at_random else None,
        against_random_ci95=against.ci95,
        floor=floor(metric),
        untrained=mean_interval([value["untrained"][split] for value in values]).mean,
    )


def cell_of(cell: Cell, epoch: float) -> summary.Cell:
    """A removal that was tried, with its horizon in epochs, too."""
    return summary.Cell(cell.horizon, round(cell.horizon / epoch, 2), cell.removed)


def _grid_row(cell: Cell, trials: Sequence[Trial], epoch: float, ranking: bool) -> summary.GridRow:
    measured: dict[str, Any] = {}
    for name in ("validation", "test", "random_validation", "random_test"):
        measured[name], measured[f"{name}_ci95"] = mean_interval([getattr(trial, name) for trial in trials])
    if not ranking:
        measured["predicted"] = mean_interval([trial.predicted for trial in trials]).mean
        measured["calibrated"] = calibrated(trials)
    return summary.GridRow(cell.horizon, round(cell.horizon / epoch, 2), cell.removed, **measured)


def _per_seed(values: Sequence[Values], trials: Sequence[Trial], epoch: float) -> tuple[summary.SeedRow, ...]:
    by_seed = {trial.seed: trial for trial in trials}
    return tuple(
        _seed_row(seed, value["trained"]["test"], by_seed.get(seed), epoch) for seed, value in enumerate(values)
    )


def _seed_row(seed: int, before: float, trial: Trial | None, epoch: float) -> summary.SeedRow:
    if trial is None:
        return summary.SeedRow(seed, before, None, None)
    judged = cell_of(Cell(trial.horizon, trial.removed), epoch)
    return summary.SeedRow(seed, before, before + trial.test, before + trial.random_test, judged)


def source_of(place: Place) -> summary.Source:
    """The data of a run; of several sets their names, and counts that are added up."""
    sets = place.data
    first = next(iter(sets.values()))
    alone = len(sets) == 1
    kinds = {view_of_splits(place, splits) for splits in sets.values()}
    return summary.Source(
        name=first.name if alone else ", ".join(f"{name} ({splits.name})" for name, splits in sets.items()),
        train=place.examples,
        valid=sum(len(splits.valid) for splits in sets.values()),
        test=sum(len(splits.test) for splits in sets.values()),
        kind=kinds.pop() if len(kinds) == 1 else "examples",
        shape=tuple(first.train.shape) if alone else None,
        classes=first.train.class_names if alone else None,
        skipped=tuple(pair for splits in sets.values() for pair in splits.skipped),
    )


def _verdict(
    metric: Metric,
    chosen: Cell | None,
    test: summary.Changes,
    helped: bool,
    seeds: int,
    epoch: float,
    way: Way,
) -> str:
    name = metric_words(metric).label
    better = "lower" if metric.direction == "lower" else "higher"
    if chosen is None and way.decided is not None:
        return (
            f"No retraining without the {_decided_on(way.decided.removed)} went through on all seeds (see log.txt), so "
            f"what removing them does to {name} is not known."
        )
    if chosen is None:
        return (
            f"No removal improved {name} on validation data beyond chance over {seeds} training "
            f"seed{'s' if seeds > 1 else ''}, so every example is kept."
        )
    ends = "no interval: one seed"
    if test.ci95 is not None:
        ends = f"95 % interval {interval(test.ci95)}".replace(MINUS, "-")
    harmed = not helped and _only_worse(test.ci95, metric.direction)
    verb = "improves" if helped else "makes worse" if harmed else "changes"
    change = (
        f"{verb} test {name} by {test.change:+.3g} ({ends}), from "
        f"{test.before:.3g} to {test.after:.3g} ({better} is better)"
    )
    epochs = f"{chosen.horizon / epoch:.3g}"
    where = "the whole run" if way.from_start else "the last epoch" if epochs == "1" else f"the last {epochs} epochs"
    which = f"{chosen.removed} most harmful examples" if way.decided is None else _decided_on(chosen.removed)
    what = f"Removing the {which} from {where}"
    against = f"removing as many at random changes it by {test.random_change:+.3g}"
    if helped:
        return f"{what} {change}; {against}."
    why = "One seed cannot show a gain" if seeds == 1 else "That is no proof of a gain on unseen data"
    if harmed:
        why = "That is a proven harm"
    kept = ", so every example is kept" if way.decided is None else "; the lists follow the decisions nevertheless"
    return f"{what} {change}; {against}. {why}{kept}."


def _only_worse(ends: summary.Ends, direction: str) -> bool:
    """Whether an interval leaves no change for the better."""
    low, high = ends or (None, None)
    end = low if direction == "lower" else high
    return end is not None and (end > 0 if direction == "lower" else end < 0)


def _decided_on(removed: int) -> str:
    return f"{removed} example{'s' if removed > 1 else ''} that a person decided on"


def _warnings(place: Place, values: Sequence[Values], cells: Collection[Cell], epoch: float, way: Way) -> list[str]:
    metric, seeds, warnings = place.validation, len(values), []
    untrained = mean_interval([value["untrained"]["test"] for value in values]).mean
    trained = mean_interval([value["trained"]["test"] for value in values]).mean
    # A metric that knows its floor is a distance to real data, of which so much is left after training.
    if floor(metric) is not None and trained > 0.2 * untrained:
        warnings.append(
            f"The generator is not trained well yet: test {metric_words(metric).label} {trained:.3g} against "
            f"{untrained:.3g} untrained. A gain on an undertrained generator proves little; train longer (--steps)."
        )
    if seeds == 1:
        warnings.append("One training seed gives no interval; use --seeds 5 or more to know whether the gain holds.")
    plan = place.plan(way)
    horizons = plan.horizons
    longest = max((cell.horizon for cell in cells), default=0)
    if place.config.horizons.strip() == AUTO and 0 < longest < max(horizons):
        horizons = [horizon for horizon in horizons if horizon <= longest]
        warnings.append(
            f"Horizons beyond {stretch(longest, round(longest / epoch, 2))} were not tried: further back the adjoint "
            "accumulates so much growth on some seed that scores cannot be believed."
        )
    planned = len(horizons) * len(plan.counts)
    if len(cells) < planned:
        warnings.append(
            f"{planned - len(cells)} of {planned} removals could not be tried on every seed, because the "
            "backward sweep overflowed or a retraining broke down (see log.txt), and are left out. "
            "Train more smoothly, such as with a smaller --lr, or choose shorter --horizons."
        )
    return warnings
