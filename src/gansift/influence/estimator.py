"""What an estimator is: a function that scores every training example, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from gansift.influence.itd import Progress
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run


class Function(Protocol):
    """What gives every training example a score."""

    def __call__(
        self, run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None
    ) -> Scores:
        """Score every training example.

        Args:
            run: a recorded run.
            metric: what the scores predict the change of; its direction decides the sign of a ranking.
            horizon: K, of the retraining from step T - K on that the scores are for; default the whole run.
            progress: called after every step of an estimator that goes back through the steps.

        Returns:
            Scores in the order of ``run.ids``, noted down as those of ``metric``, so that all estimators can be
            verified and cleansed with alike.

        Raises:
            UsageError: if the horizon is not in the run, or the estimator does not fit its game or the metric.
        """
        ...


#: Scores of several horizons from one sweep.
Sweep = Callable[[Run, Metric, Collection[int], Progress | None], dict[int, Scores]]
#: Scores by several metrics, of several horizons, from one sweep.
Joint = Callable[[Run, Sequence[Metric], Collection[int], Progress | None], list[dict[int, Scores]]]


@dataclass(frozen=True)
class Estimator:
    """An estimator and what is known of it. It is called like its function.

    Attributes:
        name: for the command line, files and reports.
        function: gives every training example a score.
        label: what it calls harmful, in the few words that a chart has room for.
        sweep: gives those of several horizons at once, for an estimator that goes back through the steps and so depends
            on the horizon. None for those that look at the run's end or at the data: they say the same for every one.
        rounds: how many times it sweeps a horizon; the first sweep is one for all horizons.
        ranks_only: its scores have no unit, or that of another quantity: they say whom to remove first, no more.
        joint: gives those by several metrics from one sweep, where one can.
        metric: the name of a metric whose scores it gives where nobody names an estimator; None for most.
    """

    name: str
    function: Function
    label: str = ""
    sweep: Sweep | None = None
    rounds: int = 1
    ranks_only: bool = False
    joint: Joint | None = None
    metric: str | None = None

    def __call__(
        self, run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None
    ) -> Scores:
        """The scores of one horizon, see `Function`."""
        return self.function(run, metric, horizon, progress)

    def steps_swept(self, horizons: Collection[int]) -> int:
        """Steps that it goes back through for these horizons.

        >>> from gansift.influence.estimators import ESTIMATORS
        >>> ESTIMATORS["itd"].steps_swept([2, 5]), ESTIMATORS["random"].steps_swept([2, 5])
        (5, 0)
        """
        return max(horizons) + (self.rounds - 1) * sum(horizons) if self.sweep else 0
