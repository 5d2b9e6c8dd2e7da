"""One kind of retraining: the end of a run redone without each of several sets of examples, under every metric.

Trials, comparisons, verification and judging on other seeds differ only in which examples they remove, and by which
metrics they look at what comes of it. What is removed can be named before anybody knows which examples that will be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from gansift.cleansing.replicas import Done, retrained_players
from gansift.cleansing.trial import Cell, random_ids
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run


class ScoresOf(NamedTuple):
    """Which scores; a name for them that can be given before they are computed.

    Attributes:
        metric: the name of what they predict the change of.
        estimator: one of `influence.estimators.ESTIMATORS`.
        horizon: K, in steps.
        seeds: the training seeds that were scored; of several, the mean counts.
        among: digest of a person's decisions, if the scores of those examples alone are meant.
    """

    metric: str
    estimator: str
    horizon: int
    seeds: tuple[int, ...]
    among: str | None = None

    def __str__(self) -> str:
        of_seeds = f"seed{'s' if len(self.seeds) > 1 else ''} {', '.join(map(str, self.seeds))}"
        among = "" if self.among is None else f" among those of decisions {self.among}"
        return f"{self.metric} by {self.estimator} over {self.horizon} steps of {of_seeds}{among}"


#: Finds the scores that are meant.
Lookup = Callable[[ScoresOf], Scores]


class Removed(NamedTuple):
    """A set of examples that is removed.

    Attributes:
        ids: of the examples.
        predicted: the sum of the scores that named them; None where no scores did.
    """

    ids: tuple[str, ...]
    predicted: float | None = None


@dataclass(frozen=True)
class Ids:
    """The examples with these ids."""

    ids: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.count} given examples"

    @property
    def count(self) -> int:
        """How many examples."""
        return len(self.ids)

    @property
    def needs(self) -> tuple[ScoresOf, ...]:
        """No scores."""
        return ()

    def removed(self, run: Run, scores: Lookup) -> Removed:
        """The examples themselves."""
        return Removed(self.ids)


@dataclass(frozen=True)
class Harmful:
    """The examples that scores call most harmful.

    Attributes:
        by: the scores.
        count: how many examples.
        optional: whether the removal may be left out, because its estimator need not fit the game or the metric. Its
            scores are computed where they are looked for, and not waited for.
    """

    by: ScoresOf
    count: int
    optional: bool = False

    def __str__(self) -> str:
        return f"the {self.count} most harmful examples for {self.by}"

    @property
    def needs(self) -> tuple[ScoresOf, ...]:
        """The scores."""
        return () if self.optional else (self.by,)

    def removed(self, run: Run, scores: Lookup) -> Removed:
        """The examples, the most harmful first."""
        harmful = scores(self.by).harmful(self.count)
        return Removed(harmful.ids, harmful.sum())


@dataclass(frozen=True)
class Random:
    """As many examples of each data set as another removal takes, drawn at random from the run's seed: its control.

    Attributes:
        like: the other removal.
        horizon: of the trial; another one draws other examples.
        balanced: of every class, too, as many as the other removal takes.
    """

    like: Ids | Harmful
    horizon: int
    balanced: bool = False

    def __str__(self) -> str:
        of_classes = " of the same classes" if self.balanced else ""
        return f"{self.count} random examples{of_classes}, as control of {self.like}"

    @property
    def count(self) -> int:
        """How many examples."""
        return self.like.count

    @property
    def needs(self) -> tuple[ScoresOf, ...]:
        """The scores that the other removal needs."""
        return self.like.needs

    def removed(self, run: Run, scores: Lookup) -> Removed:
        """The examples that were drawn."""
        like = self.like.removed(run, scores)
        return Removed(random_ids(run, Cell(self.horizon, self.count), like.ids, self.balanced))


#: A set of examples to remove, by its name.
Removal = Ids | Harmful | Random


def mean_scores(of_seeds: Sequence[Scores]) -> Scores:
    """The mean over seeds of scores that differ in nothing else, with its standard error.

    Raises:
        ValueError: if they are not of the same examples.
    """
    first = of_seeds[0]
    if any(scores.ids != first.ids for scores in of_seeds):
        raise ValueError("scores of different examples have no mean")
    if len(of_seeds) == 1:
        return first
    values = np.stack([scores.values for scores in of_seeds])
    error = values.std(axis=0, ddof=1) / len(values) ** 0.5
    return replace(first, values=values.mean(axis=0), standard_error=error, run="mean", growth=(), residual=None)


def changes(
    run: Run,
    removals: Sequence[Iterable[str]],
    horizon: int,
    metrics: Sequence[Metric],
    before: Sequence[float] | None = None,
    done: Done | None = None,
) -> list[list[float]]:
    """Redo the last ``horizon`` steps without each set of examples, and measure what changes.

    Retrainings of small networks are stacked in the order given, so that the same sets in another order, or other sets
    beside them, may give other last bits (see `reweighted_players`).

    Args:
        run: the recorded run.
        removals: the ids to remove, one set for each retraining.
        horizon: steps to redo.
        metrics: M metrics.
        before: their values for the run itself, where they are known.
        done: called with the number of training steps redone.

    Returns:
        For each set the changes of all metrics, in their order; NaN where the retraining broke down.

    Raises:
        UsageError: for unknown ids or a horizon that is not in the run.
    """
    known = [metric.value(run) for metric in metrics] if before is None else before
    return [
        [float("nan")] * len(metrics)
        if trained is None
        else [metric.value(trained) - value for metric, value in zip(metrics, known, strict=True)]
        for trained in retrained_players(run, removals, horizon, done)
    ]
