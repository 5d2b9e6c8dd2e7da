"""A conditional normalizing flow of affine couplings: an invertible map of points for each of several data sets."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from gansift.errors import TrainingError
from gansift.models.layers import Network

# No coupling scales a number by more than e to this power, in either direction.
_BOUND = 2.0


class _Coupling(nn.Module):
    """One half of the numbers is scaled and shifted by what a network makes of the other half and of the condition."""

    order: Tensor
    back: Tensor

    def __init__(self, features: int, conditions: int, hidden: int, order: Tensor) -> None:
        super().__init__()
        self.kept = features // 2
        self.conditions = conditions
        moved = features - self.kept
        self.layers = nn.Sequential(
            nn.Linear(self.kept + conditions, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(),
        )  # fmt: skip
        self.last = nn.Linear(hidden, 2 * moved)
        self.register_buffer("order", order)
        self.register_buffer("back", order.argsort())

    def forward(self, z: Tensor, condition: int) -> tuple[Tensor, Tensor]:
        """The numbers (B, features) after the coupling, and the logarithm of its determinant (B,)."""
        kept, moved = self._halves(z[:, self.order])
        scale, shift = self._terms(kept, condition)
        return torch.cat([kept, moved * scale.exp() + shift], 1), scale.sum(1)

    def inverse(self, v: Tensor, condition: int) -> Tensor:
        """The numbers (B, features) before it."""
        kept, moved = self._halves(v)
        scale, shift = self._terms(kept, condition)
        return torch.cat([kept, (moved - shift) * (-scale).exp()], 1)[:, self.back]

    def _halves(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return z[:, : self.kept], z[:, self.kept :]

    def _terms(self, kept: Tensor, condition: int) -> tuple[Tensor, Tensor]:
        one = torch.eye(self.conditions, dtype=kept.dtype, device=kept.device)[condition]
        made = self.last(self.layers(torch.cat([kept, one.expand(len(kept), -1)], 1)))
        scale, shift = made.chunk(2, 1)
        return _BOUND * torch.tanh(scale / _BOUND), shift


class CouplingFlow(Network):
    """An invertible map v = f(z | c) that makes the points of every condition c normally distributed (RealNVP).

    First every number is shifted and scaled by what belongs to the condition; then come couplings (Dinh et al. 2017)
    whose scales are bounded by a tanh, each after a fixed permutation of the numbers. Training begins at f = identity,
    but for the permutations. By the change of variables,

        log p(z | c) = log N(f(z | c); 0, I) + log |det df/dz|,

    which is what a call returns, so that the flow can be a player whose parameters are substituted.

    Args:
        features: numbers of a point, 2 or more.
        conditions: how many conditions there are.
        hidden: width of the two hidden layers in a coupling.
        blocks: number of couplings.

    Raises:
        TrainingError: for points of fewer than two numbers, or no condition.

    Examples:
        >>> _ = torch.manual_seed(0)
        >>> flow = CouplingFlow(4, 2)
        >>> z = torch.randn(3, 4)
        >>> flow(z, 1).shape, torch.allclose(flow.inverse(flow.normalised(z, 1)[0], 1), z, atol=1e-6)
        (torch.Size([3]), True)
    """

    def __init__(self, features: int, conditions: int, hidden: int = 64, blocks: int = 6) -> None:
        super().__init__()
        if features < 2 or conditions < 1:
            raise TrainingError(
                f"CouplingFlow needs points of two numbers or more, and a condition: {features}, {conditions}"
            )
        self.features, self.conditions = features, conditions
        self.shift = nn.Parameter(torch.empty(conditions, features))
        self.scale = nn.Parameter(torch.empty(conditions, features))
        self.couplings = nn.ModuleList(
            _Coupling(features, conditions, hidden, order) for order in _orders(features, blocks)
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the hidden layers of the couplings anew; everything else is 0."""
        super().reset_parameters()
        lasts = [parameter for one in self.couplings for parameter in cast(_Coupling, one).last.parameters()]
        for parameter in (self.shift, self.scale, *lasts):
            nn.init.zeros_(parameter)

    def forward(self, z: Tensor, condition: int) -> Tensor:
        """Log p(z | c), shape (B,), of points z (B, features) under one condition."""
        v, volume = self.normalised(z, condition)
        return -0.5 * v.square().sum(1) - 0.5 * self.features * math.log(2 * math.pi) + volume

    def normalised(self, z: Tensor, condition: int) -> tuple[Tensor, Tensor]:
        """The point v = f(z | c), shape (B, features), and log |det df/dz|, shape (B,)."""
        v = (z - self.shift[condition]) * (-self.scale[condition]).exp()
        volume = -self.scale[condition].sum().expand(len(z))
        for coupling in self.couplings:
            v, more = coupling(v, condition)
            volume = volume + more
        return v, volume

    def inverse(self, v: Tensor, condition: int) -> Tensor:
        """The points z (B, features) with f(z | c) = v."""
        for coupling in reversed(self.couplings):
            v = cast(_Coupling, coupling).inverse(v, condition)
        return v * self.scale[condition].exp() + self.shift[condition]


def _orders(features: int, blocks: int) -> list[Tensor]:
    """The permutation before each coupling, the same whatever the seed; the halves change places each time."""
    draw = torch.Generator().manual_seed(0)
    orders = []
    for _ in range(blocks):
        kept, moved = torch.arange(features // 2), torch.arange(features // 2, features)
        orders.append(torch.cat([moved, kept])[_within(len(moved), features, draw)])
    return orders


def _within(first: int, features: int, draw: torch.Generator) -> Tensor:
    """A permutation that leaves the first numbers among themselves, and the others, too."""
    return torch.cat([torch.randperm(first, generator=draw), first + torch.randperm(features - first, generator=draw)])
