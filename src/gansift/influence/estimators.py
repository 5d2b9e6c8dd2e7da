"""All estimators by name: what `gansift score --estimator` and comparisons choose from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from gansift.catalogue import ESTIMATOR_LABELS
from gansift.errors import UsageError
from gansift.influence import baselines
from gansift.influence.aid import aid
from gansift.influence.horizon import checked_horizon
from gansift.influence.itd import Progress, itd, itd_horizons, itd_metrics
from gansift.influence.repeated import ROUNDS, itd_repeated, itd_repeated_horizons
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
        name: for the command line, files and reports; its label is in `gansift.catalogue`.
        function: gives every training example a score.
        sweep: gives those of several horizons at once, for an estimator that goes back through the steps and so depends
            on the horizon. None for those that look at the run's end or at the data: they say the same for every one.
        rounds: how many times it sweeps a horizon; the first sweep is one for all horizons.
        ranks_only: its scores have no unit, or that of another quantity: they say whom to remove first, no more.
        joint: gives those by several metrics from one sweep, where one can.
    """

    name: str
    function: Function
    sweep: Sweep | None = None
    rounds: int = 1
    ranks_only: bool = False
    joint: Joint | None = None

    @property
    def label(self) -> str:
        """What it calls harmful, in the few words that a chart has room for."""
        return ESTIMATOR_LABELS[self.name]

    def __call__(
        self, run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None
    ) -> Scores:
        """The scores of one horizon, see `Function`."""
        return self.function(run, metric, horizon, progress)

    def steps_swept(self, horizons: Collection[int]) -> int:
        """Steps that it goes back through for these horizons.

        >>> ESTIMATORS["itd"].steps_swept([2, 5]), ESTIMATORS["random"].steps_swept([2, 5])
        (5, 0)
        """
        return max(horizons) + (self.rounds - 1) * sum(horizons) if self.sweep else 0


_RECORDS = (
    Estimator("itd", itd, itd_horizons, joint=itd_metrics),
    Estimator(
        "itd-first-order",
        partial(itd, products="central-difference"),
        partial(itd_horizons, products="central-difference"),
        joint=partial(itd_metrics, products="central-difference"),
    ),
    Estimator("itd-repeated", itd_repeated, itd_repeated_horizons, ROUNDS, ranks_only=True),
    Estimator("aid", aid),
    Estimator("without-propagation", baselines.without_propagation, baselines.without_propagation_horizons),
    Estimator(
        "discriminator-loss", baselines.discriminator_loss, baselines.discriminator_loss_horizons, ranks_only=True
    ),
    Estimator("discriminator-score", baselines.discriminator_score, ranks_only=True),
    Estimator("isolation-forest", baselines.isolation_forest, ranks_only=True),
    Estimator("density", baselines.density, ranks_only=True),
    Estimator("nearest-samples", baselines.nearest_samples, ranks_only=True),
    Estimator("random", baselines.random_ranking, ranks_only=True),
)

#: Every estimator by its name.
ESTIMATORS: dict[str, Estimator] = {estimator.name: estimator for estimator in _RECORDS}


def sweeps(name: str) -> bool:
    """Whether it goes back through the steps, so that its scores depend on the horizon; False for an unknown name."""
    return name in ESTIMATORS and ESTIMATORS[name].sweep is not None


def ranks_only(name: str) -> bool:
    """Whether sums of its scores mean nothing; False for an unknown name, as of another tool's score file."""
    return name in ESTIMATORS and ESTIMATORS[name].ranks_only


def estimate(
    name: str, run: Run, metric: Metric, horizons: Collection[int], progress: Progress | None = None
) -> dict[int, Scores]:
    """The scores of several horizons by one estimator, with no more work than for the longest of them.

    Args:
        name: of the estimator, one of `ESTIMATORS`.
        run: a recorded run.
        metric: see `Function`.
        horizons: in steps, each between 1 and the length of the run.
        progress: see `Function`.

    Returns:
        Scores by horizon; those beyond a step at which a sweep overflowed are left out, with a warning.

    Raises:
        UsageError: for an unknown name or a horizon outside the run, or if the estimator does not apply.
        ReplayError: if a replayed state differs from the recorded one.
    """
    if name not in ESTIMATORS:
        raise UsageError(f"there is no estimator {name!r}; choose one of {', '.join(ESTIMATORS)}")
    for horizon in horizons:
        checked_horizon(run, horizon)
    estimator = ESTIMATORS[name]
    if estimator.sweep is not None:
        return estimator.sweep(run, metric, horizons, progress)
    scores = estimator(run, metric, None, progress)
    return {horizon: replace(scores, horizon=horizon) for horizon in horizons}


def estimate_metrics(
    name: str, run: Run, metrics: Sequence[Metric], horizons: Collection[int], progress: Progress | None = None
) -> list[dict[int, Scores]]:
    """The scores by several metrics: from one sweep where the estimator allows it, else from one each.

    Args:
        name: of the estimator, one of `ESTIMATORS`.
        run: a recorded run.
        metrics: at least one.
        horizons: see `estimate`.
        progress: see `Function`.

    Returns:
        For each metric what `estimate` gives.

    Raises:
        UsageError, ReplayError: as `estimate`.
    """
    joint = ESTIMATORS[name].joint if name in ESTIMATORS and len(metrics) > 1 else None
    if joint is None:
        return [estimate(name, run, metric, horizons, progress) for metric in metrics]
    return joint(run, metrics, horizons, progress)
