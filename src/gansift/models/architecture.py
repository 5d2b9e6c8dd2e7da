"""The built-in networks by name: what is needed to build a pair of them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gansift.errors import UsageError
from gansift.models.conditional import Conditional
from gansift.models.dcgan import DCGANDiscriminator, DCGANGenerator
from gansift.models.layers import Network
from gansift.models.mlp import MLPDiscriminator, MLPGenerator
from gansift.models.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator
from gansift.models.toys import FCDiscriminator, FCGenerator


class Pair(NamedTuple):
    """The two networks of a GAN."""

    generator: Network
    discriminator: Network


@dataclass(frozen=True)
class Architecture:
    """A pair of built-in networks.

    Attributes:
        model: of `MODELS`.
        shape: of one example.
        latent: number of latent variables.
        width: of the networks.
        most: channels at most, of StyleGAN2.
        depth: layers of the mapping network, of StyleGAN2.
        activation: ``lrelu`` or ``silu``, of StyleGAN2.
        noise: whether StyleGAN2's generator adds noise in every layer.
        classes: of networks that know the class: a generator that is told it, and a discriminator with a logit for
            each class after its first one, see `games.ACGAN`; 0 for networks that know nothing of classes.
    """

    model: str
    shape: tuple[int, ...]
    latent: int
    width: int
    most: int = 512
    depth: int = 8
    activation: str = "lrelu"
    noise: bool = True
    classes: int = 0

    @property
    def inputs(self) -> int:
        """Numbers that the generator's first layer takes: latents, and as many that stand for the class."""
        return 2 * self.latent if self.classes else self.latent

    @property
    def outputs(self) -> int:
        """Logits that the discriminator gives for an example."""
        return 1 + self.classes

    def build(self) -> Pair:
        """The networks, with parameters from torch's global random state.

        Raises:
            UsageError: for an unknown model.
            TrainingError: if the model does not take examples of that shape.
        """
        if self.model not in MODELS:
            raise UsageError(f"--model {self.model!r} is unknown; choose one of {', '.join(MODELS)} or auto")
        generator, discriminator = MODELS[self.model](self)
        return Pair(Conditional(generator, self.classes) if self.classes else generator, discriminator)


def _stylegan2(given: Architecture) -> Pair:
    return Pair(
        StyleGAN2Generator(
            given.inputs,
            given.width,
            given.shape,
            most=given.most,
            depth=given.depth,
            activation=given.activation,
            noise=given.noise,
        ),
        StyleGAN2Discriminator(
            given.width, given.shape, most=given.most, activation=given.activation, outputs=given.outputs
        ),
    )


#: Name -> how its networks are built.
MODELS: dict[str, Callable[[Architecture], Pair]] = {
    "mlp": lambda given: Pair(
        MLPGenerator(given.inputs, given.width, given.shape), MLPDiscriminator(given.width, given.shape, given.outputs)
    ),
    "dcgan": lambda given: Pair(
        DCGANGenerator(given.inputs, given.width, given.shape),
        DCGANDiscriminator(given.width, given.shape, given.outputs),
    ),
    "fc": lambda given: Pair(
        FCGenerator(latent=given.inputs, width=given.width, shape=given.shape),
        FCDiscriminator(width=given.width, shape=given.shape, outputs=given.outputs),
    ),
    "stylegan2": _stylegan2,
}
