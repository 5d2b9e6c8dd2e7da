"""The bound of held-out examples as a metric: its value, and its gradient."""

from __future__ import annotations

import pytest
import torch

from gansift import games, models
from gansift.data import Examples
from gansift.games.parameters import Layout
from gansift.metrics.bound import negative_bound


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    network = models.PerceptronVAE(2, 6, (2,)).double()
    return games.Trained(games.VAE(network), {"network": Layout(network).flatten(network)})


@pytest.fixture(scope="module")
def held():
    return Examples.of(torch.randn(700, 2, generator=torch.Generator().manual_seed(1)).numpy())


def test_it_is_the_mean_over_examples_also_of_some(trained, held):
    metric, bounds = negative_bound(held), trained.game.negative_bounds(trained.net(), held.x.double())
    assert metric.value(trained) == pytest.approx(bounds.mean().item(), rel=1e-12)
    rows = torch.arange(700)[::3]
    assert metric.among(rows).value(trained) == pytest.approx(bounds[rows].mean().item(), rel=1e-12)


def test_its_gradient_agrees_with_finite_differences(trained, held):
    metric = negative_bound(held)
    flat, gradient = trained.parameters["network"], metric.gradient(trained)["network"]
    direction = torch.randn(flat.shape, generator=torch.Generator().manual_seed(2)).double()
    ahead, behind = (
        metric.value(games.Trained(trained.game, {"network": flat + side * 1e-6 * direction})) for side in (1, -1)
    )
    assert float(gradient @ direction) == pytest.approx((ahead - behind) / 2e-6, rel=1e-6)
