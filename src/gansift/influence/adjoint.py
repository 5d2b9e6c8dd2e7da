"""The exact adjoint of one training step: how the metric at the end depends on the state before the step.

An adjoint has the form of a state and holds the derivative of the metric in each of its numbers. Every move is
linearised by itself, at the state that its players read, so a gradient of an alternating step never sees the path
through the other player's update of the same step.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gansift.training.state import AVERAGE, PARAMETERS, State
from gansift.training.step import Move, Step
from gansift.training.trajectory import Recorded


def step_adjoint(step: Step, record: Recorded, weights: Tensor, adjoint: State, by_weight: Tensor) -> State:
    """Pull an adjoint back through one step.

    Args:
        step: the pure step.
        record: the step's number and the state before each of its moves.
        weights: one weight per example, shape (N,).
        adjoint: derivative of the metric in the state after the step.
        by_weight: derivative of the metric in each weight so far, float64, shape (N,); this step's share is added.

    Returns:
        The derivative of the metric in the state before the step.
    """
    adjoint = _average_adjoint(step, adjoint)
    for move, state in zip(reversed(step.moves), reversed(record.before), strict=True):
        adjoint = _move_adjoint(step, record.number, move, state, weights, adjoint, by_weight)
    return adjoint


def _average_adjoint(step: Step, adjoint: State) -> State:
    """Through a' = ema a + (1 - ema) p: the parameters take their share, the average keeps the rest."""
    ema = step.settings.ema
    return {
        player: slots | {PARAMETERS: slots[PARAMETERS] + (1 - ema) * slots[AVERAGE], AVERAGE: ema * slots[AVERAGE]}
        if AVERAGE in slots
        else slots
        for player, slots in adjoint.items()
    }


def _move_adjoint(
    step: Step, number: int, move: Move, state: State, weights: Tensor, adjoint: State, by_weight: Tensor
) -> State:
    """Through the updates of players that moved together, all of them from ``state``."""
    before = dict(adjoint)
    through_gradients = []
    for player, turn in zip(move.players, move.turns, strict=True):
        rows = step.rows(number, turn)
        parameters = {name: slots[PARAMETERS].detach().requires_grad_() for name, slots in state.items()}
        batch_weights = {
            name: value.detach().requires_grad_() for name, value in step.batch_weights(rows, weights).items()
        }
        loss = step.loss(number, player, turn, rows, parameters, batch_weights)
        (gradient,) = torch.autograd.grad(loss, parameters[player], create_graph=True)
        before[player], by_gradient = _optimizer_adjoint(
            step, number, player, turn, state, gradient.detach(), adjoint[player]
        )
        pulled = products(gradient, by_gradient, [*parameters.values(), *batch_weights.values()])
        through_gradients.append(dict(zip(parameters, pulled, strict=False)))
        for (name, index), share in zip(rows.items(), pulled[len(parameters) :], strict=True):
            by_weight.index_add_(0, step.offsets[name] + index, share.to(by_weight.dtype))
    for of_player in through_gradients:
        for name, product in of_player.items():
            before[name] = before[name] | {PARAMETERS: before[name][PARAMETERS] + product}
    return before


def _optimizer_adjoint(
    step: Step, number: int, player: str, turn: int, state: State, gradient: Tensor, adjoint: dict[str, Tensor]
) -> tuple[dict[str, Tensor], Tensor]:
    """Through one optimizer update: the adjoint of the player's slots before it, and of its loss's gradient.

    The update is elementwise, so differentiating the very function that training used costs next to nothing.
    """
    slots = {name: value.detach().requires_grad_() for name, value in state[player].items() if name != AVERAGE}
    gradient = gradient.requires_grad_()
    updated = step.optimizer_update(player, slots, gradient, number, turn)
    results = torch.autograd.grad(
        list(updated.values()),
        [*slots.values(), gradient],
        [adjoint[name] for name in updated],
        allow_unused=True,
        materialize_grads=True,
    )
    return adjoint | dict(zip(slots, results, strict=False)), results[-1]


def products(gradient: Tensor, by_gradient: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """Derivative of <gradient, by_gradient> in each of ``inputs``; zeros where the gradient does not depend on it."""
    if not gradient.requires_grad:
        return [torch.zeros_like(value) for value in inputs]
    return list(torch.autograd.grad(gradient, inputs, by_gradient, allow_unused=True, materialize_grads=True))
