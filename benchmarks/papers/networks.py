"""The networks of the two papers that gansift itself does not bring, after the settings that the authors published.

Terashita et al. 2021 use sigmoid activations everywhere on MNIST, layer norm in place of batch norm, and no other
regularisation than an L2 penalty on kernels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gansift.games import GAN, Batch, Draw
from gansift.games.parameters import BoundPlayer, Net
from gansift.models import LayerNorm, Network

# Kernels and strides of the seven convolutions without padding that take 28 x 28 down to 1 x 1.
KERNELS = (4, 3, 3, 2, 3, 3, 2)
STRIDES = (1, 2, 1, 1, 2, 1, 1)


class SigmoidDiscriminator(Network):
    """Seven convolutions, each with sigmoid and layer norm, and a linear layer: (B, 1, 28, 28) to logits (B,)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for kernel, stride in zip(KERNELS, STRIDES, strict=True):
            layers += [nn.Conv2d(inputs, width, kernel, stride), nn.Sigmoid(), LayerNorm(width)]
            inputs = width
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(width, 1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As TensorFlow's layers start: Glorot-uniform kernels, no biases."""
        _as_in_tensorflow(self)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B,) of images (B, 1, 28, 28)."""
        return self.layers(x).squeeze(1)


class SigmoidGenerator(Network):
    """The discriminator's layers the other way round, then a 1 x 1 convolution and tanh: (B, 32) to (B, 1, 28, 28)."""

    latent = 32
    shape = (1, 28, 28)

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Unflatten(1, (self.latent, 1, 1))]
        inputs = self.latent
        for kernel, stride in zip(reversed(KERNELS), reversed(STRIDES), strict=True):
            layers += [nn.ConvTranspose2d(inputs, width, kernel, stride), nn.Sigmoid(), LayerNorm(width)]
            inputs = width
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 1, 1), nn.Tanh())
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """See `SigmoidDiscriminator.reset_parameters`."""
        _as_in_tensorflow(self)

    def forward(self, z: Tensor) -> Tensor:
        """Images (B, 1, 28, 28) of latents (B, 32)."""
        return self.layers(z)


class PenalisedGAN(GAN):
    """A GAN whose losses have the papers' L2 penalty, (decay / 2) ||W||^2 over the player's kernels alone.

    Args:
        generator: see `GAN`.
        discriminator: see `GAN`.
        decay: weight of the penalty.
        schedule: see `GAN`.
    """

    stackable = True

    def __init__(self, generator: nn.Module, discriminator: nn.Module, *, decay: float, schedule: str) -> None:
        super().__init__(generator, discriminator, schedule=schedule)
        self.decay = decay

    def discriminator_loss(self, net: Net, batch: Batch, draw: Draw) -> Tensor:
        """See `GAN.discriminator_loss`."""
        return super().discriminator_loss(net, batch, draw) + self._penalty(net.discriminator)

    def generator_loss(self, net: Net, batch: Batch, draw: Draw) -> Tensor:
        """See `GAN.generator_loss`."""
        return super().generator_loss(net, batch, draw) + self._penalty(net.generator)

    def settings(self) -> dict[str, object]:
        """See `Game.settings`."""
        return super().settings() | {"decay": self.decay}

    def _penalty(self, player: BoundPlayer) -> Tensor:
        kernels = [value for value in player.parameters() if value.dim() > 1]
        return self.decay / 2 * torch.stack([kernel.square().sum() for kernel in kernels]).sum()


class SigmoidClassifier(nn.Module):
    """The papers' MNIST classifier: two 5 x 5 convolutions with pooling, 128 sigmoid units, 10 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 8, 5, padding=2), nn.Sigmoid(), nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 5, padding=2), nn.Sigmoid(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(392, 128), nn.Sigmoid(),
        )  # fmt: skip
        self.head = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, 10) of images (B, 1, 28, 28)."""
        return self.head(self.trunk(x))


def _as_in_tensorflow(network: nn.Module) -> None:
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, LayerNorm):
            layer.reset_parameters()
