"""The game of StyleGAN2 (Karras et al. 2020): style mixing, noise in every layer, path lengths."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gansift.errors import UsageError
from gansift.games.batch import Batches
from gansift.games.draw import Draw
from gansift.games.game import Schedule
from gansift.games.gan import GAN, parse_schedule
from gansift.games.parameters import Net

# The share of a batch on which path lengths are measured, as in the paper's code.
_PATH_SHARE = 2


class PathMean(nn.Module):
    """The running mean of path lengths, as a player with one number.

    It lowers the mean squared distance to the lengths of its batch, (a - length)^2 / 2, so that a step of gradient
    descent with rate 0.01 makes it the moving average a <- a + 0.01 (mean - a). In this way it is part of the state
    that is recorded, replayed and differentiated, like any other number that training carries along.
    """

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(1))

    def reset_parameters(self) -> None:
        """Start from 0."""
        nn.init.zeros_(self.value)

    def forward(self) -> Tensor:
        """The mean, a scalar."""
        return self.value[0]


class StyleGAN2(GAN):
    """A StyleGAN2 generator against a discriminator, by the non-saturating loss.

    With path lengths there is a third player, ``path``, that needs an optimizer: ``SGD(lr=0.01)``, see `PathMean`.

    Args:
        generator: a `models.StyleGAN2Generator`, or one with adapters.
        discriminator: images (B, *shape) -> logits (B,), every row on its own.
        mixing: probability that an image takes its styles from two latents.
        path_length: weight of path-length regularisation (the paper's is 2); 0 for none.
        path_interval: steps from one path-length penalty to the next, which then counts as often.
        r1_interval: steps from one R1 penalty to the next.
        schedule: of the other two players, as in `GAN`.
        settings: the others of `GAN`.

    Raises:
        UsageError: for a probability outside [0, 1] or an interval below 1.
    """

    stackable = True

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        mixing: float = 0.9,
        path_length: float = 0.0,
        path_interval: int = 4,
        r1_interval: int = 16,
        schedule: str | Schedule = "alternating",
        **settings: Any,
    ) -> None:
        if not 0 <= mixing <= 1:
            raise UsageError(f"mixing is a probability, from 0 to 1, not {mixing}")
        if path_interval < 1:
            raise UsageError(f"penalties are at least 1 step apart, not {path_interval}")
        self.mixing = mixing
        self.path_length = path_length
        self.path_interval = path_interval
        moves = parse_schedule(schedule)
        super().__init__(
            generator,
            discriminator,
            r1_interval=r1_interval,
            schedule=[("path", 1), *moves] if path_length else moves,
            players={"path": PathMean()} if path_length else None,
            **settings,
        )

    def generator_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """Loss on as many generated samples as the batch has examples, and on their path lengths when it is time."""
        loss = super().generator_loss(net, batch, draw)
        if self.path_length and batch.step % self.path_interval == 0:
            off = self._path_lengths(net, len(batch), draw) - net.path()
            loss = loss + self.path_interval * self.path_length * off.square().mean()
        return loss

    def path_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """Half the mean squared distance to path lengths; 0 when they are not measured."""
        if batch.step % self.path_interval:
            return 0 * net.path()
        return (net.path() - self._path_lengths(net, len(batch), draw)).square().mean() / 2

    def fakes(self, net: Net, count: int, draw: Draw) -> Tensor:
        """``count`` generated images with mixed styles, shape (count, *shape)."""
        if not self.mixing:
            return self.sample(net, count, draw)
        z, other = draw.normal(count, self.latent), draw.normal(count, self.latent)
        layers: int = self.players["generator"].styles  # type: ignore[assignment]
        crossover = 1 + (draw.uniform(count) * (layers - 1)).floor()
        crossover = torch.where(draw.uniform(count) < self.mixing, crossover, layers)
        return net.generator(z, self._noise(count, draw), other, crossover)

    def sample(self, net: Net, count: int, draw: Draw) -> Tensor:
        """``count`` generated images of one latent each, shape (count, *shape)."""
        z = draw.normal(count, self.latent)
        return net.generator(z, self._noise(count, draw))

    def settings(self) -> dict[str, Any]:
        """See `Game.settings`."""
        own = {"mixing": self.mixing, "path_length": self.path_length, "path_interval": self.path_interval}
        return super().settings() | own

    def _noise(self, count: int, draw: Draw) -> list[Tensor]:
        sides: tuple[int, ...] = self.players["generator"].noises  # type: ignore[assignment]
        return [draw.normal(count, 1, side, side) for side in sides]

    def _path_lengths(self, net: Net, count: int, draw: Draw) -> Tensor:
        """How much images move with their styles (equation 4): |J^T y| for random images y, of every second image."""
        generator: Any = self.players["generator"]
        shape: tuple[int, ...] = generator.shape
        # Drawn for all and taken from every second one, so that parts of a batch measure what the whole would.
        drawn = [draw.normal(count, self.latent), draw.normal(count, *shape), *self._noise(count, draw)]
        z, y, *noise = (numbers[::_PATH_SHARE] for numbers in drawn)
        y = y / (shape[1] * shape[2]) ** 0.5
        still = torch.zeros(len(z), generator.styles, self.latent, dtype=z.dtype, device=z.device)

        def along(offset: Tensor) -> Tensor:
            return (net.generator(z, noise, offset=offset) * y).sum()

        # The tiny constant only keeps the root differentiable where an image does not move.
        return (torch.func.grad(along)(still).square().sum(2).mean(1) + 1e-12).sqrt()
