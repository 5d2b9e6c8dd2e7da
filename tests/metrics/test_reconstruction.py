"""The reconstruction error is the mean squared difference."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gansift import games, metrics
from gansift.games.parameters import Layout


class Halved(games.Game):
    """Gives a share of every number back."""

    def share_loss(self, net, batch, draw):
        return games.weighted_mean(net.share(batch.x).squeeze(1), batch.weight)

    def reconstruct(self, net, x):
        return x * net.share.weight[0, 0]


def test_value_and_gradient_are_those_in_closed_form():
    share = nn.Linear(1, 1, bias=False)
    nn.init.constant_(share.weight, 0.25)
    game = Halved(share=share)
    trained = games.Trained(game, {"share": Layout(share).flatten(share).double()})
    x = torch.randn(1100, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    square = x.double().square().mean().item()
    metric = metrics.reconstruction(x)
    assert metric.value(trained) == pytest.approx(0.75**2 * square, rel=1e-9)
    assert metric.gradient(trained)["share"].item() == pytest.approx(-2 * 0.75 * square, rel=1e-9)
