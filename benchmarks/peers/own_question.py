"""What the peers are really asked: the loss of the discriminator retrained alone, the generator left as it was.

The discriminator of the GAN is trained again by itself, on the fakes that it was shown in the run. So it ends where it
did in the run, and removing an example changes one model alone, which is what a peer assumes.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from gansift import cleansing, games, training
from gansift.data.examples import Examples
from gansift.games import Draw
from gansift.games.batch import weighted_mean
from gansift.games.parameters import Net
from gansift.training.state import PARAMETERS


class Alone(games.Game):
    """The discriminator against the fakes of a finished run.

    Args:
        discriminator: that of the run.
        fakes: what it was shown in each step, (T, B, d).
    """

    stackable = True

    def __init__(self, discriminator: torch.nn.Module, fakes: Tensor) -> None:
        super().__init__(discriminator=discriminator)
        self.fakes = fakes

    def discriminator_loss(self, net: Net, batch: games.Batch, draw: Draw) -> Tensor:
        """The same as in the GAN."""
        fake = softplus(net.discriminator(self.fakes[batch.step])).mean()
        return weighted_mean(softplus(-net.discriminator(batch.x)), batch.weight) + fake


def alone(run: training.Run, data: Examples) -> training.Run:
    """The run of the discriminator alone.

    Raises:
        SystemExit: if it does not end where the run's discriminator did.
    """
    settings, fakes = run.step.settings, []
    for number in range(run.steps):
        draw = Draw(settings.seed, "step", number, "discriminator", 0, dtype=run.step.dtype)
        net = run.step.net({player: slots[PARAMETERS] for player, slots in run.state(number).items()})
        with torch.no_grad():
            fakes.append(run.step.game.sample(net, settings.batch_size["data"], draw))
    again = training.train(
        Alone(run.step.game.players["discriminator"], torch.stack(fakes)),
        data,
        steps=run.steps,
        batch_size=settings.batch_size,
        optimizers=settings.optimizers,
        seed=settings.seed,
        dtype=settings.dtype,
    )
    here, there = (one.state(run.steps)["discriminator"][PARAMETERS] for one in (again, run))
    if not torch.allclose(here, there, rtol=1e-10, atol=1e-12):
        raise SystemExit("the discriminator alone does not end where it did in the GAN")
    return again


def true_loss_changes(run: training.Run, data: Examples, fakes: Tensor, removed: np.ndarray) -> np.ndarray:
    """Change of the query loss, the mean of softplus(-D) over ``fakes``, after each removal, (R,).

    Args:
        run: of the GAN.
        data: its training examples.
        fakes: the queries, (M, d).
        removed: boolean (R, N).
    """
    again = alone(run, data)

    def loss(trained: games.Trained | None) -> float:
        if trained is None:
            raise SystemExit("a retraining of the discriminator broke down; choose another seed")
        with torch.no_grad():
            return float(softplus(-again.step.net(trained.parameters).discriminator(fakes)).mean())

    sets = [[run.ids[row] for row in np.flatnonzero(mask)] for mask in removed]
    return np.array([loss(trained) for trained in cleansing.retrained_players(again, sets, run.steps)]) - loss(
        again.trained()
    )
