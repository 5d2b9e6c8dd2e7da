"""AID: influence at a fixed point of the game, from one linear system (Terashita, Ohashi and Hara 2025).

It needs nothing of a run but its last parameters and batches, and assumes that training has converged there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import cycle, repeat

import torch
from torch import Tensor

from gansift.errors import GansiftError, UsageError
from gansift.games.trained import Trained
from gansift.influence.derivative import derivative
from gansift.influence.horizon import checked_horizon
from gansift.influence.jacobian import MeanGradient, last_batches, last_visits
from gansift.influence.linear_solvers import gmres, largest_stretch, neumann
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.optimizers import AdamW
from gansift.training.state import PARAMETERS
from gansift.training.trajectory import Run

_log = logging.getLogger(__name__)

#: Called after every product with the Jacobian, with their number so far.
Progress = Callable[[int], None]


def aid(
    run: Run,
    metric: Metric,
    horizon: int | None = None,
    progress: Progress | None = None,
    *,
    solver: str = "gmres",
    iterations: int = 100,
    tolerance: float = 1e-3,
    damping: float = 0.0,
    batches: int | None = None,
    rate: float | None = None,
    fresh_batches: bool = False,
    refuse: bool = True,
) -> Scores:
    """Score every training example by how far its removal moves the fixed point that training has come to.

    With the players' gradients v(theta; w) (`MeanGradient`), J = dv/dtheta and the metric's gradient g, all at the
    last parameters (not their average), differentiating v(theta(w); w) = 0 gives

        score_j = w_j <u, dv/dw_j>,   J^T u = g.

    Of a metric that reads the training weights themselves, w_j times its derivative in them is taken off.
    Update order, learning rates and optimizers do not matter at a fixed point, except for their L2 penalty.

    Args:
        run: a recorded run, trained until its players hardly move.
        metric: what the scores predict the change of.
        horizon: K, of the retraining from step T - K on that the scores are compared with; default the whole run. The
            values do not depend on it.
        progress: called after every product.
        solver: ``gmres``, or ``neumann``, the papers' series, which needs a stable fixed point and many more products.
        iterations: products J^T u at most.
        tolerance: of the relative residual ||g - J^T u|| / ||g||; missing it is a warning.
        damping: solve with J + damping I: biased, but directions that J hardly changes no longer dominate.
        batches: how many of the run's last batches J is the mean over, default an epoch. The cost of a product is in
            proportion to them. Scores cover every example that training visited, whatever their number.
        rate: step size of ``neumann``; default 1 over the largest stretch of some products.
        fresh_batches: with ``neumann``, use one of these batches in each product in place of all, as the papers do:
            cheaper, noisy, and in need of a smaller rate.
        refuse: False returns the scores of a system that was not solved, too, with a warning: to measure how good
            estimates are that others do not refuse.

    Returns:
        Scores in the order of ``run.ids``, with the residual; 0 for an example that was in no batch of the run.

    Raises:
        UsageError: if the horizon is not in the run, an argument does not fit, or weight decay is decoupled (AdamW).
        GansiftError: if the metric changes with no parameter, or the system was not solved at all: a product is not
            finite, the residual grows, or, with ``refuse``, it is 1 or more, which u = 0 has as well.
    """
    horizon = checked_horizon(run, horizon)
    _check(run, solver, iterations, tolerance, damping, batches, rate, fresh_batches)
    parameters = {player: slots[PARAMETERS] for player, slots in run.state(run.steps).items()}
    of_metric = derivative(metric, run, Trained(run.step.game, parameters, run.weights))
    g = torch.cat([of_metric.by_player[player].double() for player in parameters])
    if not g.any():
        raise GansiftError(f"{metric.name} changes with the training weights alone, not with any parameter; use itd")

    def mean_gradient(numbers: range) -> MeanGradient:
        return MeanGradient(run.step, run.weights, parameters, numbers)

    chosen = last_batches(run.step, batches)
    whole = mean_gradient(chosen)
    games = (mean_gradient(range(batch, batch + 1)) for batch in cycle(chosen)) if fresh_batches else repeat(whole)
    products = _Products(games, damping, progress)
    if solver == "gmres":
        u = gmres(products, g, iterations, tolerance)
    else:
        rate = rate or 1 / largest_stretch(products, g)
        u = neumann(products, g, iterations, None if fresh_batches else tolerance, rate)

    pulled = whole.pull_back(u)
    residual = float((g - pulled.by_parameters - damping * u).norm() / g.norm())
    _log.info(
        "aid: %d Jacobian products over %d batches each, relative residual %.2g. On the way from here to its fixed "
        "point the game would change %s by %.3g, to first order.",
        products.count, 1 if fresh_batches else len(chosen), residual, metric.name, -pulled.value,
    )  # fmt: skip
    _judge(residual, tolerance, refuse)
    by_weight = mean_gradient(last_visits(run.step)).pull_back(u).by_weight
    return Scores(
        ids=run.ids,
        values=(run.weights.double() * (by_weight - of_metric.by_weight)).cpu().numpy(),
        metric=metric.name,
        direction=metric.direction,
        estimator="aid",
        horizon=horizon,
        steps=run.steps,
        removal=run.step.settings.removal,
        run=run.name,
        residual=residual,
    )


class _Products:
    """u -> (J^T + damping I) u, counted; J may be another one each time."""

    def __init__(self, games: Iterator[MeanGradient], damping: float, progress: Progress | None) -> None:
        self._games = games
        self._damping = damping
        self._progress = progress
        self.count = 0

    def __call__(self, u: Tensor) -> Tensor:
        product = next(self._games).pull_back(u).by_parameters + self._damping * u
        self.count += 1
        if not product.isfinite().all():
            raise GansiftError(f"AID broke down: its Jacobian product {self.count} is not finite. {_ADVICE}")
        if self._progress is not None:
            self._progress(self.count)
        return product


_ADVICE = "Train until the players hardly move, use solver='gmres', damping, or with neumann a smaller rate."


def _judge(residual: float, tolerance: float, refuse: bool) -> None:
    if not residual < 1:
        said = f"AID did not solve its linear system: the relative residual is {residual:.3g}"
        if refuse:
            raise GansiftError(f"{said}, and 1 or more is no better than no solution. {_ADVICE}")
        _log.warning("%s; its scores are returned because refuse=False asks for them", said)
    elif residual > tolerance:
        _log.warning(
            "AID's linear system is solved to a relative residual of %.2g only, not %.2g: its scores are approximate. "
            "Give it more iterations or damping.", residual, tolerance,
        )  # fmt: skip


def _check(
    run: Run,
    solver: str,
    iterations: int,
    tolerance: float,
    damping: float,
    batches: int | None,
    rate: float | None,
    fresh_batches: bool,
) -> None:
    if solver not in ("gmres", "neumann"):
        raise UsageError(f"unknown solver {solver!r}; use gmres or neumann")
    if solver != "neumann" and (rate is not None or fresh_batches):
        raise UsageError("rate and fresh_batches are of solver='neumann' alone")
    counts = [iterations] if batches is None else [iterations, batches]
    sizes = [tolerance] if rate is None else [tolerance, rate]
    if min(counts) < 1 or not min(sizes) > 0 or not damping >= 0:
        raise UsageError(
            "AID needs iterations and batches of 1 or more, a tolerance and a rate above 0, and no negative damping; "
            f"got {iterations}, {batches}, {tolerance}, {rate} and {damping}"
        )
    for player, optimizer in run.step.settings.optimizers.items():
        if isinstance(optimizer, AdamW) and optimizer.weight_decay:
            raise UsageError(
                f"the {player}'s decoupled weight decay (AdamW) is not the gradient of a loss, so its fixed point is "
                "not one of the game. Use itd, or train with Adam(weight_decay=...)."
            )
