"""Retraining without some examples: same seeds, those weights at zero, from where the scores' horizon starts."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from gansift.errors import UsageError
from gansift.influence.scores import Scores
from gansift.training.train import redo
from gansift.training.trajectory import Run


def retrain(run: Run, remove: Scores | Iterable[str], *, horizon: int | None = None, from_start: bool = False) -> Run:
    """Redo the end of a run without some examples.

    Batches, latents and learning rates are those of the run; a removed example keeps its place with weight 0. The
    removal convention is the run's own, which is also that of its scores.

    Args:
        run: the recorded run.
        remove: scores (their ids, from step T - horizon on) or ids.
        horizon: last steps to redo; default that of the scores, or the whole run for ids.
        from_start: remove from the whole run whatever the horizon of the scores.

    Returns:
        A run in memory that starts at step T - horizon.

    Raises:
        UsageError: for ids that the run does not have; a horizon, length of run or removal convention that contradicts
            the scores'; or both ``horizon`` and ``from_start``.
        TrainingError: if the training breaks down.
    """
    if from_start and horizon is not None:
        raise UsageError("give either horizon or from_start, not both")
    if isinstance(remove, Scores):
        if horizon is not None and horizon != remove.horizon:
            raise UsageError(
                f"scores of horizon {remove.horizon} do not predict retraining of the last {horizon} steps. "
                f"Score with horizon={horizon}, or pass the ids alone to redo that anyway."
            )
        removal = run.step.settings.removal
        if (remove.steps, remove.removal) != (run.steps, removal):
            raise UsageError(
                f"these scores are of a run of {remove.steps} steps with {remove.removal} removal; this run has "
                f"{run.steps} steps and {removal} removal. Score this run, or pass the ids alone to redo it anyway."
            )
        horizon = remove.horizon
        ids: Iterable[str] = remove.ids
    else:
        ids = remove
    longest = run.steps - run.start
    length = longest if from_start or horizon is None else horizon
    if not 1 <= length <= longest:
        raise UsageError(f"the horizon {length} is not between 1 and the {longest} steps of the run")
    return redo(run, without(run, ids), length)


def without(run: Run, ids: Iterable[str]) -> Tensor:
    """The run's weights with those of ``ids`` at zero, shape (N,).

    Raises:
        UsageError: for an id that is not among the training examples.
    """
    rows = {identity: row for row, identity in enumerate(run.ids)}
    removed = list(dict.fromkeys(ids))
    unknown = [identity for identity in removed if identity not in rows]
    if unknown:
        raise UsageError(f"{len(unknown)} ids are not among the training examples, e.g. {unknown[0]!r}")
    weights = run.weights.clone()
    weights[torch.tensor([rows[identity] for identity in removed], dtype=torch.long)] = 0
    return weights
