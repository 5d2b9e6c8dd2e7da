"""Derivatives against finite differences, in float64."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

#: A relative difference above this means that one of the two is wrong. Right ones of networks with kinks came to 1e-5.
TOLERANCE = 3e-5

# A right derivative agrees at one of these; a small one keeps kinks (ReLU, max pooling) out of the way, a large one
# rounding errors.
_STEPS = (1e-5, 1e-4, 1e-6, 1e-3, 1e-7)


def disagreement(at: Callable[[float], Tensor], slope: Tensor) -> Tensor:
    """Relative difference between a derivative and central differences, at the step where it is least, shape (K,).

    Args:
        at: t -> values (K,) at distance t, of a length of the order of the arguments' own, in float64.
        slope: the claimed derivative of ``at`` at 0, shape (K,).
    """
    least = torch.full_like(slope, torch.inf)
    for step in _STEPS:
        above, below = at(step), at(-step)
        difference = (above - below) / (2 * step)
        # The last term is what rounding leaves of a derivative that is 0.
        size = torch.stack([difference.abs(), slope.abs(), 1e-4 * above.abs()]).amax(0)
        error = torch.where(difference == slope, 0.0, (difference - slope).abs() / size)
        least = torch.fmin(least, error)
        if (least < TOLERANCE).all():
            break
    return least
