"""Retrainings that are moved together move as each of them alone would."""

from __future__ import annotations

from copy import copy

import pytest
import torch

from gansift import games, training
from gansift.training.reweighted import Reweighted
from toys import Critic, Perceptron, ThreePlayers, examples, gan

ADAM = training.Adam(lr=0.05, eps=1e-2)
TWO = {"simulated": examples(10, seed=1, name="s"), "real": examples(14, seed=2, name="r")}


class Branching(games.GAN):
    """It asks for the number of the step, so it cannot be written down."""

    stackable = True

    def generator_loss(self, net, batch, draw):
        loss = super().generator_loss(net, batch, draw)
        return 2 * loss if batch.step % 2 else loss


def _run(game, data=None, **other):
    settings = {"steps": 4, "batch_size": 4, "optimizers": ADAM, "ema": 0.8, "dtype": "float64"} | other
    return training.train(game, data or examples(), **settings)


def _weights(run):
    return torch.stack([torch.ones(len(run.ids)), torch.linspace(0.2, 2, len(run.ids)), torch.zeros(len(run.ids))])


@pytest.mark.parametrize("renormalise", [False, True])
@pytest.mark.parametrize(
    ("game", "data", "written"),
    [
        (gan(r1=0.3), None, True),
        (gan(schedule="2:1", gradient_penalty=0.3), None, True),
        (ThreePlayers(), TWO, True),
        (Branching(Perceptron(2, 2), Critic(2)), None, False),
    ],
)
def test_each_row_of_a_step_is_the_step_of_that_replica_alone(game, data, written, renormalise):
    run = _run(game, data, renormalise=renormalise)
    weights, state = _weights(run), run.state(2)
    together = Reweighted.of(run.step, len(weights))
    assert (together.compiled is not None) == written
    states = together.expanded(state)
    for number in (2, 3):
        states = together(states, number, weights)
    for row, own in enumerate(weights):
        alone = run.step(run.step(state, 2, own), 3, own)
        for player, slots in alone.items():
            for name, value in slots.items():
                torch.testing.assert_close(states[player][name][row], value, rtol=1e-11, atol=1e-13)


def test_a_batch_in_parts_is_not_written_down():
    assert Reweighted(_run(gan(r1=0.3), micro_batches=2).step, 3).compiled is None


def test_what_is_written_down_serves_the_same_step_alone():
    step = _run(gan(r1=0.3)).step
    first = Reweighted.of(step, 3)
    assert Reweighted.of(step, 3) is first
    assert Reweighted.of(step, 2) is not first
    other = copy(step)
    other.x = {"data": step.x["data"] + 1}
    assert Reweighted.of(other, 3) is not first
