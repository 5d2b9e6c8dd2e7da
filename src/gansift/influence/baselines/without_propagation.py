"""ITD without propagation, like TracIn (Pruthi et al. 2020): what each step does by itself, added up."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch

from gansift.influence.adjoint import step_adjoint
from gansift.influence.baselines.ranking import scores
from gansift.influence.derivative import derivative
from gansift.influence.estimator import Estimator
from gansift.influence.horizon import checked_horizon
from gansift.influence.itd import Progress
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.state import PARAMETERS, State
from gansift.training.trajectory import Run


def without_propagation(
    run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None
) -> Scores:
    """Score examples by what each step does by itself, as if no later step changed it.

    With g the metric's gradient at the end of the run and p_t the players' parameters before step t,

        score_j = -w_j sum_{t = T-K}^{T-1}  d <g, p_min(t+n, T)> / d w_j,   w_j acting in step t alone,

    where n is the fewest steps in which a weight reaches a parameter that the metric depends on: 1 if the generator
    moves after the discriminator in a step, 2 if both move at once or the generator moves first.

    Left out, compared with `itd`, are
    - the steps after those n: what they make of a change of parameters, and the other player's answer to it;
    - the optimizer's moments as carriers of a change beyond those n steps;
    - the averaged parameters: g is put on the last ones, as if they were read out;
    - the metric at step t: g is its gradient at the end throughout, where TracIn takes that of each checkpoint.
    Updates within the n steps are differentiated exactly, the optimizer included. With K <= n and no average the
    scores are those of `itd`.

    Of a metric that reads the training weights themselves, w_j times its derivative in them is taken off.

    Called like every estimator (`gansift.influence.estimator.Function`). Scores are in the metric's units.

    Raises:
        UsageError: if the horizon is not in the run.
        GansiftError: if the metric's gradient is zero everywhere.
        ReplayError: if a replayed state differs from the recorded one.
    """
    chosen = checked_horizon(run, horizon)
    return without_propagation_horizons(run, metric, [chosen], progress)[chosen]


def without_propagation_horizons(
    run: Run, metric: Metric, horizons: Collection[int], progress: Progress | None = None
) -> dict[int, Scores]:
    """The scores of several horizons from one pass over the steps; see `without_propagation`."""
    wanted = {checked_horizon(run, horizon) for horizon in horizons}
    of_metric = derivative(metric, run)
    end = _end(run, of_metric.by_player)
    by_weight = torch.zeros(len(run.ids), dtype=torch.float64, device=run.step.settings.device)
    found = {}
    # Adjoints after the step at hand: of g put there, and of g put one, two, ... steps later and pulled back.
    pulled = [end]
    for record in run.reversed(run.steps - max(wanted)):
        # No weight is felt in fewer than n steps, so all that is added to by_weight comes from the last of them.
        before = [step_adjoint(run.step, record, run.weights, adjoint, by_weight) for adjoint in pulled]
        # Until one is felt n grows; a shortest path from a weight to the metric visits no player twice.
        n = len(pulled) if by_weight.any() else min(len(pulled) + 1, len(run.step.game.players))
        pulled = [end, *before][:n]
        horizon = run.steps - record.number
        if horizon in wanted:
            values = -(run.weights.double() * (of_metric.by_weight + by_weight)).cpu().numpy()
            found[horizon] = scores(run, metric, horizon, "without-propagation", values)
        if progress is not None:
            progress(record.number)
    return found


def _end(run: Run, gradients: Mapping[str, torch.Tensor]) -> State:
    """The metric's gradient on the last parameters of the players that it reads, zero elsewhere."""
    adjoint = {
        player: {name: torch.zeros_like(value) for name, value in slots.items()}
        for player, slots in run.state(run.steps).items()
    }
    for player, gradient in gradients.items():
        adjoint[player][PARAMETERS] = gradient.to(adjoint[player][PARAMETERS])
    return adjoint


ESTIMATOR = Estimator(
    "without-propagation", without_propagation, label="without propagation", sweep=without_propagation_horizons
)
