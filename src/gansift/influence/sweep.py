"""The backward sweep: the adjoints of several metrics, and of several runs, pulled back step by step."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gansift.influence.adjoint import step_adjoint
from gansift.influence.derivative import derivative
from gansift.influence.gradients import Products
from gansift.influence.horizon import predicted_effect, refuse_private, scale_of
from gansift.metrics.metric import Metric
from gansift.training.devices import repeatable
from gansift.training.stacked import Stack, run_of
from gansift.training.state import AVERAGE, PARAMETERS, State, stacked
from gansift.training.trajectory import Run

_log = logging.getLogger(__name__)

#: Called after every step of the backward sweep, for each run, with the step's number.
Progress = Callable[[int], None]


class Swept(NamedTuple):
    """What a sweep of one run knows after each step.

    Attributes:
        horizon: how far back it is.
        by_weight: each metric's derivative in the weights, float64, shape (M, N); the sweep goes on changing it.
        growth: of each metric's adjoint, see `influence.horizon`; a list that the sweep goes on filling.
    """

    horizon: int
    by_weight: Tensor
    growth: list[list[tuple[int, float, float]]]


def sweep(
    runs: Sequence[Run],
    metrics: Sequence[Sequence[Metric]],
    longest: int,
    progress: Progress | None,
    products: Products,
    redraws: int = 0,
) -> Iterator[dict[int, Swept]]:
    """Go back step by step.

    Args:
        runs: one run, or several that can be swept together (`training.stacked.stacks_of`).
        metrics: of each run, as many for each; at least one.
        longest: horizon of the last step.
        progress: see `Progress`.
        products: how second derivatives are taken, see `influence.gradients`.
        redraws: other batches and random numbers with which each update is looked at, see `influence.redrawn`.

    Yields:
        After every step what is known of each run, by its number. A run whose adjoint overflows is left out from there
        on, with a warning; the sweep ends with the last one.

    Raises:
        GansiftError, UsageError, ReplayError: as `influence.itd`.
    """
    run = run_of(runs)
    refuse_private(run)
    step, device = run.step, run.step.settings.device
    stack = step if isinstance(step, Stack) else None
    with repeatable(device):
        derivatives = [
            [derivative(metric, own) for metric, own in zip(of_each, runs, strict=True)]
            for of_each in zip(*metrics, strict=True)
        ]
    count = len(metrics[0])
    # A single metric goes without the dimension that counts them: torch need not vectorise anything then.
    single = count == 1
    ends = [
        [_end(own, of_run.by_player) for own, of_run in zip(runs, of_metric, strict=True)] for of_metric in derivatives
    ]
    begun = [of_metric[0] if stack is None else stack.together(of_metric) for of_metric in ends]
    adjoint = begun[0] if single else stacked(begun)
    shares = [[of_run.by_weight for of_run in of_metric] for of_metric in derivatives]
    by_weight = torch.stack([of_metric[0] if stack is None else stack.filled(of_metric) for of_metric in shares])
    of_runs = [by_weight] if stack is None else [by_weight[:, place] for place in stack.places]
    growth: list[list[list[tuple[int, float, float]]]] = [[[] for _ in range(count)] for _ in runs]
    there = [own.weights.cpu() > 0 for own in runs]
    scales = [[scale_of(metric, own) for metric in of_run] for of_run, own in zip(metrics, runs, strict=True)]
    left = list(range(len(runs)))
    redrawn = [step.redrawn(look) for look in range(redraws)]
    # Where the gradient's own graph is not needed, what the replay knows of it saves computing it again.
    known = products != "exact" or len(step.shards.own) > 1 or step.compiled is not None
    for record in run.reversed(run.steps - longest, gradients=known):
        shared = by_weight[0] if single else by_weight
        adjoint = step_adjoint(step, record, run.weights, adjoint, shared, products, redrawn)
        norms = _norms(adjoint).reshape(count, -1)[:, [0] if stack is None else stack.places].T.tolist()
        for row in [row for row in left if not max(norms[row]) < float("inf")]:
            _log.warning("%s", _overflow(runs[row], record.number))
            left.remove(row)
        if not left:
            return
        for row in left:
            for metric, norm in enumerate(norms[row]):
                own = of_runs[row][metric].cpu()[there[row]].numpy()
                growth[row][metric].append((record.number, norm, predicted_effect(own, scales[row][metric])))
        yield {row: Swept(run.steps - record.number, of_runs[row], growth[row]) for row in left}
        if progress is not None:
            for _ in runs:
                progress(record.number)


def _overflow(run: Run, number: int) -> str:
    return (
        f"the backward sweep overflowed at step {number}: this training is chaotic, and scores of a horizon beyond "
        f"{run.steps - number - 1} steps do not exist. Train more smoothly (larger eps with eps_inside, R1, lower "
        "learning rate) to reach further back."
    )


def _end(run: Run, gradients: Mapping[str, Tensor]) -> State:
    """The adjoint after the last step: the metric's gradient in the parameters that it reads, zero elsewhere."""
    state = run.state(run.steps)
    adjoint = {
        player: {name: torch.zeros_like(value) for name, value in slots.items()} for player, slots in state.items()
    }
    for player, gradient in gradients.items():
        slot = AVERAGE if AVERAGE in adjoint[player] else PARAMETERS
        adjoint[player][slot] = gradient.to(state[player][slot])
    return adjoint


def _norms(adjoint: State) -> Tensor:
    """Norms of what belongs to parameters and their averages, one for each metric and run.

    Optimizer moments are of other units and scales.
    """
    kept = [slots[name] for slots in adjoint.values() for name in (PARAMETERS, AVERAGE) if name in slots]
    return torch.stack([value.double().square().sum(-1) for value in kept]).sum(0).sqrt()
