"""Fully connected networks for points and for small images."""

from __future__ import annotations

import math

from torch import Tensor, nn

from gansift.errors import TrainingError
from gansift.models.layers import Network


class MLPGenerator(Network):
    """Two hidden layers of SiLU: (B, latent) to images (B, C, H, W) in [-1, 1] or to points (B, d).

    Args:
        latent: number of latent variables.
        width: of both hidden layers.
        shape: of one sample; (C, H, W) ends in a tanh, (d,) is linear.

    Raises:
        TrainingError: for any other shape.
    """

    def __init__(self, latent: int = 16, width: int = 64, shape: tuple[int, ...] = (1, 8, 8)) -> None:
        super().__init__()
        self.latent = latent
        self.shape = _checked(shape)
        self.layers = _hidden(latent, width, math.prod(self.shape))
        self.output = nn.Tanh() if len(self.shape) == 3 else nn.Identity()
        self.reset_parameters()

    def forward(self, z: Tensor) -> Tensor:
        """Samples (B, *shape) of latents (B, latent)."""
        return self.output(self.layers(z)).unflatten(1, self.shape)


class MLPDiscriminator(Network):
    """Two hidden layers of SiLU: images or points (B, *shape) to logits (B,), or (B, outputs) of several.

    Args:
        width: of both hidden layers.
        shape: of one example, (C, H, W) or (d,).
        outputs: logits of an example.

    Raises:
        TrainingError: for any other shape.
    """

    def __init__(self, width: int = 64, shape: tuple[int, ...] = (1, 8, 8), outputs: int = 1) -> None:
        super().__init__()
        self.layers = _hidden(math.prod(_checked(shape)), width, outputs)
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B,) of examples (B, *shape), or (B, outputs)."""
        return self.layers(x.flatten(1)).squeeze(1)


def _checked(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) not in (1, 3):
        raise TrainingError(
            f"the MLP networks take images (channels, height, width) or points (d,), not the shape {tuple(shape)}"
        )
    return tuple(shape)


def _hidden(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, outputs)
    )
