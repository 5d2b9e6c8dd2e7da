"""All estimators by name: what `gansift score --estimator` and comparisons choose from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from gansift.errors import UsageError
from gansift.influence import baselines
from gansift.influence.aid import aid
from gansift.influence.gradients import Products
from gansift.influence.horizon import checked_horizon
from gansift.influence.itd import NAMES, Progress, itd, itd_horizons, itd_metrics
from gansift.influence.repeated import ROUNDS, itd_repeated, itd_repeated_horizons
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run


class Estimator(Protocol):
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

ESTIMATORS: dict[str, Estimator] = {
    "itd": itd,
    "itd-first-order": partial(itd, products="central-difference"),
    "itd-repeated": itd_repeated,
    "aid": aid,
    "without-propagation": baselines.without_propagation,
    "discriminator-loss": baselines.discriminator_loss,
    "discriminator-score": baselines.discriminator_score,
    "isolation-forest": baselines.isolation_forest,
    "density": baselines.density,
    "nearest-samples": baselines.nearest_samples,
    "random": baselines.random_ranking,
}

#: What each calls harmful, in the few words that a chart has room for.
LABELS = {
    "itd": "exact scores (ITD)",
    "itd-first-order": "ITD by differences",
    "itd-repeated": "exact scores, repeated",
    "aid": "fixed point (AID)",
    "without-propagation": "without propagation",
    "discriminator-loss": "discriminator's loss",
    "discriminator-score": "discriminator's score",
    "isolation-forest": "Isolation Forest",
    "density": "rare features",
    "nearest-samples": "unlike the samples",
    "random": "at random",
}

#: The estimators whose scores have no units, or those of another quantity: they say whom to remove first, no more.
RANKINGS = frozenset(
    {
        "itd-repeated", "discriminator-loss", "discriminator-score", "isolation-forest", "density", "nearest-samples",
        "random",
    }
)  # fmt: skip

#: The estimators that depend on the horizon, because they go back through the steps: one sweep passes all horizons.
#: The others look at the run's end or at the data, and say the same for every horizon.
SWEEPS: dict[str, Sweep] = {
    "itd": itd_horizons,
    "itd-first-order": partial(itd_horizons, products="central-difference"),
    "itd-repeated": itd_repeated_horizons,
    "without-propagation": baselines.without_propagation_horizons,
    "discriminator-loss": baselines.discriminator_loss_horizons,
}


# The estimators that score by several metrics in one sweep, and how they take second derivatives.
_PRODUCTS: dict[str, Products] = {name: products for products, name in NAMES.items()}


def steps_swept(name: str, horizons: Collection[int]) -> int:
    """Steps that an estimator goes back through for these horizons."""
    if name not in SWEEPS:
        return 0
    return max(horizons) + ((ROUNDS - 1) * sum(horizons) if name == "itd-repeated" else 0)


def estimate(
    name: str, run: Run, metric: Metric, horizons: Collection[int], progress: Progress | None = None
) -> dict[int, Scores]:
    """The scores of several horizons by one estimator, with no more work than for the longest of them.

    Args:
        name: of the estimator, one of `ESTIMATORS`.
        run: a recorded run.
        metric: see `Estimator`.
        horizons: in steps, each between 1 and the length of the run.
        progress: see `Estimator`.

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
    if name in SWEEPS:
        return SWEEPS[name](run, metric, horizons, progress)
    scores = ESTIMATORS[name](run, metric, None, progress)
    return {horizon: replace(scores, horizon=horizon) for horizon in horizons}


def estimate_metrics(
    name: str, run: Run, metrics: Sequence[Metric], horizons: Collection[int], progress: Progress | None = None
) -> list[dict[int, Scores]]:
    """The scores for several metrics by one estimator: from one sweep where it is exact, else from one each.

    Args:
        name: of the estimator, one of `ESTIMATORS`.
        run: a recorded run.
        metrics: at least one.
        horizons: see `estimate`.
        progress: see `Estimator`.

    Returns:
        For each metric what `estimate` gives.

    Raises:
        UsageError, ReplayError: as `estimate`.
    """
    if sweeps(name, len(metrics)) == len(metrics):
        return [estimate(name, run, metric, horizons, progress) for metric in metrics]
    return itd_metrics(run, metrics, horizons, progress, _PRODUCTS[name])


def sweeps(name: str, metrics: int) -> int:
    """Sweeps that an estimator makes for so many metrics."""
    return 1 if name in _PRODUCTS else metrics
