"""The adjoint of one training step: how the metric at the end depends on the state before the step.

An adjoint has the form of a state and holds the derivative of the metric in each of its numbers, or of M metrics, one
below the other, (M, P). Every move is linearised by itself, at the state that its players read, so a gradient of an
alternating step never sees the path through the other player's update of the same step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gansift.influence.gradients import GRADIENTS, Products, Update, products
from gansift.influence.redrawn import weight_products
from gansift.training.devices import repeatable
from gansift.training.state import AVERAGE, PARAMETERS, State
from gansift.training.step import Move, Step
from gansift.training.trajectory import Recorded


def step_adjoint(
    step: Step,
    record: Recorded,
    weights: Tensor,
    adjoint: State,
    by_weight: Tensor,
    products: Products = "exact",
    redrawn: Sequence[Step] = (),
) -> State:
    """Pull an adjoint back through one step.

    Args:
        step: the pure step.
        record: the step's number and the state before each of its moves.
        weights: one weight per example, shape (N,).
        adjoint: derivative of the metric in the state after the step, slots (P,); or of M metrics, (M, P).
        by_weight: derivative of the metric in each weight so far, float64, shape (N,) or (M, N); this step's share is
            added.
        products: how second derivatives are taken, see `influence.gradients`.
        redrawn: the same step with other batches and random numbers, over which a move's share in the weights is
            averaged, see `influence.redrawn`.

    Returns:
        The derivative of the metric in the state before the step.
    """
    if record.eve is not None:
        adjoint = _event_adjoint(step, record.number, record.eve, weights, adjoint, by_weight)
    adjoint = _average_adjoint(step, adjoint)
    for row in reversed(range(len(step.moves))):
        known = record.gradients[row] if record.gradients is not None else {}
        with repeatable(step.settings.device):
            adjoint = _move_adjoint(
                step, record.number, step.moves[row], record.before[row], known, weights, adjoint, by_weight, products,
                redrawn,
            )  # fmt: skip
    return adjoint


def _event_adjoint(step: Step, number: int, state: State, weights: Tensor, adjoint: State, by_weight: Tensor) -> State:
    """Through what an event leaves as it is, and into what it makes the numbers of that it replaces."""
    parameters = {name: state[name][PARAMETERS].detach().requires_grad_() for name in step.layouts}
    rows = step.rows(number, 0)
    batch_weights = {name: value.detach().requires_grad_() for name, value in step.batch_weights(rows, weights).items()}
    before, inputs = dict(adjoint), [*parameters.values(), *batch_weights.values()]
    with repeatable(step.settings.device):
        replaced = step.event(number, parameters, batch_weights)
        if not replaced:
            return adjoint
        towards = []
        for player, new in replaced.items():
            left = new.parameters.detach() == state[player][PARAMETERS]
            before[player] = {
                name: torch.where(left, slot, 0) if name == AVERAGE else _to_source(slot, new.source)
                for name, slot in adjoint[player].items()
            }
            before[player][PARAMETERS] = torch.zeros_like(adjoint[player][PARAMETERS])
            # The average of a number that is replaced starts from the new one.
            started = torch.where(left, 0, adjoint[player][AVERAGE]) if AVERAGE in adjoint[player] else 0
            towards.append(adjoint[player][PARAMETERS] + started)
        shares = products(torch.cat([new.parameters for new in replaced.values()]), torch.cat(towards, -1), inputs)
    for name, share in zip(parameters, shares, strict=False):
        before[name] = before[name] | {PARAMETERS: before[name][PARAMETERS] + share}
    for (name, index), share in zip(rows.items(), shares[len(parameters) :], strict=True):
        by_weight.index_add_(-1, step.offsets[name] + index, share.to(by_weight.dtype))
    return before


def _to_source(slot: Tensor, source: Tensor) -> Tensor:
    """The adjoint of moments before an event, (P,) or (M, P): each takes the shares of all that went on with it."""
    known = source >= 0
    return torch.zeros_like(slot).index_add(-1, source[known], slot[..., known])


def _add(by_weight: Tensor, rows: Tensor, share: Tensor) -> None:
    """Add the share of the examples in a batch, (..., B), to that of all, (..., N); of R seeds rows are (R, B)."""
    if rows.ndim == 2:  # as one long row, the seeds one after the other
        count = by_weight.shape[-1]
        rows = (rows + count * torch.arange(len(rows), device=rows.device)[:, None]).flatten()
        by_weight, share = by_weight.flatten(-2), share.flatten(-2)
    by_weight.index_add_(-1, rows, share.to(by_weight.dtype))


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
    step: Step,
    number: int,
    move: Move,
    state: State,
    known: dict[str, Tensor],
    weights: Tensor,
    adjoint: State,
    by_weight: Tensor,
    products: Products,
    redrawn: Sequence[Step],
) -> State:
    """Through the updates of players that moved together, all of them from ``state``."""
    before = dict(adjoint)
    through_gradients = []
    for player, turn in zip(move.players, move.turns, strict=True):
        update = Update.of(step, number, player, turn, state, weights)
        gradient = GRADIENTS[products](update, known.get(player))
        before[player], direction = _optimizer_adjoint(
            step, number, player, turn, state, gradient.value, adjoint[player]
        )
        pulled = gradient.pull(direction)
        through_gradients.append(dict(zip(update.parameters, pulled, strict=False)))
        looks = [(update, pulled[len(update.parameters) :])]
        for other in redrawn:
            again = Update.of(other, number, player, turn, state, weights)
            looks.append((again, weight_products(again, direction, products)))
        for look, shares in looks:
            for (name, index), share in zip(look.rows.items(), shares, strict=True):
                _add(by_weight, step.offsets[name] + index, share / len(looks))
    for of_player in through_gradients:
        for name, product in of_player.items():
            before[name] = before[name] | {PARAMETERS: before[name][PARAMETERS] + product}
    return before


def _optimizer_adjoint(
    step: Step, number: int, player: str, turn: int, state: State, gradient: Tensor, adjoint: dict[str, Tensor]
) -> tuple[dict[str, Tensor], Tensor]:
    """Through one optimizer update: the adjoint of the player's slots before it, and of its loss's gradient.

    The update is elementwise, so differentiating the very function that training used costs next to nothing, and M
    adjoints are those of M copies of it.
    """
    copies = adjoint[PARAMETERS].shape
    slots = {
        name: value.detach().expand(copies).requires_grad_() for name, value in state[player].items() if name != AVERAGE
    }
    gradient = gradient.detach().expand(copies).requires_grad_()
    updated = step.optimizer_update(player, slots, gradient, number, turn)
    results = torch.autograd.grad(
        list(updated.values()),
        [*slots.values(), gradient],
        [adjoint[name] for name in updated],
        allow_unused=True,
        materialize_grads=True,
    )
    return adjoint | dict(zip(slots, results, strict=False)), results[-1]
