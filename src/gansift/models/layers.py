"""Layers whose first, second and third derivatives are right, and the base class of every network here.

PyTorch's fused batch, layer and instance norms keep statistics without a graph back to the input, so derivatives
of a gradient penalty through them are silently wrong. Those here are made of plain arithmetic, which also is quicker to
differentiate twice than the fused group norm, and can be for several metrics at once.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

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
    """A network that can be initialised again as a whole.

    Attributes:
        pretrained: its weights are what training starts from, whatever the seed.
    """

    pretrained: bool = False

    def reset_parameters(self) -> None:
        """Draw every parameter anew from torch's global random state, layer by layer in a fixed order."""
        for layer in list(self.modules())[1:]:
            reset = getattr(layer, "reset_parameters", None)
            if reset is not None:
                reset()


class GroupNorm(nn.GroupNorm):
    """Group norm (Wu and He 2018) of examples (B, C, ...), each by itself; parameters as in `torch.nn.GroupNorm`."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x``, shape (B, C, ...)."""
        return _per_channel(_normalised(x, self.num_groups, self.eps), self.weight, self.bias)


class LayerNorm(nn.Module):
    """Normalises every example over all its values, then scales and shifts each channel: (B, C, ...) to the same."""

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
        return _per_channel(_normalised(x, 1, self.eps), self.weight, self.bias)


def group_norm(channels: int) -> GroupNorm:
    """Group norm in 8 groups, or in fewer where ``channels`` does not divide by 8."""
    return GroupNorm(math.gcd(8, channels), channels)


def _normalised(x: Tensor, groups: int, eps: float) -> Tensor:
    """Each group of each example's channels with mean 0 and variance 1."""
    grouped = x.reshape(x.shape[0], groups, -1)
    centred = grouped - grouped.mean(2, keepdim=True)
    return (centred * (centred.square().mean(2, keepdim=True) + eps).rsqrt()).view(x.shape)


def _per_channel(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    shape = (-1,) + (1,) * (x.dim() - 2)
    return x * scale.view(shape) + shift.view(shape)
