"""Gradients of one update that can be pulled back: products of a loss's second derivatives with a direction.

Exact ones differentiate the graph of the gradient. Those by central differences take two more gradients,

    d<grad L, q> / dx  =  ( dL/dx at theta + e q  -  dL/dx at theta - e q ) / 2e  +  O(e^2),

theta being the parameters of the player that moves and x those of any player or the batch's weights. They need first
derivatives only, of any operator, and share no formula with the exact ones: an independent check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

import torch
from torch import Tensor, vmap

from gansift.training.compiled import Loss
from gansift.training.shards import Shard
from gansift.training.state import PARAMETERS, State
from gansift.training.step import SMALL, Step

#: How second derivatives are taken.
Products = Literal["exact", "central-difference"]

# Share of the parameters' length to go along a direction. At this one the difference's own error and float32's rounding
# together were least: 2e-5 of the largest score.
_STRIDE = 1e-3


@dataclass(frozen=True)
class Update:
    """One player's update in a step: its loss as a function of all parameters and the weights of the batch.

    Attributes:
        step: the pure step.
        number: of the step.
        player: who moves.
        turn: updates of the player earlier in this step.
        rows: of the batch, by data set.
        parameters: flat parameters of every player.
        batch_weights: of the batch's examples, by data set.
    """

    step: Step
    number: int
    player: str
    turn: int
    rows: Mapping[str, Tensor]
    parameters: Mapping[str, Tensor]
    batch_weights: Mapping[str, Tensor]

    @classmethod
    def of(cls, step: Step, number: int, player: str, turn: int, state: State, weights: Tensor) -> Update:
        """The update of a player that reads ``state``."""
        rows = step.rows(number, turn)
        parameters = {name: state[name][PARAMETERS].detach() for name in step.layouts}
        return cls(step, number, player, turn, rows, parameters, step.batch_weights(rows, weights))

    def gradient(self) -> Tensor:
        """The gradient in the player's own parameters, shape (P,)."""
        return self.step.gradient(self.number, self.player, self.turn, self.rows, self.parameters, self.batch_weights)[
            0
        ]

    def loss(self, shard: Shard, inputs: list[Tensor]) -> Tensor:
        """The loss of a part of the batch at given `inputs`; the sum of the losses of seeds that are stacked."""
        parameters = dict(zip(self.parameters, inputs, strict=False))
        weights = dict(zip(self.batch_weights, inputs[len(parameters) :], strict=True))
        return self.step.losses(self.number, self.player, self.turn, self.rows, parameters, weights, shard).sum()

    @property
    def inputs(self) -> list[Tensor]:
        """Each player's parameters, then the batch weights of each data set."""
        return [*self.parameters.values(), *self.batch_weights.values()]

    @property
    def own(self) -> int:
        """Where among the inputs the parameters of the player are."""
        return list(self.parameters).index(self.player)


class Gradient(Protocol):
    """The gradient of an update.

    Attributes:
        value: in the player's own parameters, without a graph, shape (P,), or (R, P) of several seeds that are stacked.
    """

    value: Tensor

    def pull(self, direction: Tensor) -> list[Tensor]:
        """The derivative of <gradient, direction> in each of the update's `inputs`.

        Args:
            direction: of the value's shape, or M of them, (M, ...); results then have the shape (M, ...).
        """
        ...


class ExactGradient:
    """A gradient that is pulled back by differentiating its graph.

    Args:
        update: whose gradient.
        known: its value, if a replay has computed it.
    """

    def __init__(self, update: Update, known: Tensor | None = None) -> None:
        self._update = update
        shards, compiled = update.step.shards, update.step.compiled
        # The graph of several parts would take the memory that parts are there to save; compiled work has none.
        self._kept = _with_graph(update, shards.own[0]) if len(shards.own) == 1 and compiled is None else None
        if known is not None:
            self.value = known
        elif self._kept is not None:
            gradient = self._kept[1].detach()
            (self.value,) = shards.mean(lambda shard: [gradient])
        else:
            self.value = update.gradient()

    def pull(self, direction: Tensor) -> list[Tensor]:
        """See `Gradient`."""
        if self._update.step.compiled is not None:
            return for_each(self._compiled, direction, self.value.ndim)

        def of_shard(shard: Shard) -> list[Tensor]:
            inputs, gradient = self._kept or _with_graph(self._update, shard)
            return products(gradient, direction, inputs)

        return self._update.step.shards.mean(of_shard)

    def _compiled(self, direction: Tensor) -> list[Tensor]:
        update, work = self._update, partial(_products, self._update.own)
        assert update.step.compiled is not None
        return update.step.compiled(
            "second derivatives", work, update.number, update.player, update.turn, update.parameters,
            update.batch_weights, direction,
        )  # fmt: skip


class DifferencedGradient:
    """A gradient that is pulled back by central differences of first-order gradients.

    Args:
        update: whose gradient.
        known: its value, if a replay has computed it.
    """

    def __init__(self, update: Update, known: Tensor | None = None) -> None:
        self._update = update
        self.value = update.gradient() if known is None else known

    def pull(self, direction: Tensor) -> list[Tensor]:
        """See `Gradient`."""
        return for_each(self._along, direction, self.value.ndim)

    def _along(self, direction: Tensor) -> list[Tensor]:
        own = self._update.inputs[self._update.own]
        length = direction.norm(dim=-1, keepdim=True)
        # Along no direction nothing is pulled back; what the two ends differ by there is rounding.
        nowhere = length == 0
        size = own.norm(dim=-1, keepdim=True)
        size = torch.where(size > 0, size, 1)  # a memory may start from nothing
        stride = torch.where(nowhere, torch.inf, _STRIDE * size / length)
        move = torch.where(nowhere, 0, stride * direction)
        ends = torch.stack([own + move, own - move])
        differences = self._update.step.shards.mean(partial(self._difference, ends))
        return [value / (2 * stride) for value in differences]

    def _difference(self, ends: Tensor, shard: Shard) -> list[Tensor]:
        """The first-order gradients at the first end less those at the second, (2, P), in each of the `inputs`.

        With both ends stacked, what they share, say the other player, is computed only once.
        """
        if self._update.step.game.stackable:
            try:
                return self._first_order(ends, shard, lambda loss, ends: vmap(loss)(ends).diff().neg().sum())
            except RuntimeError:  # an operator that cannot be stacked
                pass
        ahead, behind = (self._first_order(end, shard, lambda loss, end: loss(end)) for end in ends)
        return [one - other for one, other in zip(ahead, behind, strict=True)]

    def _first_order(
        self, end: Tensor, shard: Shard, of: Callable[[Callable[[Tensor], Tensor], Tensor], Tensor]
    ) -> list[Tensor]:
        """Derivatives of ``of(loss, end)`` in each of the `inputs`; in the player's own, summed over stacked ends."""
        own = self._update.own
        leaves = [value.detach().requires_grad_() for value in self._update.inputs]
        leaves[own] = end.detach().requires_grad_()

        def loss(at: Tensor) -> Tensor:
            return self._update.loss(shard, [at if row == own else value for row, value in enumerate(leaves)])

        found = list(torch.autograd.grad(of(loss, leaves[own]), leaves, allow_unused=True, materialize_grads=True))
        if end.ndim > self._update.inputs[own].ndim:
            found[own] = found[own].sum(0)
        return found


#: How a gradient is made that can be pulled back, by the name of the products.
GRADIENTS: dict[str, type[ExactGradient] | type[DifferencedGradient]] = {
    "exact": ExactGradient,
    "central-difference": DifferencedGradient,
}


def _with_graph(update: Update, shard: Shard) -> tuple[list[Tensor], Tensor]:
    """Inputs of an update as leaves, and the gradient of a part of its batch, differentiable in them."""
    leaves = [value.detach().requires_grad_() for value in update.inputs]
    (gradient,) = torch.autograd.grad(update.loss(shard, leaves), leaves[update.own], create_graph=True)
    return leaves, gradient


def _products(
    own: int, loss: Loss, parameters: Mapping[str, Tensor], batch_weights: Mapping[str, Tensor], direction: Tensor
) -> list[Tensor]:
    """Derivative of <gradient, direction> in every player's parameters and in the batch's weights."""
    leaves = [value.detach().requires_grad_() for value in (*parameters.values(), *batch_weights.values())]
    values = iter(leaves)
    value = loss({name: next(values) for name in parameters}, {name: next(values) for name in batch_weights})
    (gradient,) = torch.autograd.grad(value.sum(), leaves[own], create_graph=True)
    return [part.detach() for part in products(gradient, direction, leaves)]


def products(gradient: Tensor, direction: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """Derivative of <gradient, direction> in each of ``inputs``; zeros where the gradient does not depend on it.

    Args:
        gradient: with its graph, shape (P,), or (R, P) of several seeds that are stacked.
        direction: of the same shape, or M of them, (M, ...); results then have the shape (M, ...).
        inputs: the leaves of the graph.
    """
    if not gradient.requires_grad:
        return [
            direction.new_zeros(*direction.shape[: direction.ndim - gradient.ndim], *value.shape) for value in inputs
        ]
    if direction.ndim == gradient.ndim:
        return _pulled(gradient, direction, inputs, keep=False)
    if sum(value.numel() for value in inputs) <= SMALL:
        try:
            return _pulled(gradient, direction, inputs, keep=True, batched=True)
        except RuntimeError:  # an operator that cannot be differentiated twice for several directions at once
            pass
    return for_each(lambda one: _pulled(gradient, one, inputs, keep=True), direction, gradient.ndim)


def _pulled(
    gradient: Tensor, direction: Tensor, inputs: list[Tensor], keep: bool, batched: bool = False
) -> list[Tensor]:
    found = torch.autograd.grad(
        gradient, inputs, direction, retain_graph=keep, allow_unused=True, is_grads_batched=batched
    )
    return [
        value.new_zeros(*direction.shape[: direction.ndim - gradient.ndim], *value.shape) if part is None else part
        for part, value in zip(found, inputs, strict=True)
    ]


def for_each(pull: Callable[[Tensor], list[Tensor]], direction: Tensor, ndim: int) -> list[Tensor]:
    """What ``pull`` gives for a direction of so many dimensions, or for each of several, stacked."""
    if direction.ndim == ndim:
        return pull(direction)
    return [torch.stack(parts) for parts in zip(*(pull(one) for one in direction), strict=True)]
