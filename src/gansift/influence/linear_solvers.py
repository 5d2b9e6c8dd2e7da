"""Solvers of A u = g for a matrix A that is not symmetric and known by its products alone."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy.sparse import linalg
from torch import Tensor

from gansift.errors import GansiftError

#: u -> A u, both float64, shape (P,).
Operator = Callable[[Tensor], Tensor]

# Vectors that GMRES keeps before it starts anew from its solution so far.
_KEPT = 50
# By how much a residual may exceed the smallest before it; products that do not commute let it rise for a while.
_RISE = 10
# Products that tell how far an operator stretches.
_PROBES = 20


def gmres(operator: Operator, g: Tensor, iterations: int, tolerance: float) -> Tensor:
    """Restarted GMRES (Saad and Schultz 1986): the smallest residual that so many products can reach.

    Args:
        operator: u -> A u.
        g: right-hand side, float64, shape (P,).
        iterations: products at most, besides one at each restart.
        tolerance: it ends once ||g - A u|| <= tolerance ||g||.
    """

    def product(u: np.ndarray) -> np.ndarray:
        return operator(torch.tensor(u, dtype=g.dtype, device=g.device)).cpu().numpy()

    cycles = math.ceil(iterations / _KEPT)
    solution, _ = linalg.gmres(
        linalg.LinearOperator((len(g), len(g)), product, dtype=np.float64),
        g.cpu().numpy(),
        rtol=tolerance,
        restart=math.ceil(iterations / cycles),
        maxiter=cycles,
    )
    return torch.tensor(solution, dtype=g.dtype, device=g.device)


def neumann(operator: Operator, g: Tensor, iterations: int, tolerance: float | None, rate: float) -> Tensor:
    """The Neumann series u = rate sum_{i=0}^{M} (I - rate A)^i g, by u <- (I - rate A) u + rate g.

    It converges if every eigenvalue of I - rate A is inside the unit circle: if plain gradient descent of all players
    at once, with this learning rate, is stable there.

    Args:
        operator: u -> A u.
        g: right-hand side, float64, shape (P,).
        iterations: products at most, M.
        tolerance: it ends once ||g - A u|| <= tolerance ||g||. None where ``operator`` is another one in each product
            (fresh batches), so that residuals of single products tell nothing: all iterations are then done.
        rate: step size; see `largest_stretch`.

    Raises:
        GansiftError: if the residual grows.
    """
    u = rate * g
    smallest = math.inf
    for _ in range(iterations):
        residual = g - operator(u)
        if tolerance is not None:
            norm = float(residual.norm())
            if norm <= tolerance * float(g.norm()):
                break
            smallest = min(smallest, norm)
            if norm > _RISE * smallest:
                raise GansiftError(
                    f"the Neumann series diverges at rate {rate:.3g}: either the rate is too large, or the players are "
                    "not near a stable fixed point. Use solver='gmres', a smaller rate, damping, or train longer."
                )
        u = u + rate * residual
    return u


def largest_stretch(operator: Operator, g: Tensor) -> float:
    """The largest ||A x|| / ||x|| met in a power iteration from ``g``: of ||A||, as far as ``g`` excites it.

    Args:
        operator: u -> A u.
        g: where it starts, float64, shape (P,), not 0.
    """
    stretches = []
    for _ in range(_PROBES):
        g = operator(g / g.norm())
        stretches.append(float(g.norm()))
    return max(stretches)
