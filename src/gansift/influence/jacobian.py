"""The Jacobian of a whole game at one point, as products of its transpose with a vector; it is never formed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from gansift.influence.gradients import products
from gansift.training.step import Step


class Pulled(NamedTuple):
    """A vector u pulled back through v(theta; w).

    Attributes:
        by_parameters: J^T u with J = dv/dtheta, float64, shape (P,).
        by_weight: u^T dv/dw_j of every example, float64, shape (N,).
        value: u^T v.
    """

    by_parameters: Tensor
    by_weight: Tensor
    value: float


@dataclass(frozen=True)
class MeanGradient:
    """v(theta; w): every player's gradient of its own loss, one below the other, at given parameters and weights.

    A player's loss is the mean over some of a run's batches, with the rows and draws that they had, plus the L2
    penalty of its optimizer. Every player gets every batch, also one that moves less often than others: over a long
    training it meets all examples equally often. For the same reason all examples of a data set that are in these
    batches count the same, however often they are in them.

    Attributes:
        step: the pure step.
        weights: one weight per example, shape (N,).
        parameters: flat parameters of every player; vectors (P,) have them in this order.
        batches: numbers of the batches, counted from 0 over the whole run, ``step.batches`` to a step.
    """

    step: Step
    weights: Tensor
    parameters: Mapping[str, Tensor]
    batches: range

    def pull_back(self, u: Tensor) -> Pulled:
        """J^T u, and what else one sweep over the batches gives; no graph outlives its batch.

        Args:
            u: float64, shape (P,).
        """
        leaves = {player: value.detach().requires_grad_() for player, value in self.parameters.items()}
        directions = dict(zip(leaves, u.split([len(value) for value in leaves.values()]), strict=True))
        by_parameters = {player: torch.zeros_like(direction) for player, direction in directions.items()}
        by_weight = u.new_zeros(len(self.weights))
        value = u.new_zeros(())
        balanced = self.weights * self._balance
        for batch in self.batches:
            number, turn = divmod(batch, self.step.batches)
            rows = self.step.rows(number, turn)
            weights = {
                name: weight.requires_grad_() for name, weight in self.step.batch_weights(rows, balanced).items()
            }
            for player, direction in directions.items():
                penalty = self.step.settings.optimizers[player].weight_decay / 2 * leaves[player].square().sum()
                loss = self.step.loss(number, player, turn, rows, leaves, weights) + penalty
                (gradient,) = torch.autograd.grad(loss, leaves[player], create_graph=True)
                value += gradient.detach().to(u) @ direction
                pulled = products(gradient, direction.to(gradient), [*leaves.values(), *weights.values()])
                for name, product in zip(leaves, pulled, strict=False):
                    by_parameters[name] += product
                for (name, index), product in zip(rows.items(), pulled[len(leaves) :], strict=True):
                    by_weight.index_add_(0, self.step.offsets[name] + index, product.to(u))
        count = len(self.batches)
        flat = torch.cat([*by_parameters.values()])
        return Pulled(flat / count, by_weight * self._balance / count, float(value) / count)

    @cached_property
    def _balance(self) -> Tensor:
        """Factors of the weights with which all examples in the batches count the same, float64, shape (N,)."""
        visits = _visits(self.step, self.batches)
        balance = torch.zeros_like(visits)
        for name, x in self.step.x.items():
            own = slice(self.step.offsets[name], self.step.offsets[name] + len(x))
            counts = visits[own]
            balance[own] = torch.where(counts > 0, counts.sum() / (counts > 0).sum() / counts, 0)
        return balance


def _visits(step: Step, batches: range) -> Tensor:
    """How often each example is in the batches, float64, shape (N,)."""
    visits = torch.zeros(len(step.ids), dtype=torch.float64, device=step.settings.device)
    for batch in batches:
        for name, index in step.rows(*divmod(batch, step.batches)).items():
            visits[step.offsets[name] + index] += 1
    return visits


def last_batches(step: Step, count: int | None = None) -> range:
    """The last ``count`` batches of a run, by default an epoch of the data set with the longest."""
    total = step.settings.steps * step.batches
    if count is None:
        count = max(len(x) // step.settings.batch_size[name] for name, x in step.x.items())
    return range(max(0, total - count), total)


def last_visits(step: Step) -> range:
    """The fewest last batches of a run that have every example in them, or all if there are not enough.

    An epoch drops what is left after its last full batch, so an epoch need not have every example.
    """
    total = step.settings.steps * step.batches
    missing = torch.ones(len(step.ids), dtype=torch.bool, device=step.settings.device)
    first = total
    while first > 0 and missing.any():
        first -= 1
        for name, index in step.rows(*divmod(first, step.batches)).items():
            missing[step.offsets[name] + index] = False
    return range(first, total)
