"""Layers whose first, second and third derivatives are right, and the base class of every network here.

PyTorch's fused batch, layer and instance norms keep statistics without a graph back to the input, so derivatives
of a gradient penalty through them are silently wrong. Everything here is made of group norm and plain arithmetic.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from gansift.errors import TrainingError

#: Activations by name; all but ``relu`` are smooth, which second derivatives in training want.
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "relu": nn.ReLU,
}


def activation_layer(name: str) -> nn.Module:
    """The activation of that name.

    Raises:
        TrainingError: for an unknown name, listing the known ones.
    """
    if name not in ACTIVATIONS:
        raise TrainingError(f"unknown activation {name!r}; choose one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()


class Network(nn.Module):
    """A network that can be initialised again as a whole."""

    def reset_parameters(self) -> None:
        """Draw every parameter anew from torch's global random state, layer by layer in a fixed order."""
        for layer in list(self.modules())[1:]:
            reset = getattr(layer, "reset_parameters", None)
            if reset is not None:
                reset()


class LayerNorm(nn.Module):
    """Normalises every example over all its values, then scales and shifts each channel: (B, C, ...) to the same.

    It is group norm with one group; the scale and shift are applied outside of it.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale 1 and shift 0."""
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x``, shape (B, C, ...)."""
        per_channel = (-1,) + (1,) * (x.dim() - 2)
        return functional.group_norm(x, 1, eps=self.eps) * self.weight.view(per_channel) + self.bias.view(per_channel)


def group_norm(channels: int) -> nn.GroupNorm:
    """Group norm in 8 groups, or in fewer where ``channels`` does not divide by 8."""
    return nn.GroupNorm(math.gcd(8, channels), channels)
