"""Generators that are told the class of what they are to make."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gansift.errors import TrainingError
from gansift.models.layers import Network


class Conditional(Network):
    """A generator whose latents are half latents and half a learned vector of the class: G(z, c).

    Args:
        network: a generator of any kind with an even number of latents; it is called with (B, 2 latent).
        classes: number of classes.

    Attributes:
        latent: number of latent variables that are drawn.
        classes: number of classes.

    Raises:
        TrainingError: for fewer than 2 classes, or an odd number of latents.
    """

    def __init__(self, network: Network, classes: int) -> None:
        super().__init__()
        inputs: Any = network.latent
        if classes < 2 or inputs % 2:
            raise TrainingError(
                f"a conditional generator needs 2 classes or more and an even number of latents, not {classes} and "
                f"{inputs}"
            )
        self.latent = inputs // 2
        self.classes = classes
        self.network = network
        self.vectors = nn.Parameter(torch.empty(classes, self.latent))
        nn.init.normal_(self.vectors)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        shape: Any = self.network.shape
        return shape

    @property
    def noises(self) -> tuple[int, ...]:
        """Side in pixels of the noise of each layer that takes some."""
        return getattr(self.network, "noises", ())

    def reset_parameters(self) -> None:
        """Draw the network and the vectors of the classes anew."""
        self.network.reset_parameters()
        nn.init.normal_(self.vectors)

    def forward(self, z: Tensor, label: Tensor, *further: Any) -> Tensor:
        """Samples (B, *shape) of latents (B, latent) and classes, int64 (B,); the rest is handed on."""
        return self.network(torch.cat([z, membership(label, self.classes, z.dtype) @ self.vectors], dim=1), *further)

    def extra_repr(self) -> str:
        """Sizes, for `str`."""
        return f"classes={self.classes}, latent={self.latent}"


def membership(label: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """1 at each example's class and 0 elsewhere, (B, classes); also where several replicas are stacked.

    >>> membership(torch.tensor([1, 0]), 3, torch.float64).tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]

    Args:
        label: int64, shape (B,).
        classes: number of classes.
        dtype: of the result.
    """
    return (label[:, None] == torch.arange(classes, device=label.device)).to(dtype)
