"""The built-in networks by name: what is needed to build a pair of them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gansift.errors import UsageError
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
    """

    model: str
    shape: tuple[int, ...]
    latent: int
    width: int
    most: int = 512
    depth: int = 8
    activation: str = "lrelu"
    noise: bool = True

    def build(self) -> Pair:
        """The networks, with parameters from torch's global random state.

        Raises:
            UsageError: for an unknown model.
            TrainingError: if the model does not take examples of that shape.
        """
        if self.model not in MODELS:
            raise UsageError(f"--model {self.model!r} is unknown; choose one of {', '.join(MODELS)} or auto")
        return MODELS[self.model](self)


def _stylegan2(given: Architecture) -> Pair:
    return Pair(
        StyleGAN2Generator(
            given.latent,
            given.width,
            given.shape,
            most=given.most,
            depth=given.depth,
            activation=given.activation,
            noise=given.noise,
        ),
        StyleGAN2Discriminator(given.width, given.shape, most=given.most, activation=given.activation),
    )


#: Name -> how its networks are built.
MODELS: dict[str, Callable[[Architecture], Pair]] = {
    "mlp": lambda given: Pair(
        MLPGenerator(given.latent, given.width, given.shape), MLPDiscriminator(given.width, given.shape)
    ),
    "dcgan": lambda given: Pair(
        DCGANGenerator(given.latent, given.width, given.shape), DCGANDiscriminator(given.width, given.shape)
    ),
    "fc": lambda given: Pair(
        FCGenerator(latent=given.latent, width=given.width, shape=given.shape),
        FCDiscriminator(width=given.width, shape=given.shape),
    ),
    "stylegan2": _stylegan2,
}
