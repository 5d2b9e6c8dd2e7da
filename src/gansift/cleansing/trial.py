"""One trial: remove the most harmful, and as many at random, retrain both, and measure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gansift.cleansing.retrain import retrain
from gansift.games.draw import Draw
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run


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


def grid(horizons: Iterable[int], counts: Iterable[int]) -> list[Cell]:
    """All cells, the cheapest to retrain first."""
    counts = sorted(set(counts))
    return [Cell(horizon, removed) for horizon in sorted(set(horizons)) for removed in counts]


def random_ids(run: Run, cell: Cell) -> tuple[str, ...]:
    """As many examples of the run as the cell removes, chosen at random from the run's seed."""
    present = [identity for identity, weight in zip(run.ids, run.weights.tolist(), strict=True) if weight > 0]
    order = Draw(run.step.settings.seed, "random removal", *cell).permutation(len(present))
    return tuple(present[row] for row in order[: cell.removed].tolist())


def try_cell(
    run: Run,
    scores: Scores,
    cell: Cell,
    metrics: tuple[Metric, Metric],
    before: Sequence[float],
    from_start: bool = False,
) -> Trial:
    """Retrain without the cell's harmful examples, and without as many random ones, and measure both.

    Args:
        run: the run to redo the end of.
        scores: of the cell's horizon, for this run.
        cell: what to try.
        metrics: on validation and on test data.
        before: their values for the run itself.
        from_start: remove from the whole run instead of its last ``cell.horizon`` steps.
    """
    harmful = scores.harmful(cell.removed)
    redone = None if from_start else cell.horizon

    def changes(ids: Iterable[str]) -> list[float]:
        again = retrain(run, ids, horizon=redone, from_start=from_start)
        return [metric.value(again) - value for metric, value in zip(metrics, before, strict=True)]

    validation, test = changes(harmful.ids)
    random_validation, random_test = changes(random_ids(run, cell))
    return Trial(run.step.settings.seed, *cell, harmful.sum(), validation, test, random_validation, random_test)
