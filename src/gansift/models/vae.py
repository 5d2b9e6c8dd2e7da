"""The two halves of a variational autoencoder, in one network."""

from __future__ import annotations

from torch import Tensor

from gansift.models.layers import Network
from gansift.models.mlp import MLPDiscriminator, MLPGenerator


class PerceptronVAE(Network):
    """An encoder and a decoder of two hidden layers of SiLU each, for points and for small images.

    Args:
        latent: number of latent variables.
        width: of the hidden layers.
        shape: of one example; what is decoded of (C, H, W) ends in a tanh, and of (d,) is linear.

    Raises:
        TrainingError: for any other shape.
    """

    def __init__(self, latent: int = 8, width: int = 64, shape: tuple[int, ...] = (1, 8, 8)) -> None:
        super().__init__()
        self.latent, self.shape = latent, tuple(shape)
        self.encoder = MLPDiscriminator(width, shape, outputs=2 * latent)
        self.decoder = MLPGenerator(latent, width, shape)

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is decoded of examples (B, *shape), and the means and log-variances of their latents, (B, latent) each.

        Args:
            x: examples, (B, *shape).
            noise: standard normal, (B, latent): the latents are mean + exp(log-variance / 2) noise.
        """
        mean, log_variance = self.encoder(x).unflatten(1, (2, self.latent)).unbind(1)
        return self.decoder(mean + (log_variance / 2).exp() * noise), mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        """Examples (B, *shape) of latents (B, latent)."""
        return self.decoder(z)
