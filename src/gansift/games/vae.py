"""The variational autoencoder (Kingma and Welling 2014)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from gansift.errors import TrainingError, UsageError
from gansift.games.batch import Batch, Batches, weighted_mean
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.games.parameters import Net

#: Noises at which the bound of an example is looked at outside of training.
LOOKS = 16


class VAE(Game):
    """One network that encodes examples as distributions of latents, and decodes latents.

    Its loss is the weighted mean over examples of the negative evidence lower bound, in nats for each of the D numbers
    of an example, at one noise each:

        (|x - d(z)|^2 / (2 s^2) + D log(s sqrt(2 pi)) + KL(q(z | x), N(0, 1))) / D,    z = m(x) + v(x)^(1/2) noise,

    for a decoder d of fixed deviation s. On average over noises it is no less than -log p(x) / D.

    Args:
        network: examples (B, *shape) and noise (B, latent) -> what is decoded (B, *shape), means and log-variances
            (B, latent), with a method ``decode`` of latents; see `models.PerceptronVAE`. It has the attributes
            ``shape`` and ``latent``.
        deviation: s, the standard deviation of a number of an example about what is decoded.

    Raises:
        TrainingError: for a network that lacks one of the attributes.
        UsageError: for a deviation that is not above 0.
    """

    averaged = ("network",)
    stackable = True
    redraws = 1

    def __init__(self, network: nn.Module, *, deviation: float = 0.3) -> None:
        missing = [name for name in ("shape", "latent") if getattr(network, name, None) is None]
        if missing:
            raise TrainingError(f"the network has no attribute `{missing[0]}`, so nothing can be sampled")
        if not 0 < deviation < math.inf:
            raise UsageError(f"the deviation of the decoder is above 0, not {deviation}")
        known: Any = network
        self.shape, self.latent, self.deviation = tuple(known.shape), int(known.latent), float(deviation)
        super().__init__(network=network)

    def network_loss(self, net: Net, batch: Batch, draw: Draw) -> Tensor:
        """The negative bound at drawn noises."""
        return weighted_mean(self._bounds(net, batch.x, draw.normal(len(batch), self.latent)), batch.weight)

    def negative_bounds(self, net: Net, x: Tensor, looks: int = LOOKS, seed: int = 0) -> Tensor:
        """The negative bound of each example, in nats a number, (B,): the mean over fixed noises.

        Noises are the same for all examples and in every call.

        Args:
            net: the players.
            x: examples, (B, *shape).
            looks: how many noises.
            seed: decides them.
        """
        noises = Draw(seed, "bound", dtype=x.dtype, device=x.device).normal(looks, self.latent)
        return torch.stack([self._bounds(net, x, noise.expand(len(x), -1)) for noise in noises]).mean(0)

    def _bounds(self, net: Net, x: Tensor, noise: Tensor) -> Tensor:
        decoded, mean, log_variance = net.network(x, noise)
        misfit = (x - decoded).flatten(1).square().sum(1) / (2 * self.deviation**2)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
        numbers = math.prod(self.shape)
        return (misfit + divergence) / numbers + math.log(self.deviation * math.sqrt(2 * math.pi))

    def sample(self, net: Net, count: int, draw: Draw) -> Tensor:
        """What is decoded of ``count`` standard normal latents, (count, *shape), without noise of the deviation s."""
        return net.network.decode(draw.normal(count, self.latent))

    def confidence(self, net: Net, batch: Batches) -> Tensor:
        """How sure the game is that each example was trained on, (B,): its bound."""
        return -self.negative_bounds(net, batch.x)

    def settings(self) -> dict[str, Any]:
        """See `Game.settings`."""
        return super().settings() | {"deviation": self.deviation}

    def check(self, net: Net, batch: Batch) -> None:
        """Refuse examples of another shape than the network's.

        Raises:
            TrainingError: saying what there is instead.
        """
        if tuple(batch.x.shape[1:]) != self.shape:
            raise TrainingError(
                f"the network of VAE is for examples of shape {self.shape}, and these have the shape "
                f"{tuple(batch.x.shape[1:])}"
            )
