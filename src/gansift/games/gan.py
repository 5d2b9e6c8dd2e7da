"""The GAN: one generator, one discriminator."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gansift.errors import TrainingError, UsageError
from gansift.games.batch import Batch, weighted_mean
from gansift.games.draw import Draw
from gansift.games.game import Game, Schedule
from gansift.games.losses import LOSSES
from gansift.games.parameters import Net
from gansift.games.penalties import squared_input_gradient, unit_gradient

# Layers that compute one example's output from the others of its batch.
_MIXING = (nn.modules.batchnorm._BatchNorm,)
# Layers whose fused kernels have silently wrong third derivatives, which a gradient penalty needs.
_WRONG_UNDER_PENALTY = (nn.LayerNorm, nn.modules.instancenorm._InstanceNorm)


class GAN(Game):
    """A generator against a discriminator.

    Args:
        generator: latents (B, latent) -> samples (B, *shape); its attribute ``latent`` gives their number unless
            ``latent`` does.
        discriminator: (B, *shape) -> logits (B,), every row on its own.
        loss: ``non-saturating``, ``saturating`` (the zero-sum game), ``least-squares`` or ``wasserstein``.
        r1: gamma of the R1 penalty, (gamma / 2) ||d D(x) / d x||^2 on real examples, weighted per example.
        gradient_penalty: lambda of WGAN-GP, weighted per example.
        schedule: ``alternating`` (discriminator, then generator), ``simultaneous`` (both from the same state),
            ``n:m`` (n discriminator updates to m generator updates), or a list as in `Game`.
        latent: number of latent variables.

    Raises:
        UsageError: for an unknown loss or schedule.
        TrainingError: for a generator that does not tell its latents.
    """

    averaged = ("generator",)
    stackable = True

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        loss: str = "non-saturating",
        r1: float = 0.0,
        gradient_penalty: float = 0.0,
        schedule: str | Schedule = "alternating",
        latent: int | None = None,
    ) -> None:
        if loss not in LOSSES:
            raise UsageError(f"unknown loss {loss!r}; choose one of {', '.join(LOSSES)}")
        size = latent if latent is not None else getattr(generator, "latent", None)
        if not isinstance(size, int):
            raise TrainingError("the generator has no integer attribute `latent`; pass GAN(..., latent=N)")
        self.latent = size
        self.loss_name = loss
        self.r1 = r1
        self.gradient_penalty = gradient_penalty
        super().__init__(generator=generator, discriminator=discriminator, schedule=_schedule(schedule))

    def discriminator_loss(self, net: Net, batch: Batch, draw: Draw) -> Tensor:
        """Loss on the weighted real examples and as many generated samples, and the penalties."""
        loss = LOSSES[self.loss_name]
        fake = self.sample(net, len(batch), draw)
        real = loss.real(net.discriminator(batch.x))
        if self.r1:
            real = real + self.r1 / 2 * squared_input_gradient(net.discriminator, batch.x)
        if self.gradient_penalty:
            mix = draw.uniform(len(batch))
            real = real + self.gradient_penalty * unit_gradient(net.discriminator, batch.x, fake, mix)
        return weighted_mean(real, batch.weight) + loss.fake(net.discriminator(fake)).mean()

    def generator_loss(self, net: Net, batch: Batch, draw: Draw) -> Tensor:
        """Loss on as many generated samples as the batch has examples."""
        return LOSSES[self.loss_name].generator(net.discriminator(self.sample(net, len(batch), draw))).mean()

    def sample(self, net: Net, count: int, draw: Draw) -> Tensor:
        """``count`` generated samples, shape (count, *shape)."""
        return net.generator(draw.normal(count, self.latent))

    def settings(self) -> dict[str, Any]:
        """See `Game.settings`."""
        own = {"loss": self.loss_name, "r1": self.r1, "gradient_penalty": self.gradient_penalty}
        return super().settings() | own | {"latent": self.latent}

    def check(self, net: Net, batch: Batch) -> None:
        """Refuse layers of the discriminator that mix real examples or whose derivatives are known to be wrong.

        What mixes examples without being a known layer is found by the probe of every game's losses before training.

        Raises:
            TrainingError: naming the layer and what to use instead.
        """
        for name, layer in self.players["discriminator"].named_modules():
            if isinstance(layer, _MIXING) and (layer.training or layer.running_mean is None):
                raise TrainingError(
                    f"discriminator.{name} ({type(layer).__name__}) mixes the examples of a batch, so the "
                    "influence of a single one is not defined. Use models.layers.LayerNorm or no normalisation."
                )
            if isinstance(layer, _WRONG_UNDER_PENALTY) and (self.r1 or self.gradient_penalty):
                raise TrainingError(
                    f"discriminator.{name} ({type(layer).__name__}) has wrong third derivatives in PyTorch, which "
                    "a gradient penalty needs. Use models.layers.LayerNorm or torch.nn.GroupNorm."
                )
        with torch.no_grad():
            shape = tuple(net.discriminator(batch.x[:4]).shape)
        if shape != (len(batch.x[:4]),):
            raise TrainingError(f"the discriminator must return one logit per example, shape (B,); it returned {shape}")


def _schedule(schedule: str | Schedule) -> Schedule:
    if not isinstance(schedule, str):
        return schedule
    if schedule == "alternating":
        return [("discriminator", 1), ("generator", 1)]
    if schedule == "simultaneous":
        return [(("discriminator", "generator"), 1)]
    first, colon, second = schedule.partition(":")
    if colon and first.isdigit() and second.isdigit():
        return [("discriminator", int(first)), ("generator", int(second))]
    raise UsageError(f"unknown schedule {schedule!r}; use alternating, simultaneous or n:m such as 5:1")
