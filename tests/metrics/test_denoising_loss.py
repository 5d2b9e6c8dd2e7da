"""The denoising loss of held-out examples, and of one that is asked about: values, gradients, and what they look at."""

from __future__ import annotations

import pytest
import torch

from gansift import games, metrics, models
from gansift.data import Examples
from gansift.games.parameters import Layout
from gansift.metrics.denoising import denoising_loss, query_loss


@pytest.fixture(scope="module", params=[games.FlowMatching, games.Diffusion])
def trained(request):
    torch.manual_seed(0)
    network = models.PerceptronDenoiser(6, (2,), 2).double()
    with torch.no_grad():
        network.last.weight.normal_()
    game = request.param(network, shares=(0.5, 0.5))
    return games.Trained(game, {"network": Layout(network).flatten(network)})


@pytest.fixture(scope="module")
def held():
    generator = torch.Generator().manual_seed(1)
    return Examples.of(torch.randn(700, 2, generator=generator), label=["a", "b"] * 350)


def test_it_is_the_mean_over_examples_with_their_classes(trained, held):
    metric = denoising_loss(held)
    expected = trained.game.denoising_losses(trained.net(), held.x.double(), held.labels).mean()
    assert metric.value(trained) == pytest.approx(expected.item(), rel=1e-12)
    turned = trained.game.denoising_losses(trained.net(), held.x.double(), 1 - held.labels).mean()
    assert abs(turned.item() - expected.item()) > 1e-4


def test_its_gradient_agrees_with_finite_differences(trained, held):
    metric = denoising_loss(held)
    flat, gradient = trained.parameters["network"], metric.gradient(trained)["network"]
    direction = torch.randn(flat.shape, generator=torch.Generator().manual_seed(2)).double()
    ahead, behind = (
        metric.value(games.Trained(trained.game, {"network": flat + side * 1e-6 * direction})) for side in (1, -1)
    )
    assert float(gradient @ direction) == pytest.approx((ahead - behind) / 2e-6, rel=1e-6)


def test_without_some_examples_the_others_are_looked_at_as_before(trained, held):
    whole = denoising_loss(held)
    rows = torch.arange(700)[::3]
    losses = trained.game.denoising_losses(trained.net(), held.x.double(), held.labels)
    assert whole.among(rows).value(trained) == pytest.approx(losses[rows].mean().item(), rel=1e-12)
    assert len(metrics.replicates(whole, trained).without_examples) == 20


def test_one_example_is_looked_at_more_often(trained, held):
    metric = query_loss(held.subset([3]), name="query-loss-3", what="the fourth example")
    losses = trained.game.denoising_losses(trained.net(), held.x[3:4].double(), held.labels[3:4], looks=64)
    assert metric.value(trained) == pytest.approx(losses.item(), rel=1e-12)
    assert "noise of the fourth example" in metric.meaning
