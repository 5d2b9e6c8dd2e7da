"""Many retrainings of one run at once: replicas that differ only in the weights of the examples."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from gansift.cleansing.retrain import without
from gansift.errors import TrainingError
from gansift.games.trained import Trained
from gansift.influence.doctor.stacking import stacking_fault
from gansift.training.reweighted import Reweighted
from gansift.training.state import is_finite, readout, row_of
from gansift.training.step import Step
from gansift.training.train import redo
from gansift.training.trajectory import Run
from gansift.training.work import replicas_together

_log = logging.getLogger(__name__)

# Whether what a game says of itself has held in one stacked step, by step: looked at once each.
_holds: WeakKeyDictionary[Step, bool] = WeakKeyDictionary()

# Parameters of all replicas that are stacked together: enough to keep the interpreter's share small, and few enough
# that a step stays in the processor's caches, and that memory does not grow with the number of removals.
_STACKED = 600_000

#: Called with a number of training steps that were redone.
Done = Callable[[int], None]


def retrained_players(
    run: Run, removals: Sequence[Iterable[str]], horizon: int, done: Done | None = None
) -> list[Trained | None]:
    """The trained players after redoing the last ``horizon`` steps without each of several sets of examples.

    Args:
        run: the recorded run.
        removals: the ids to remove, one set for each retraining.
        horizon: steps to redo.
        done: as of `reweighted_players`.

    Returns:
        As `reweighted_players`.

    Raises:
        UsageError: for unknown ids or a horizon that is not in the run.
    """
    return reweighted_players(run, [without(run, ids) for ids in removals], horizon, done)


def reweighted_players(
    run: Run, weights: Sequence[Tensor], horizon: int, done: Done | None = None
) -> list[Trained | None]:
    """The trained players after redoing the last ``horizon`` steps with each of several weights of the examples.

    Small networks of a game that says it is `stackable`, and proves it in one step, are stacked and trained together,
    which agrees with `retrain` up to rounding; others are retrained one after the other.

    Args:
        run: the recorded run.
        weights: of every example, shape (N,), one tensor for each retraining.
        horizon: steps to redo.
        done: called after every retraining, or every stack of them.

    Returns:
        The players of each; None where the training broke down (NaN or infinite parameters).

    Raises:
        UsageError: for a horizon that is not in the run.
    """
    players: list[Trained | None] = []
    stacked = stack_size(run.step)
    for first in range(0, len(weights), stacked):
        chunk = weights[first : first + stacked]
        players += [_alone(run, chunk[0], horizon)] if stacked == 1 else _together(run, chunk, horizon)
        if done is not None:
            done(horizon * len(chunk))
    return players


def stack_size(step: Step) -> int:
    """How many retrainings of a run are trained together; 1 where they are not stacked.

    Retrainings may be split over calls of `retrained_players` without a change to any bit if all calls but the last
    get a multiple of this many.
    """
    if not step.game.stackable:
        return 1
    size = replicas_together(step, _STACKED)
    return size if size > 1 and _stackable(step) else 1


def _stackable(step: Step) -> bool:
    """Whether a game that says it is stackable is; a warning names one that is not."""
    if step not in _holds:
        fault = stacking_fault(step)
        _holds[step] = fault is None
        if fault is not None:
            _log.warning(
                "%s says that it is stackable, and it is not: %s. It is retrained one by one.",
                type(step.game).__name__,
                fault,
            )
    return _holds[step]


def _alone(run: Run, weights: Tensor, horizon: int) -> Trained | None:
    try:
        return redo(run, weights, horizon).trained()
    except TrainingError:
        return None


def _together(run: Run, chunk: Sequence[Tensor], horizon: int) -> list[Trained | None]:
    weights = torch.stack(list(chunk))
    step, start = Reweighted.of(run.step, len(weights)), run.steps - horizon
    states = step.expanded(run.state(start))
    for number in range(start, run.steps):
        states = step(states, number, weights)
    replicas = [row_of(states, row) for row in range(len(weights))]
    return [
        Trained(run.step.game, readout(replica), own) if is_finite(replica) else None
        for replica, own in zip(replicas, weights, strict=True)
    ]
