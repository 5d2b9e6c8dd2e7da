"""AC-GAN (Odena, Olah and Shlens 2017): the discriminator also says of which class an example is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gansift.errors import UsageError
from gansift.games.parameters import Net
from gansift.games.projection import ProjectionGAN


class ACGAN(ProjectionGAN):
    """A generator G(z, c) against a discriminator with two heads, for the source of an example and for its class.

    Both lower the cross-entropy L_C of the class head, the discriminator on real and on generated examples, the
    generator on its own: the discriminator maximises L_S + L_C and the generator L_C - L_S, in the paper's words, where
    L_S and L_C are log-likelihoods. Classes are told by logits, on which cross-entropy applies softmax once.

    Args:
        generator: as in `ProjectionGAN`.
        discriminator: (B, *shape) -> logits (B, 1 + classes), first that of being real, then those of the classes.
        shares: as in `ProjectionGAN`.
        class_weight: of L_C beside the loss of the source; 1 in the paper.
        class_loss_on_fakes: whether the discriminator learns the classes from generated samples, too, as in the paper.
            Without, the generator is no longer rewarded for samples that are merely easy to tell.
        settings: the others of `GAN`.

    Raises:
        UsageError: for a weight of 0 or less, with which nobody would be told a class.
    """

    averaged = ("generator",)
    stackable = True

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        shares: Sequence[float],
        *,
        class_weight: float = 1.0,
        class_loss_on_fakes: bool = True,
        **settings: Any,
    ) -> None:
        if class_weight <= 0:
            raise UsageError(f"the weight of AC-GAN's class loss must be above 0, not {class_weight}")
        self.class_weight = class_weight
        self.class_loss_on_fakes = class_loss_on_fakes
        super().__init__(generator, discriminator, shares, **settings)

    def source(self, logits: Tensor, label: Tensor) -> Tensor:
        """The logit that each example is real, (B,): the first one, whatever the class."""
        return logits[:, 0]

    def real_class_loss(self, logits: Tensor, label: Tensor) -> Tensor | float:
        """The weighted cross-entropy of each example's class, (B,)."""
        return self.class_weight * cross_entropy(logits[:, 1:], label, reduction="none")

    def fake_class_loss(self, logits: Tensor, label: Tensor) -> Tensor | float:
        """The same for generated samples, if the discriminator learns from them."""
        return self.real_class_loss(logits, label) if self.class_loss_on_fakes else 0.0

    def asked_class_loss(self, logits: Tensor, label: Tensor) -> Tensor | float:
        """The same for what the generator was asked for."""
        return self.real_class_loss(logits, label)

    def predict(self, net: Net, x: Tensor) -> Tensor:
        """Logits of the classes (B, classes)."""
        return net.discriminator(x)[:, 1:]

    def settings(self) -> dict[str, Any]:
        """See `Game.settings`."""
        own = {"class_weight": self.class_weight, "class_loss_on_fakes": self.class_loss_on_fakes}
        return super().settings() | own
