"""One trial: remove the most harmful, and as many at random, retrain both, and measure."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gansift.cleansing.control import data_sets, first_of_each
from gansift.cleansing.replicas import retrained_players
from gansift.games.draw import Draw
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run

_log = logging.getLogger(__name__)


class Cell(NamedTuple):
    """A point of the grid that is searched: horizon in steps, and how many examples are removed."""

    horizon: int
    removed: int


@dataclass(frozen=True)
class Trial:
    """Changes of the metric for one training seed and one cell; of the validation metric and of the test metric.

    Attributes:
        seed: of the training.
        horizon: steps that were redone.
        removed: how many examples.
        predicted: sum of the scores of the removed examples.
        validation: true change of the validation metric.
        test: true change of the test metric.
        random_validation: the same with as many random examples removed.
        random_test: the same with as many random examples removed.
    """

    seed: int
    horizon: int
    removed: int
    predicted: float
    validation: float
    test: float
    random_validation: float
    random_test: float


def random_ids(run: Run, cell: Cell, removed: Iterable[str]) -> tuple[str, ...]:
    """The control of a removal: as many examples of each data set, chosen at random from the run's seed.

    Args:
        run: the run that is retrained.
        cell: of the grid; every cell has a control of its own.
        removed: ids of the examples that are removed at that cell.
    """
    present = [identity for identity, weight in zip(run.ids, run.weights.tolist(), strict=True) if weight > 0]
    order = Draw(run.step.settings.seed, "random removal", *cell).permutation(len(present))
    sets = data_sets(run)
    return first_of_each((present[row] for row in order.tolist()), sets, Counter(sets[one] for one in removed))


def removals(run: Run, scores: Scores, counts: Sequence[int]) -> list[tuple[str, ...]]:
    """What is removed at one horizon: the most harmful examples for each count, then as many random ones."""
    harmful = [scores.harmful(count).ids for count in counts]
    return harmful + [random_ids(run, Cell(scores.horizon, len(ids)), ids) for ids in harmful]


def compare(
    run: Run,
    scores: Sequence[Scores],
    cell: Cell,
    metrics: tuple[Metric, Metric],
    before: Sequence[float],
    from_start: bool = False,
) -> list[list[float] | None]:
    """Retrain without what each of several scores calls most harmful, at one cell.

    Args:
        run: the run to redo the end of.
        scores: of several estimators.
        cell: horizon to redo and number to remove.
        metrics: on validation and on test data.
        before: their values for the run itself.
        from_start: redo the whole run instead of the cell's horizon.

    Returns:
        For each scores the changes of both metrics; None where the retraining broke down (NaN).
    """
    redone = run.steps - run.start if from_start else cell.horizon
    removed = [of_estimator.harmful(cell.removed).ids for of_estimator in scores]
    return _changes(run, removed, redone, metrics, before)


def _changes(
    run: Run,
    removed: Sequence[Iterable[str]],
    redone: int,
    metrics: tuple[Metric, Metric],
    before: Sequence[float],
) -> list[list[float] | None]:
    return [
        None
        if trained is None
        else [metric.value(trained) - value for metric, value in zip(metrics, before, strict=True)]
        for trained in retrained_players(run, removed, redone)
    ]


def try_horizon(
    run: Run,
    scores: Scores,
    counts: Sequence[int],
    metrics: tuple[Metric, Metric],
    before: Sequence[float],
    from_start: bool = False,
) -> list[Trial]:
    """Retrain without the most harmful examples, and without as many random ones, and measure both.

    Args:
        run: the run to redo the end of.
        scores: of one horizon, for this run.
        counts: how many to remove, one trial each.
        metrics: on validation and on test data.
        before: their values for the run itself.
        from_start: remove from the whole run instead of its last ``scores.horizon`` steps.

    Returns:
        One trial for each count, except where a retraining broke down (NaN); that is logged.
    """
    redone = run.steps - run.start if from_start else scores.horizon
    seed = run.step.settings.seed
    changes = _changes(run, removals(run, scores, counts), redone, metrics, before)
    trials = []
    for count, harmful, at_random in zip(counts, changes[: len(counts)], changes[len(counts) :], strict=True):
        if harmful is None or at_random is None:
            _log.warning(
                "seed %d: retraining the last %d steps without %d examples broke down (NaN); that removal is left out",
                seed,
                redone,
                count,
            )
        else:
            trials.append(Trial(seed, scores.horizon, count, scores.harmful(count).sum(), *harmful, *at_random))
    return trials
