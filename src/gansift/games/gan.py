"""The GAN: one generator, one discriminator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gansift.errors import TrainingError, UsageError
from gansift.games.augment import drawn, mirrored
from gansift.games.batch import Batches, weighted_mean
from gansift.games.draw import Draw
from gansift.games.game import Game, Schedule
from gansift.games.losses import LOSSES
from gansift.games.parameters import Net
from gansift.games.penalties import squared_input_gradient, unit_gradient

# Layers that compute one example's output from the others of its batch.
_MIXING = (nn.modules.batchnorm._BatchNorm,)
# Layers whose fused kernels have silently wrong third derivatives, which a gradient penalty needs.
_WRONG_UNDER_PENALTY = (nn.LayerNorm, nn.modules.instancenorm._InstanceNorm)

#: (B, *shape) -> logits (B,).
Critic = Callable[[Tensor], Tensor]


class GAN(Game):
    """A generator against a discriminator.

    Args:
        generator: latents (B, latent) -> samples (B, *shape); its attribute ``latent`` gives their number unless
            ``latent`` does.
        discriminator: (B, *shape) -> logits (B,), every row on its own.
        loss: ``non-saturating``, ``saturating`` (the zero-sum game), ``least-squares`` or ``wasserstein``.
        r1: gamma of the R1 penalty, (gamma / 2) ||d D(x) / d x||^2 on real examples, weighted per example.
        gradient_penalty: lambda of WGAN-GP, weighted per example.
        r1_interval: steps from one R1 penalty to the next, which then counts as often (lazy regularisation, Karras et
            al. 2020, section 3.1).
        augment: what the discriminator sees of real and generated images is changed by these `AUGMENTATIONS`.
        mirror: flip every real image with probability 1/2.
        schedule: ``alternating`` (discriminator, then generator), ``simultaneous`` (both from the same state),
            ``n:m`` (n discriminator updates to m generator updates), or a list as in `Game`.
        latent: number of latent variables.
        players: further ones, for a subclass that has losses for them.

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
        r1_interval: int = 1,
        augment: Sequence[str] = (),
        mirror: bool = False,
        schedule: str | Schedule = "alternating",
        latent: int | None = None,
        players: Mapping[str, nn.Module] | None = None,
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
        self.r1_interval = r1_interval
        self.augment = tuple(augment)
        self.mirror = mirror
        if r1_interval < 1:
            raise UsageError(f"penalties are at least 1 step apart, not {r1_interval}")
        super().__init__(
            generator=generator, discriminator=discriminator, schedule=parse_schedule(schedule), **(players or {})
        )

    def discriminator_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """Loss on the weighted real examples and as many generated samples, and the penalties."""
        loss = LOSSES[self.loss_name]
        fake = self.fakes(net, len(batch), draw)
        x = self._seen(batch, draw)
        critic = self._augmented(net, x, draw)
        real = self.penalised(loss.real(critic(x)), critic, net.discriminator, x, fake, batch, draw)
        return weighted_mean(real, batch.weight) + loss.fake(self._augmented(net, fake, draw)(fake)).mean()

    def penalised(
        self, real: Tensor, critic: Critic, plain: Critic, x: Tensor, fake: Tensor, batch: Batches, draw: Draw
    ) -> Tensor:
        """The losses of the real examples with their penalties, shape (B,).

        Args:
            real: the losses without.
            critic: logits of images as the discriminator sees them in this step, after augmentation.
            plain: logits of images as they are.
            x: the real examples.
            fake: as many generated samples.
            batch: of the step.
            draw: its random numbers.
        """
        # Without a remainder there is no question for the step, which in a compiled loss is no number.
        if self.r1 and (self.r1_interval == 1 or batch.step % self.r1_interval == 0):
            real = real + self.r1_interval * self.r1 / 2 * squared_input_gradient(critic, x)
        if self.gradient_penalty:
            mix = draw.uniform(len(batch))
            real = real + self.gradient_penalty * unit_gradient(plain, x, fake, mix)
        return real

    def generator_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """Loss on as many generated samples as the batch has examples."""
        fake = self.fakes(net, len(batch), draw)
        return LOSSES[self.loss_name].generator(self._augmented(net, fake, draw)(fake)).mean()

    def fakes(self, net: Net, count: int, draw: Draw) -> Tensor:
        """``count`` generated samples as the losses see them, shape (count, *shape)."""
        return self.sample(net, count, draw)

    def _seen(self, batch: Batches, draw: Draw) -> Tensor:
        """The real examples, mirrored at random if that is wanted."""
        return mirrored(batch.x, draw) if self.mirror else batch.x

    def _augmented(self, net: Net, x: Tensor, draw: Draw) -> Callable[[Tensor], Tensor]:
        """The discriminator of images like ``x`` after an augmentation that is drawn here."""
        if not self.augment:
            return net.discriminator
        augment = drawn(self.augment, draw, len(x), tuple(x.shape[1:]))
        return lambda images: net.discriminator(augment(images))

    def sample(self, net: Net, count: int, draw: Draw) -> Tensor:
        """``count`` generated samples, shape (count, *shape)."""
        return net.generator(draw.normal(count, self.latent))

    def settings(self) -> dict[str, Any]:
        """See `Game.settings`."""
        own: dict[str, Any] = {
            "loss": self.loss_name, "r1": self.r1, "gradient_penalty": self.gradient_penalty, "latent": self.latent,
        }  # fmt: skip
        # Those below only where they are used, so that runs recorded before there were any are still known.
        if self.r1_interval > 1:
            own["r1_interval"] = self.r1_interval
        if self.augment:
            own["augment"] = list(self.augment)
        if self.mirror:
            own["mirror"] = True
        return super().settings() | own

    def check(self, net: Net, batch: Batches) -> None:
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
        self.check_logits(net, batch)

    def check_logits(self, net: Net, batch: Batches) -> None:
        """Refuse a discriminator that returns something else than the losses read.

        Raises:
            TrainingError: with the shape that it returned.
        """
        with torch.no_grad():
            shape = tuple(net.discriminator(batch.x[:4]).shape)
        if shape != (len(batch.x[:4]),):
            raise TrainingError(f"the discriminator must return one logit per example, shape (B,); it returned {shape}")


def parse_schedule(schedule: str | Schedule) -> Schedule:
    """The moves of a schedule by name, see `GAN`; a list of moves is left as it is.

    Raises:
        UsageError: for an unknown name.
    """
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
