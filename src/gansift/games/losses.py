"""The usual GAN losses: one value per real example, per generated sample, and for the generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import softplus


class Loss(NamedTuple):
    """A GAN loss as three functions of discriminator logits, each (B,) -> (B,)."""

    real: Callable[[Tensor], Tensor]
    fake: Callable[[Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


LOSSES = {
    # Goodfellow et al. 2014, section 3: the generator maximises log D(G(z)).
    "non-saturating": Loss(lambda d: softplus(-d), softplus, lambda d: softplus(-d)),
    # The zero-sum game of the same paper, equation 1.
    "saturating": Loss(lambda d: softplus(-d), softplus, lambda d: -softplus(d)),
    # Mao et al. 2017, equation 9: targets 1 for real, 0 for fake, 1 for the generator.
    "least-squares": Loss(lambda d: (d - 1).square() / 2, lambda d: d.square() / 2, lambda d: (d - 1).square() / 2),
    # Arjovsky et al. 2017; needs the gradient penalty of Gulrajani et al. 2017 to stay bounded.
    "wasserstein": Loss(lambda d: -d, lambda d: d, lambda d: -d),
}
