"""GANs that are told the class, by a projection discriminator (Miyato and Koyama 2018)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gansift.errors import TrainingError
from gansift.games.batch import Batches, weighted_mean
from gansift.games.draw import Draw
from gansift.games.gan import GAN, Critic
from gansift.games.losses import LOSSES
from gansift.games.parameters import Net
from gansift.models.conditional import membership

#: Classes are equally frequent if their shares add up to 1 but for this.
_ROUNDING = 1e-6


class ProjectionGAN(GAN):
    """A generator G(z, c) against a discriminator D(x, c) that is told the class, too.

    With features phi(x), the discriminator's network gives the logits psi(phi(x)) and <v_c, phi(x)> + b_c of every
    class c; that of an example of class c is the sum of the first one and its class's own (equation 4 of the paper, and
    a constant b_c).

    Args:
        generator: latents (B, latent) and classes, int64 (B,) -> samples (B, *shape); `models.Conditional` makes one.
            It is also given the noise of its layers where its attribute ``noises`` names some.
        discriminator: (B, *shape) -> logits (B, 1 + classes), every row on its own.
        shares: how often the generator is asked for each class, such as their shares in the training data.
        settings: the others of `GAN`, ``loss`` and so on.

    Raises:
        TrainingError: if the shares are not those of 2 classes or more.
        UsageError: as `GAN`.
    """

    averaged = ("generator",)
    stackable = True

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, shares: Sequence[float], **settings: Any
    ) -> None:
        self.shares = tuple(float(share) for share in shares)
        if len(self.shares) < 2 or min(self.shares) < 0 or abs(sum(self.shares) - 1) > _ROUNDING:
            raise TrainingError(f"the shares of two classes or more add up to 1, and are not {list(shares)}")
        super().__init__(generator, discriminator, **settings)

    def discriminator_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """Loss on the weighted real examples and as many generated samples of classes drawn by ``shares``."""
        loss = LOSSES[self.loss_name]
        fake, asked = self.labelled(net, len(batch), draw)
        x = self._seen(batch, draw)
        logits = self._augmented(net, x, draw)
        found = logits(x)
        real = loss.real(self.source(found, batch.label)) + self.real_class_loss(found, batch.label)
        critic, plain = self._critic(logits, batch.label), self._critic(net.discriminator, batch.label)
        real = self.penalised(real, critic, plain, x, fake, batch, draw)
        found = self._augmented(net, fake, draw)(fake)
        generated = loss.fake(self.source(found, asked)) + self.fake_class_loss(found, asked)
        return weighted_mean(real, batch.weight) + generated.mean()

    def generator_loss(self, net: Net, batch: Batches, draw: Draw) -> Tensor:
        """Loss on as many generated samples as the batch has examples."""
        fake, asked = self.labelled(net, len(batch), draw)
        found = self._augmented(net, fake, draw)(fake)
        return (
            LOSSES[self.loss_name].generator(self.source(found, asked)) + self.asked_class_loss(found, asked)
        ).mean()

    def source(self, logits: Tensor, label: Tensor) -> Tensor:
        """The logit that each example is real, (B,), from all logits (B, 1 + classes) and its class."""
        return logits[:, 0] + (membership(label, len(self.shares), logits.dtype) * logits[:, 1:]).sum(1)

    def real_class_loss(self, logits: Tensor, label: Tensor) -> Tensor | float:
        """What the discriminator pays for the classes of real examples, (B,): here nothing."""
        return 0.0

    def fake_class_loss(self, logits: Tensor, label: Tensor) -> Tensor | float:
        """What the discriminator pays for the classes of generated samples, (B,): here nothing."""
        return 0.0

    def asked_class_loss(self, logits: Tensor, label: Tensor) -> Tensor | float:
        """What the generator pays for the classes of its samples, (B,): here nothing."""
        return 0.0

    def labelled(self, net: Net, count: int, draw: Draw) -> tuple[Tensor, Tensor]:
        """``count`` samples (count, *shape) as the losses see them, and the classes that they were asked to be of."""
        label = self.classes(count, draw)
        return self.sample(net, count, draw, label), label

    def classes(self, count: int, draw: Draw) -> Tensor:
        """Classes drawn by ``shares``, int64 (count,)."""
        return drawn_classes(self.shares, count, draw)

    def sample(self, net: Net, count: int, draw: Draw, label: Tensor | None = None) -> Tensor:
        """``count`` samples, shape (count, *shape), of the given classes or of classes drawn by ``shares``."""
        if label is None:
            label = self.classes(count, draw)
        z = draw.normal(count, self.latent)
        sides: tuple[int, ...] = getattr(self.players["generator"], "noises", ())
        noise = [draw.normal(count, 1, side, side) for side in sides]
        return net.generator(z, label, noise) if noise else net.generator(z, label)

    def confidence(self, net: Net, batch: Batches) -> Tensor:
        """The logit that each example is real, shape (B,)."""
        return self.source(net.discriminator(batch.x), batch.label)

    def settings(self) -> dict[str, Any]:
        """See `Game.settings`."""
        return super().settings() | {"shares": list(self.shares)}

    def check_logits(self, net: Net, batch: Batches) -> None:
        """Refuse a discriminator without a logit for each class, and examples without classes.

        Raises:
            TrainingError: saying what there is instead.
        """
        classes, name = len(self.shares), type(self).__name__
        if batch.label is None or batch.label.is_floating_point():
            raise TrainingError(f"{name} is told the class of every example, and these have none")
        if int(batch.label.max()) >= classes:
            raise TrainingError(f"{name} knows {classes} classes, and there is the label {int(batch.label.max())}")
        with torch.no_grad():
            shape = tuple(net.discriminator(batch.x[:4]).shape)
        if shape != (len(batch.x[:4]), 1 + classes):
            raise TrainingError(
                f"the discriminator of {name} must return one logit and one for each of {classes} classes, shape "
                f"(B, {1 + classes}); it returned {shape}"
            )

    def _critic(self, logits: Callable[[Tensor], Tensor], label: Tensor) -> Critic:
        return lambda images: self.source(logits(images), label)


def drawn_classes(shares: Sequence[float], count: int, draw: Draw) -> Tensor:
    """``count`` classes, each as often as its share says, int64 (count,)."""
    uniform = draw.uniform(count)
    ends = torch.tensor(shares[:-1], dtype=torch.float64).cumsum(0).to(uniform)
    return (uniform[:, None] >= ends).sum(1)
