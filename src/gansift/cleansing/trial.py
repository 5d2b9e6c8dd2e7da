"""One trial: what removing the most harmful changed on one seed, and what removing as many at random did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from gansift.cleansing.control import classes, data_sets, first_of_each
from gansift.games.draw import Draw
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


def random_ids(run: Run, cell: Cell, removed: Iterable[str], balanced: bool = False) -> tuple[str, ...]:
    """The control of a removal: as many examples of each data set, chosen at random from the run's seed.

    Args:
        run: the run that is retrained.
        cell: of the grid; every cell has a control of its own.
        removed: ids of the examples that are removed at that cell.
        balanced: as many examples of each class of each data set, too.
    """
    present = [identity for identity, weight in zip(run.ids, run.weights.tolist(), strict=True) if weight > 0]
    order = Draw(run.step.settings.seed, "random removal", *cell).permutation(len(present))
    sets = classes(run) if balanced else data_sets(run)
    return first_of_each((present[row] for row in order.tolist()), sets, Counter(sets[one] for one in removed))
