"""The two small games of the literature on points: linear-quadratic (1-D) and fully connected (2-D)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gansift.errors import TrainingError
from gansift.models.layers import Network, activation_layer


class LQGenerator(Network):
    """G(z) = a z + b in one dimension: (B, 1) to (B, 1)."""

    latent = 1
    shape = (1,)

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(1))
        self.shift = nn.Parameter(torch.empty(1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Close to a = 1, b = 0."""
        nn.init.normal_(self.scale, 1.0, 0.1)
        nn.init.normal_(self.shift, 0.0, 0.1)

    def forward(self, z: Tensor) -> Tensor:
        """Samples (B, 1) of latents (B, 1)."""
        return self.scale * z + self.shift


class LQDiscriminator(Network):
    """D(x) = w2 x^2 + w1 x + w0 in one dimension: (B, 1) to logits (B,)."""

    def __init__(self) -> None:
        super().__init__()
        self.quadratic = nn.Parameter(torch.empty(1))
        self.linear = nn.Parameter(torch.empty(1))
        self.constant = nn.Parameter(torch.empty(1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Small random coefficients."""
        for coefficient in self.parameters():
            nn.init.normal_(coefficient, 0.0, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B,) of points (B, 1)."""
        return (self.quadratic * x.square() + self.linear * x + self.constant).squeeze(1)


class FCGenerator(Network):
    """Two hidden layers without biases, Glorot-uniform: (B, latent) to points (B, d).

    Terashita et al., ICLR 2021, on the 2-D normal; they use ``relu``, which is not smooth.

    Args:
        latent: number of latent variables.
        width: of both hidden layers.
        shape: of one point, (d,).
        activation: a name in `ACTIVATIONS`.

    Raises:
        TrainingError: for another shape or an unknown activation.
    """

    def __init__(
        self, latent: int = 10, width: int = 32, shape: tuple[int, ...] = (2,), activation: str = "silu"
    ) -> None:
        super().__init__()
        self.latent = latent
        self.shape = tuple(shape)
        self.layers = _bias_free(latent, width, _dimension(self.shape), activation)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot-uniform weights."""
        _glorot(self.layers)

    def forward(self, z: Tensor) -> Tensor:
        """Points (B, d) of latents (B, latent)."""
        return self.layers(z)


class FCDiscriminator(Network):
    """Two hidden layers without biases, Glorot-uniform: points (B, d) to logits (B,), or (B, outputs).

    Args:
        width: units in each hidden layer.
        shape: (d,), of one point.
        activation: name in `layers.ACTIVATIONS`.
        outputs: logits of a point.

    Raises:
        TrainingError: for a shape that is no point's, or an unknown activation.
    """

    def __init__(
        self, width: int = 64, shape: tuple[int, ...] = (2,), activation: str = "silu", outputs: int = 1
    ) -> None:
        super().__init__()
        self.layers = _bias_free(_dimension(shape), width, outputs, activation)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot-uniform weights."""
        _glorot(self.layers)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B,) of points (B, d), or (B, outputs)."""
        return self.layers(x).squeeze(1)


def _dimension(shape: tuple[int, ...]) -> int:
    if len(shape) != 1:
        raise TrainingError(f"the FC networks take points of shape (d,), not {tuple(shape)}; use MLP or DCGAN")
    return shape[0]


def _bias_free(inputs: int, width: int, outputs: int, activation: str) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, width, bias=False),
        activation_layer(activation),
        nn.Linear(width, width, bias=False),
        activation_layer(activation),
        nn.Linear(width, outputs, bias=False),
    )


def _glorot(layers: nn.Sequential) -> None:
    for weight in layers.parameters():
        nn.init.xavier_uniform_(weight)
