"""ITD: influence by differentiating through the training run (Terashita, Ohashi and Hara 2025).

Exact for both players, every optimizer and its moments, schedules, penalties and the averaged generator.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

import torch

from gansift.errors import GansiftError, UsageError
from gansift.influence.adjoint import step_adjoint
from gansift.influence.horizon import believable, checked_horizon, predicted_effect, scale_of, trust
from gansift.influence.scores import Scores
from gansift.metrics.metric import Metric
from gansift.training.state import AVERAGE, PARAMETERS, State
from gansift.training.trajectory import Run

_log = logging.getLogger(__name__)

#: Called after every step of the backward sweep with its number.
Progress = Callable[[int], None]


class _Swept(NamedTuple):
    """What a sweep knows after each step: how far back it is, the metric's derivative in the weights, the growth."""

    horizon: int
    by_weight: torch.Tensor
    growth: list[tuple[int, float, float]]


def itd(run: Run, metric: Metric, horizon: int | str | None = None, progress: Progress | None = None) -> Scores:
    """Score every training example by one backward sweep through the last ``horizon`` steps.

    Args:
        run: a recorded run.
        metric: what the scores predict the change of.
        horizon: K, steps to differentiate through; default the whole run. Scores of horizon K predict retraining
            from step T - K on. ``auto`` stops where the adjoint has grown so much that scores could not be believed
            any more (see `influence.horizon`): the longest believable horizon.
        progress: called after every step.

    Returns:
        Scores in the order of ``run.ids``.

    Raises:
        UsageError: if the horizon is not in the run.
        GansiftError: if the sweep overflows before it gets there; the step is logged.
        ReplayError: if a replayed state differs from the recorded one.
    """
    if horizon == "auto":
        return _believable(run, metric, progress)
    if isinstance(horizon, str):
        raise UsageError(f"the horizon is a number of steps, None for the whole run, or 'auto', not {horizon!r}")
    chosen = checked_horizon(run, horizon)
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
    for horizon in horizons:
        checked_horizon(run, horizon)
    return {
        swept.horizon: _scores(run, metric, swept)
        for swept in _sweep(run, metric, max(horizons), progress)
        if swept.horizon in horizons
    }


def _believable(run: Run, metric: Metric, progress: Progress | None) -> Scores:
    """Scores of the longest horizon within which growth and effect stay believable."""
    kept: _Swept | None = None
    accumulated = 0.0
    for swept in _sweep(run, metric, run.steps - run.start, progress):
        end, norm = swept.growth[0][1], swept.growth[-1][1]
        accumulated += norm / end if end else 1.0
        if kept is not None and not believable(swept.growth, swept.horizon, accumulated, run.epoch):
            break
        kept = swept._replace(by_weight=swept.by_weight.clone(), growth=list(swept.growth))
    if kept is None:
        raise GansiftError("no scores: the backward sweep overflowed at once. Train more smoothly.")
    found = trust(kept.growth if kept.horizon == run.steps - run.start else swept.growth, run.epoch)
    _log.log(logging.WARNING if found.state == "chaotic" else logging.INFO, "%s", found.sentence(run.epoch))
    return _scores(run, metric, kept)


def _sweep(run: Run, metric: Metric, longest: int, progress: Progress | None) -> Iterator[_Swept]:
    """Go back step by step; ends early, with a warning, where the adjoint overflows."""
    adjoint = _end(run, metric)
    by_weight = torch.zeros(len(run.ids), dtype=torch.float64, device=run.step.settings.device)
    growth: list[tuple[int, float, float]] = []
    there, scale = run.weights.cpu() > 0, scale_of(metric, run)
    for record in run.reversed(run.steps - longest):
        adjoint = step_adjoint(run.step, record, run.weights, adjoint, by_weight)
        norm = _norm(adjoint)
        if not norm < float("inf"):
            _log.warning("%s", _overflow(run, record.number))
            return
        growth.append((record.number, norm, predicted_effect(by_weight.cpu()[there].numpy(), scale)))
        yield _Swept(run.steps - record.number, by_weight, growth)
        if progress is not None:
            progress(record.number)


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
    """Norm of what belongs to parameters and their averages: optimizer moments are of other units and scales."""
    kept = [slots[name] for slots in adjoint.values() for name in (PARAMETERS, AVERAGE) if name in slots]
    return float(sum(value.double().square().sum() for value in kept)) ** 0.5


def _scores(run: Run, metric: Metric, swept: _Swept) -> Scores:
    # Removal takes a weight from its value in the run (1) to 0.
    values = -(run.weights.double() * swept.by_weight).cpu().numpy()
    return Scores(
        ids=run.ids,
        values=values,
        metric=metric.name,
        direction=metric.direction,
        estimator="itd",
        horizon=swept.horizon,
        steps=run.steps,
        removal=run.step.settings.removal,
        run=run.name,
        growth=tuple(swept.growth),
    )
