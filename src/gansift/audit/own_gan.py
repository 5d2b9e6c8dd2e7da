"""An attacker's own GAN on what a generator gives away, whose discriminator tells members (LOGAN without the model)."""

from __future__ import annotations

import numpy as np
import torch

from gansift import games, models, training
from gansift.audit.attacks import Attacked, own_scores_of
from gansift.data.examples import Examples

_LATENT, _WIDTH, _BATCH = 64, 256, 64


def score_by_own_gan(attacked: Attacked, steps: int) -> np.ndarray:
    """How real an example looks to the discriminator of a GAN that was trained on the samples.

    Hayes and others (2019): a generator that has memorised its training examples gives them away among its samples, so
    that a discriminator of the samples learns them, too. The GAN is of perceptrons, with the loss and the plain Adam
    of most scripts, which memorise.

    Args:
        attacked: with samples, m of them.
        steps: to train the GAN for.

    Returns:
        Scores of the examples in question, shape (n,), the larger the more like a member.

    Raises:
        TrainingError: if that training breaks down.
    """
    assert attacked.samples is not None
    shape = tuple(attacked.samples.shape[1:])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(attacked.seed)
        game = games.GAN(
            generator=models.MLPGenerator(latent=_LATENT, width=_WIDTH, shape=shape),
            discriminator=models.MLPDiscriminator(width=_WIDTH, shape=shape),
            loss="non-saturating",
            r1=0.0,
        )
    run = training.train(
        game,
        Examples.of(attacked.samples.numpy(), name="samples"),
        steps=steps,
        batch_size=min(_BATCH, len(attacked.samples)),
        optimizers=training.Adam(lr=2e-4, betas=(0.5, 0.999), eps=1e-8),
        seed=attacked.seed,
    )
    return own_scores_of(run.trained(), attacked.examples)
