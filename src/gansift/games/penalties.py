"""Penalties on the discriminator's input gradient, one value per example, so that they can be weighted."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def input_gradient(discriminator: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """D D(x_i) / d x_i of every row, shape of ``x``, differentiable in x and in the discriminator's parameters.

    By `torch.func.grad`, which, unlike `torch.autograd.grad`, also works where many replicas are trained at once.
    """
    return torch.func.grad(lambda rows: discriminator(rows).sum())(x)


def squared_input_gradient(discriminator: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """R1 of each example (Mescheder et al. 2018, equation 9 without its factor): ||d D(x_i) / d x_i||^2, (B,).

    Args:
        discriminator: (B, *shape) -> (B,), row by row.
        x: the examples, shape (B, *shape).
    """
    gradient = input_gradient(discriminator, x)
    return gradient.flatten(1).square().sum(1)


def unit_gradient(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """WGAN-GP of each real example (Gulrajani et al. 2017, equation 3 without its factor), shape (B,).

    The i-th value belongs to the i-th real example: (||d D(y_i) / d y_i|| - 1)^2 at y_i between it and the i-th
    generated sample.

    Args:
        discriminator: (B, *shape) -> (B,), row by row.
        real: real examples, shape (B, *shape).
        fake: generated samples, shape (B, *shape), differentiable in the generator.
        mix: share of the real example in each point, shape (B,), within [0, 1].
    """
    share = mix.view(-1, *[1] * (real.ndim - 1))
    gradient = input_gradient(discriminator, share * real + (1 - share) * fake)
    # The tiny constant only keeps the root differentiable where the gradient vanishes.
    return (gradient.flatten(1).square().sum(1) + 1e-12).sqrt().sub(1).square()
