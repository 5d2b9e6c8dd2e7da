"""The variational autoencoder: its bound is that of torch's distributions, and tight where the encoder is exact."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from gansift import games, models, training
from gansift.data import Examples
from gansift.errors import TrainingError, UsageError
from gansift.games.batch import Batch
from gansift.games.draw import Draw
from gansift.games.parameters import Layout


def trained(network, **settings) -> games.Trained:
    return games.Trained(games.VAE(network.double(), **settings), {"network": Layout(network).flatten(network)})


def small() -> games.Trained:
    torch.manual_seed(0)
    return trained(models.PerceptronVAE(3, 6, (1, 2, 2)), deviation=0.4)


def test_the_loss_is_the_weighted_mean_of_negative_bounds():
    of, draw, twin = small(), Draw(5, dtype=torch.float64), Draw(5, dtype=torch.float64)
    x, weight = Draw(1, dtype=torch.float64).normal(7, 1, 2, 2), torch.linspace(0, 2, 7, dtype=torch.float64)
    noise, network, expected = twin.normal(7, 3), of.game.players["network"], 0.0
    for row in range(7):
        mean, log_variance = network.encoder(x[row : row + 1])[0].split(3)
        posterior = Normal(mean, (log_variance / 2).exp())
        decoded = network.decoder((mean + posterior.stddev * noise[row])[None])[0]
        bound = Normal(decoded, 0.4).log_prob(x[row]).sum() - kl_divergence(posterior, Normal(0.0, 1.0)).sum()
        expected -= float(weight[row] * bound.detach()) / 4 / 7
    loss = of.game.network_loss(of.net(), Batch(x, weight, None, 0), draw)
    assert loss.item() == pytest.approx(expected, rel=1e-10)


class Line(nn.Module):
    """A linear decoder of one latent in the plane, with its exact posterior as the encoder."""

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.shape, self.latent, self.deviation = (2,), 1, deviation
        self.slope = nn.Parameter(torch.tensor([[1.5, -0.7]]))
        self.offset = nn.Parameter(torch.tensor([0.3, 0.2]))

    def forward(self, x, noise):
        precision = 1 + self.slope.square().sum() / self.deviation**2
        mean = (x - self.offset) @ self.slope.T / self.deviation**2 / precision
        log_variance = -precision.log() * torch.ones_like(mean)
        return self.decode(mean + (log_variance / 2).exp() * noise), mean, log_variance

    def decode(self, z):
        return z @ self.slope + self.offset


def test_the_bound_is_the_likelihood_where_the_encoder_is_the_exact_posterior():
    of, x = trained(Line(0.5), deviation=0.5), Draw(2, dtype=torch.float64).normal(6, 2)
    line = of.game.players["network"]
    covariance = line.slope.T @ line.slope + 0.25 * torch.eye(2, dtype=torch.float64)
    expected = -MultivariateNormal(line.offset, covariance).log_prob(x) / 2
    # What is averaged over is quadratic in the noise, so that two noises are as good as all.
    noise = torch.ones(6, 1, dtype=torch.float64)
    found = (of.game._bounds(of.net(), x, noise) + of.game._bounds(of.net(), x, -noise)) / 2
    torch.testing.assert_close(found, expected.detach(), rtol=1e-10, atol=1e-12)


def test_negative_bounds_are_means_over_noises_that_do_not_depend_on_the_other_examples():
    of, x = small(), Draw(3, dtype=torch.float64).normal(5, 1, 2, 2)
    whole = of.game.negative_bounds(of.net(), x)
    torch.testing.assert_close(of.game.negative_bounds(of.net(), x[2:4]), whole[2:4])
    torch.testing.assert_close(of.game.confidence(of.net(), Batch(x, torch.ones(5), None, 0)), -whole)
    noises = Draw(0, "bound", dtype=torch.float64).normal(16, 3)
    expected = torch.stack([of.game._bounds(of.net(), x, noise.repeat(5, 1)) for noise in noises]).mean(0)
    torch.testing.assert_close(whole, expected)
    assert (of.game.negative_bounds(of.net(), x, seed=1) - whole).abs().max() > 1e-4


def test_samples_are_decoded_latents():
    of = small()
    z = Draw(4, dtype=torch.float64).normal(9, 3)
    found = of.game.sample(of.net(), 9, Draw(4, dtype=torch.float64))
    assert found.shape == (9, 1, 2, 2)
    torch.testing.assert_close(found, of.game.players["network"].decoder(z))


def test_it_learns_a_line_in_the_plane():
    z = Draw(0, "line").normal(300, 1)
    points = Examples.of((z @ torch.tensor([[1.0, 0.5]]) + 0.05 * Draw(0, "off").normal(300, 2)).numpy())
    torch.manual_seed(0)
    game = games.VAE(models.PerceptronVAE(1, 16, (2,)), deviation=0.1)
    run = training.train(game, points, steps=400, batch_size=50, optimizers=training.Adam(lr=0.01), seed=0)
    found = run.trained().sample(500, Draw(1))
    assert float((found[:, 1] - found[:, 0] / 2).std()) < 0.15
    assert float(found[:, 0].std()) == pytest.approx(1, abs=0.3)


def test_what_is_no_variational_autoencoder_is_refused():
    with pytest.raises(TrainingError, match="no attribute `latent`"):
        games.VAE(models.PerceptronDenoiser(4, (2,)))
    for deviation in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(UsageError, match="deviation of the decoder is above 0"):
            games.VAE(models.PerceptronVAE(2, 4, (2,)), deviation=deviation)
    points, optimizer = Examples.of(torch.zeros(4, 3).numpy()), training.SGD(lr=0.1)
    with pytest.raises(TrainingError, match=r"for examples of shape \(2,\), and these have the shape \(3,\)"):
        training.train(games.VAE(models.PerceptronVAE(2, 4, (2,))), points, steps=1, batch_size=2, optimizers=optimizer)
