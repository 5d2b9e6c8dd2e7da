"""What clustering learns: a prototype for each cluster, and a network that bends each of them towards an image."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gansift.models.encoder import encoder_of
from gansift.models.layers import Network


class LinearStack(nn.Module):
    """A linear layer for each cluster, all computed at once; each parameter has a row for each cluster.

    Args:
        count: of clusters K.
        inputs: numbers that go into each layer.
        outputs: numbers that come out.
        blank: weights and biases start as 0.
    """

    def __init__(self, count: int, inputs: int, outputs: int, blank: bool = False) -> None:
        super().__init__()
        self.bound = 0.0 if blank else 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(count, inputs, outputs))
        self.bias = nn.Parameter(torch.empty(count, outputs))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights and biases as `torch.nn.Linear` does, or make them 0."""
        for parameter in (self.weight, self.bias):
            nn.init.uniform_(parameter, -self.bound, self.bound)

    def forward(self, x: Tensor) -> Tensor:
        """What each layer makes of numbers (B, inputs) or, if they differ, (B, K, inputs): (B, K, outputs)."""
        rows = x if x.ndim == 2 else x.transpose(0, 1)
        return (rows @ self.weight).transpose(0, 1) + self.bias


class Clusters(Network):
    """A prototype for each cluster, and a transformation of each for every image.

    An encoder that all clusters share looks at the image, and a head for each, of two hidden layers, says how its
    prototype is transformed.
    Prototypes start as noise: what they really start as is for the game to choose, among the examples.

    Args:
        count: of clusters K.
        shape: of an example.
        outputs: numbers of one transformation; 0 for clusters without transformations.
        hidden: features, and width of the heads.
        spread: the standard deviation of each number that Gaussians start with; None for prototypes alone.

    Attributes:
        prototypes: shape (K, *shape).
        spreads: standard deviations of Gaussian clusters, shape (K, *shape).
        shares: logits of their shares, shape (K,).
    """

    def __init__(
        self, count: int, shape: tuple[int, ...], outputs: int = 0, hidden: int = 32, spread: float | None = None
    ) -> None:
        super().__init__()
        self.spread = spread
        self.prototypes = nn.Parameter(torch.empty(count, *shape))
        if spread is not None:
            self.spreads = nn.Parameter(torch.empty(count, *shape))
            self.shares = nn.Parameter(torch.empty(count))
        if outputs:
            self.encoder = encoder_of(shape, hidden)
            self.heads = nn.Sequential(
                LinearStack(count, hidden, hidden), nn.SiLU(), LinearStack(count, hidden, hidden), nn.SiLU(),
                LinearStack(count, hidden, outputs, blank=True),
            )  # fmt: skip
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the networks anew; prototypes become noise, Gaussians as wide as they start, and shares equal."""
        super().reset_parameters()
        nn.init.uniform_(self.prototypes, -1, 1)
        if self.spread is not None:
            nn.init.constant_(self.spreads, self.spread)
            nn.init.zeros_(self.shares)

    def forward(self, x: Tensor) -> Tensor:
        """Transformations (B, K, outputs) for images (B, C, H, W); all 0 before training."""
        return self.heads(self.encoder(x))
