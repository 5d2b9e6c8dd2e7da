"""What events inherit: moments of other rows, also where one player starts other numbers anew; and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gansift import games, training
from gansift.errors import TrainingError
from gansift.games.batch import weighted_mean
from toys import examples

ADAM = training.Adam(lr=0.05, betas=(0.5, 0.9), eps=1e-2)


class Centres(nn.Module):
    def __init__(self):
        super().__init__()
        self.places = nn.Parameter(torch.tensor([[0.0, 0.0], [1.0, 0.5], [4.0, 4.0]]))
        self.width = nn.Parameter(torch.ones(2))


class Copying(games.Game):
    """Soft clusters, of which the rows that are named become others after the third step, and the width is set to 2."""

    rows = (1, 1, 0)

    def __init__(self):
        super().__init__(centres=Centres())

    def centres_loss(self, net, batch, draw):
        off = ((batch.x[:, None] - net.centres.places) / net.centres.width).square().sum(2)
        return weighted_mean(-torch.logsumexp(-off, 1) + net.centres.width.sum(), batch.weight)

    def event(self, net, batch, draw):
        if batch.step != 2:
            return {}
        rows = torch.tensor(self.rows)
        places = games.Inherited(net.centres.places[torch.tensor([1, 1, 0])] + 0.1, rows)
        return {"centres": {"places": places, "width": torch.full((2,), 2.0, dtype=batch.x.dtype)}}


def train(game):
    return training.train(game, examples(), steps=4, batch_size=4, optimizers=ADAM, dtype="float64", checkpoint_every=1)


def test_rows_go_on_with_copies_of_the_moments_of_those_that_they_are_made_of_and_the_rest_starts_anew():
    run = train(Copying())
    layout = run.step.layouts["centres"]
    eve, after = run.step.trace(run.state(2), 2, run.weights).eve["centres"], run.state(3)["centres"]
    for slot in (name for name in after if name != "parameters"):
        old, new = layout.views(eve[slot]), layout.views(after[slot])
        assert torch.equal(new["places"], old["places"][[1, 1, 0]])
        assert old["places"].abs().min() > 0
        assert not new["width"].any()
        assert old["width"].all()
    assert torch.equal(layout.views(after["parameters"])["width"], torch.full((2,), 2.0).double())


def test_rows_that_are_not_those_of_the_parameter_are_refused():
    game = type("Short", (Copying,), {"rows": (1, 1)})()
    with pytest.raises(
        TrainingError, match=r"\(2,\) rows of centres\.places whose moments they inherit; it has \(3,\)"
    ):
        train(game)
