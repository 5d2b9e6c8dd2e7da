"""ITD: influence by differentiating through the training run (Terashita, Ohashi and Hara 2025).

Exact for both players, every optimizer and its moments, schedules, penalties and the averaged generator.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from gansift.errors import GansiftError, UsageError
from gansift.influence.gradients import Products
from gansift.influence.horizon import checked_horizon, sign, trust
from gansift.influence.scores import Scores
from gansift.influence.sweep import Progress, Swept, sweep
from gansift.metrics.metric import Metric
from gansift.progress import watched
from gansift.training.trajectory import Run

_log = logging.getLogger(__name__)

#: The estimator's name by how second derivatives are taken.
NAMES: dict[Products, str] = {"exact": "itd", "central-difference": "itd-first-order"}


def itd(
    run: Run,
    metric: Metric,
    horizon: int | str | None = None,
    progress: Progress | bool | None = None,
    products: Products = "exact",
) -> Scores:
    """Score every training example by one backward sweep through the last ``horizon`` steps.

    Args:
        run: a recorded run.
        metric: what the scores predict the change of.
        horizon: K, steps to differentiate through; default the whole run. Scores of horizon K predict retraining
            from step T - K on. ``auto`` stops where the adjoint has grown so much that scores could not be believed
            any more (see `influence.horizon`): the longest believable horizon.
        progress: called after every step; True shows a bar, on a terminal or in a notebook.
        products: ``exact``, or ``central-difference``: first derivatives only, for operators that have no others and
            as a check of the exact ones; see `influence.gradients`.

    Returns:
        Scores in the order of ``run.ids``. Where the metric reads the training weights themselves, they have that part
        of its change, too.

    Raises:
        UsageError: if the horizon is not in the run.
        GansiftError: if the sweep overflows before it gets there (the step is logged), or the metric's gradient is zero
            everywhere.
        ReplayError: if a replayed state differs from the recorded one.

    Examples:
        The one player is a number that is drawn to the mean of the points, so the largest raises it most:

        >>> import torch
        >>> from gansift import data, games, metrics, training
        >>> class Centre(games.Game):
        ...     def centre_loss(self, net, batch, draw):
        ...         off = batch.x[:, 0] - net.centre(torch.zeros(1, 1))[0, 0]
        ...         return games.weighted_mean(off.square(), batch.weight)
        >>> points = data.load("normal-1d", seed=0).train.subset(range(8))
        >>> game = Centre(centre=torch.nn.Linear(1, 1))
        >>> run = training.train(game, points, steps=5, batch_size=8, optimizers=training.SGD(lr=0.1))
        >>> def centre(game, net):
        ...     return net.centre(torch.zeros(1, 1))[0, 0]
        >>> scores = itd(run, metrics.NetMetric(centre, name="centre", direction="lower"))
        >>> scores.harmful(1).ids == (points.ids[int(points.x.argmax())],)
        True
    """
    if horizon == "auto":
        with watched(progress, "scoring", run.steps - run.start) as tell:
            believed = believable(run, metric, tell, products)
        told = trust(believed.growth, run.epoch)
        _log.log(logging.WARNING if told.state == "chaotic" else logging.INFO, "%s", told.sentence(run.epoch))
        return believed
    if isinstance(horizon, str):
        raise UsageError(f"the horizon is a number of steps, None for the whole run, or 'auto', not {horizon!r}")
    chosen = checked_horizon(run, horizon)
    with watched(progress, "scoring", chosen) as tell:
        scores = itd_horizons(run, metric, [chosen], tell, products)
    if chosen not in scores:
        raise GansiftError(f"no scores of horizon {chosen}: the backward sweep overflowed. Choose a shorter horizon.")
    return scores[chosen]


def itd_horizons(
    run: Run,
    metric: Metric,
    horizons: Collection[int],
    progress: Progress | None = None,
    products: Products = "exact",
) -> dict[int, Scores]:
    """The scores of several horizons from one sweep, as long as the longest of them.

    Args:
        run: a recorded run.
        metric: what the scores predict the change of.
        horizons: in steps, each between 1 and the length of the run.
        progress: called after every step.
        products: as in `itd`.

    Raises:
        UsageError, GansiftError, ReplayError: as `itd`.

    Returns:
        Scores by horizon; those beyond a step at which the sweep overflowed are left out, with a warning.
    """
    return itd_metrics(run, [metric], horizons, progress, products)[0]


def itd_metrics(
    run: Run,
    metrics: Sequence[Metric],
    horizons: Collection[int],
    progress: Progress | None = None,
    products: Products = "exact",
) -> list[dict[int, Scores]]:
    """The scores for several metrics, of several horizons, from one sweep.

    The steps are replayed and their gradients taken once for all metrics; only what is pulled back is one for each. The
    scores are those of one sweep for each metric, up to rounding.

    Args:
        run: a recorded run.
        metrics: what the scores predict the changes of, at least one.
        horizons: in steps, each between 1 and the length of the run.
        progress: called after every step.
        products: as in `itd`.

    Raises:
        UsageError, GansiftError, ReplayError: as `itd`.

    Returns:
        For each metric scores by horizon; those beyond a step at which a sweep overflowed are left out, with a warning.
    """
    return itd_runs([run], [metrics], horizons, progress, products)[0]


def itd_runs(
    runs: Sequence[Run],
    metrics: Sequence[Sequence[Metric]],
    horizons: Collection[int],
    progress: Progress | None = None,
    products: Products = "exact",
    redraws: int = 0,
) -> list[list[dict[int, Scores]]]:
    """As `itd_metrics`, for each of several runs that can be swept together, see `training.stacked.stacks_of`.

    Each run has metrics of its own, as many as the others. With ``redraws`` scores are no more those of these very
    runs, see `influence.redrawn`.
    """
    for run in runs:
        for horizon in horizons:
            checked_horizon(run, horizon)
    found: list[list[dict[int, Scores]]] = [[{} for _ in of_run] for of_run in metrics]
    for swept in sweep(runs, metrics, max(horizons), progress, products, redraws):
        for of_run, now in swept.items():
            if now.horizon in horizons:
                for row, metric in enumerate(metrics[of_run]):
                    found[of_run][row][now.horizon] = _scores(runs[of_run], metric, now, row, products)
    return found


def believable(
    run: Run,
    metric: Metric,
    progress: Progress | None = None,
    products: Products = "exact",
    longest: int | None = None,
) -> Scores:
    """Scores of the longest horizon that the sweep lets be believed.

    Args:
        run: as in `itd`, like all that follow.
        metric: what the scores predict the change of.
        progress: called after every step.
        products: how second derivatives are taken.
        longest: horizon beyond which is not looked; None for the whole run.

    Raises:
        UsageError, GansiftError, ReplayError: as `itd`.
    """
    (scores,) = believable_runs([run], [metric], progress, products, longest)
    if scores is None:
        raise GansiftError("no scores: the backward sweep overflowed at once. Train more smoothly.")
    return scores


def believable_runs(
    runs: Sequence[Run],
    metrics: Sequence[Metric],
    progress: Progress | None = None,
    products: Products = "exact",
    longest: int | None = None,
    redraws: int = 0,
) -> list[Scores | None]:
    """As `believable`, for each of several runs that can be swept together, by a metric of its own.

    None where the sweep overflowed at once. For ``redraws`` see `itd_runs`.
    """
    found = [_Believed(run.epoch) for run in runs]
    steps = checked_horizon(runs[0], longest)
    for swept in sweep(runs, [[metric] for metric in metrics], steps, progress, products, redraws):
        for row, now in swept.items():
            found[row].see(now)
        if all(found[row].ended for row in swept):
            break
    return [
        None if believed.kept is None else _scores(run, metric, believed.kept, 0, products)
        for run, metric, believed in zip(runs, metrics, found, strict=True)
    ]


class _Believed:
    """What a sweep by one metric has come to while it could be believed.

    Args:
        epoch: steps in one epoch.

    Attributes:
        kept: of the longest believable horizon so far.
        ended: whether longer ones are past believing.
    """

    def __init__(self, epoch: float) -> None:
        self.kept: Swept | None = None
        self.ended = False
        self._epoch = epoch
        self._calm: Swept | None = None
        self._accumulated = 0.0

    def see(self, swept: Swept) -> None:
        """Take note of one more step, unless it has ended."""
        if self.ended:
            return
        (growth,) = swept.growth
        end, norm = growth[0][1], growth[-1][1]
        self._accumulated += norm / end if end else 1.0
        found = sign(growth, swept.horizon, self._accumulated, self._epoch)
        if self.kept is not None and found in ("burst", "far"):
            self.kept = self._calm if found == "burst" and self._calm is not None else self.kept
            self.ended = True
            return
        self.kept = swept._replace(by_weight=swept.by_weight.clone())
        self._calm = self.kept if found == "calm" else self._calm


def _scores(run: Run, metric: Metric, swept: Swept, row: int, products: Products) -> Scores:
    # Removal takes a weight from its value in the run (1) to 0.
    values = -(run.weights.double() * swept.by_weight[row]).cpu().numpy()
    return Scores(
        ids=run.ids,
        values=values,
        metric=metric.name,
        direction=metric.direction,
        estimator=NAMES[products],
        horizon=swept.horizon,
        steps=run.steps,
        removal=run.step.settings.removal,
        run=run.name,
        growth=tuple(swept.growth[row][: swept.horizon]),  # the sweep's own list, which goes on
    )
