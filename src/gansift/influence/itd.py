"""ITD: influence by differentiating through the training run (Terashita, Ohashi and Hara 2025).

Exact for both players, every optimizer and its moments, schedules, penalties and the averaged generator.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

import torch

from gansift.errors import GansiftError, UsageError
from gansift.influence.adjoint import step_adjoint
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.state import AVERAGE, PARAMETERS, State
from gansift.training.trajectory import Run

_log = logging.getLogger(__name__)

#: Called after every step of the backward sweep with its number.
Progress = Callable[[int], None]


def itd(run: Run, metric: Metric, horizon: int | None = None, progress: Progress | None = None) -> Scores:
    """Score every training example by one backward sweep through the last ``horizon`` steps.

    Args:
        run: a recorded run.
        metric: what the scores predict the change of.
        horizon: K, steps to differentiate through; default the whole run. Scores of horizon K predict retraining
            from step T - K on.
        progress: called after every step.

    Returns:
        Scores in the order of ``run.ids``.

    Raises:
        UsageError: if the horizon is not in the run.
        GansiftError: if the sweep overflows before it gets there; the step is logged.
        ReplayError: if a replayed state differs from the recorded one.
    """
    chosen = run.steps - run.start if horizon is None else horizon
    scores = itd_horizons(run, metric, [chosen], progress)
    if chosen not in scores:
        raise GansiftError(f"no scores of horizon {chosen}: the backward sweep overflowed. Choose a shorter horizon.")
    return scores[chosen]


def itd_horizons(
    run: Run, metric: Metric, horizons: Collection[int], progress: Progress | None = None
) -> dict[int, Scores]:
    """The scores of several horizons from one sweep, as long as the longest of them.

    Args:
        run: a recorded run.
        metric: what the scores predict the change of.
        horizons: in steps, each between 1 and the length of the run.
        progress: called after every step.

    Raises:
        UsageError, ReplayError: as `itd`.

    Returns:
        Scores by horizon; those beyond a step at which the sweep overflowed are left out, with a warning.
    """
    longest = run.steps - run.start
    for horizon in horizons:
        if not 1 <= horizon <= longest:
            raise UsageError(f"the horizon {horizon} is not between 1 and the {longest} steps of the run")
    adjoint = _end(run, metric)
    by_weight = torch.zeros(len(run.ids), dtype=torch.float64, device=run.step.settings.device)
    growth, scores = [], {}
    for record in run.reversed(run.steps - max(horizons)):
        adjoint = step_adjoint(run.step, record, run.weights, adjoint, by_weight)
        norm = _norm(adjoint)
        if not norm < float("inf"):
            _log.warning("%s", _overflow(run, record.number))
            break
        growth.append((record.number, norm))
        horizon = run.steps - record.number
        if horizon in horizons:
            scores[horizon] = _scores(run, metric, by_weight, horizon, growth)
        if progress is not None:
            progress(record.number)
    return scores


def _overflow(run: Run, number: int) -> str:
    return (
        f"the backward sweep overflowed at step {number}: this training is chaotic, and scores of a horizon beyond "
        f"{run.steps - number - 1} steps do not exist. Train more smoothly (larger eps with eps_inside, R1, lower "
        "learning rate) to reach further back."
    )


def _end(run: Run, metric: Metric) -> State:
    """The adjoint after the last step: the metric's gradient in the parameters that it reads, zero elsewhere."""
    state = run.state(run.steps)
    adjoint = {
        player: {name: torch.zeros_like(value) for name, value in slots.items()} for player, slots in state.items()
    }
    for player, gradient in metric.gradient(run).items():
        slot = AVERAGE if AVERAGE in adjoint[player] else PARAMETERS
        adjoint[player][slot] = gradient.to(state[player][slot])
    return adjoint


def _norm(adjoint: State) -> float:
    return float(sum(value.double().square().sum() for slots in adjoint.values() for value in slots.values())) ** 0.5


def _scores(run: Run, metric: Metric, by_weight: torch.Tensor, horizon: int, growth: list[tuple[int, float]]) -> Scores:
    # Removal takes a weight from its value in the run (1) to 0.
    values = -(run.weights.double() * by_weight).cpu().numpy()
    return Scores(
        ids=run.ids,
        values=values,
        metric=metric.name,
        direction=metric.direction,
        estimator="itd",
        horizon=horizon,
        steps=run.steps,
        removal=run.step.settings.removal,
        run=run.name,
        growth=tuple(growth),
    )
