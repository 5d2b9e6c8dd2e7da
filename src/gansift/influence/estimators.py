"""All estimators by name: what `gansift score --estimator` and comparisons choose from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module

from gansift.catalogue import BASELINES, EXACT_LABELS
from gansift.errors import UsageError
from gansift.influence.aid import aid
from gansift.influence.estimator import Estimator
from gansift.influence.horizon import checked_horizon
from gansift.influence.itd import Progress, itd, itd_horizons, itd_metrics
from gansift.influence.repeated import ROUNDS, itd_repeated, itd_repeated_horizons
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run

_EXACT = (
    Estimator("itd", itd, EXACT_LABELS["itd"], itd_horizons, joint=itd_metrics),
    Estimator(
        "itd-first-order",
        partial(itd, products="central-difference"),
        EXACT_LABELS["itd-first-order"],
        partial(itd_horizons, products="central-difference"),
        joint=partial(itd_metrics, products="central-difference"),
    ),
    Estimator(
        "itd-repeated",
        itd_repeated,
        EXACT_LABELS["itd-repeated"],
        itd_repeated_horizons,
        ROUNDS,
        ranks_only=True,
    ),
    Estimator("aid", aid, EXACT_LABELS["aid"]),
)

#: Every estimator by its name: those above, and the record ``ESTIMATOR`` of every file of `influence.baselines`.
ESTIMATORS: dict[str, Estimator] = {estimator.name: estimator for estimator in _EXACT} | {
    name: import_module(module).ESTIMATOR for name, module in BASELINES.items()
}


def sweeps(name: str) -> bool:
    """Whether it goes back through the steps, so that its scores depend on the horizon; False for an unknown name."""
    return name in ESTIMATORS and ESTIMATORS[name].sweep is not None


def usual(metric: str | None, otherwise: str) -> str:
    """The name of the estimator whose scores are meant where a metric is asked about and no estimator.

    >>> usual("exposure", "itd"), usual("fid", "itd"), usual(None, "aid")
    ('self-influence', 'itd', 'aid')

    Args:
        metric: its name; None where none is named.
        otherwise: what is meant for most metrics.
    """
    made_for = {one.metric: name for name, one in ESTIMATORS.items() if one.metric is not None}
    return otherwise if metric is None else made_for.get(metric, otherwise)


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
