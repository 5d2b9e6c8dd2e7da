"""Flow matching and diffusion: targets and samplers written down once more, and exact scores through all of it."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from gansift import games, influence, metrics, models, training
from gansift.data import Examples
from gansift.errors import TrainingError, UsageError
from gansift.games.batch import Batch
from gansift.games.diffusion import signal_shares
from gansift.games.draw import Draw
from gansift.games.parameters import Layout, Net

KINDS = {"matching": games.FlowMatching, "diffusion": games.Diffusion}
every_kind = pytest.mark.parametrize("kind", KINDS)


def images(count, shape=(1, 8, 8), seed=0) -> Examples:
    generator = torch.Generator().manual_seed(seed)
    return Examples.of(torch.rand(count, *shape, generator=generator), label=["a", "b", "b"] * (count // 3))


def stirred(network):
    """A network whose last layers are not 0 any more, so that every parameter has a say from the first step on."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    network.reset_parameters = None  # training begins with these
    return network


def bound(game):
    layouts = {name: Layout(module.double()) for name, module in game.players.items()}
    return Net(game.players, layouts, {name: layouts[name].flatten(one) for name, one in game.players.items()})


class Gaussian(nn.Module):
    """The best answer that there is for data N(mean, deviation^2), in closed form."""

    def __init__(self, kind, mean, deviation, levels=1000):
        super().__init__()
        self.kind, self.mean, self.deviation, self.shape = kind, mean, deviation, (1,)
        self.signal = torch.tensor(signal_shares(levels), dtype=torch.float64)
        self.nothing = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, x, time):
        t, variance = time[:, None], self.deviation**2
        if self.kind == "matching":  # E[x_1 - z | x_t]
            slope = (t * variance - (1 - t)) / ((1 - t) ** 2 + t**2 * variance)
            return self.mean + slope * (x - t * self.mean) + self.nothing
        share = self.signal[(t * (len(self.signal) - 1)).round().long()]  # E[noise | x_k]
        off = x - share.sqrt() * self.mean
        return (1 - share).sqrt() * off / (share * variance + 1 - share) + self.nothing


@every_kind
def test_the_best_answer_for_a_normal_distribution_is_a_minimum_of_the_loss(kind):
    game = KINDS[kind](Gaussian(kind, 1.5, 0.5))
    x = 1.5 + 0.5 * Draw(1, "data", dtype=torch.float64).normal(200_000, 1)
    batch = Batch(x, torch.ones(len(x), dtype=torch.float64), None, 0)
    best, flat = Gaussian(kind, 1.5, 0.5), torch.zeros(1, dtype=torch.float64)

    def loss(change):
        layouts = {"network": Layout(game.players["network"])}
        return game.network_loss(Net(game.players, layouts, {"network": flat + change}), batch, Draw(0))

    least = loss(0.0)
    assert best.nothing.item() == 0
    for change in (-0.1, 0.1):  # a constant beside it costs its square, whatever the noise
        assert loss(change) - least == pytest.approx(0.01, abs=1.2e-3)
    for mean, deviation in ((1.4, 0.5), (1.6, 0.5), (1.5, 0.4), (1.5, 0.62)):
        other = KINDS[kind](Gaussian(kind, mean, deviation))
        layouts = {"network": Layout(other.players["network"])}
        assert other.network_loss(Net(other.players, layouts, {"network": flat}), batch, Draw(0)) > least


@pytest.mark.parametrize(
    ("kind", "settings", "order"),
    [("matching", {"solver": "euler"}, 1), ("matching", {"solver": "heun"}, 2), ("diffusion", {"levels": 4096}, 1)],
    ids=["euler", "heun", "ddim"],
)
def test_samplers_converge_to_the_exact_samples_of_a_normal_distribution(kind, settings, order):
    mean, deviation = 1.5, 0.5
    errors = []
    for steps in (16, 32, 64):
        network = Gaussian(kind, mean, deviation, settings.get("levels", 1000))
        game = KINDS[kind](network, sampling_steps=steps, **settings)
        z = Draw(3, dtype=torch.float64).normal(50, 1)
        found = game.sample(bound(game), 50, Draw(3, dtype=torch.float64))
        # Both equations are linear: x - E x shrinks as the deviation of x_t does.
        if kind == "matching":
            start, start_mean = 1.0, 0.0
        else:
            share = game.signal[round(game.schedule_of_steps()[0][0] * game.levels)]
            start, start_mean = (share * deviation**2 + 1 - share).sqrt(), share.sqrt() * mean
        errors.append(float((found - (mean + deviation * (z - start_mean) / start)).abs().max()))
    for coarse, fine in pairwise(errors):
        assert coarse / fine == pytest.approx(2**order, rel=0.2)


@every_kind
def test_the_loss_is_what_the_papers_say(kind):
    game = KINDS[kind](stirred(models.PerceptronDenoiser(5, (1, 8, 8), 2)), shares=(0.4, 0.6), untold=0.3)
    x, weight = images(9).x.double(), torch.linspace(0, 2, 9, dtype=torch.float64)
    label = torch.tensor([0, 1, 1] * 3)
    draw, twin = Draw(5, dtype=torch.float64), Draw(5, dtype=torch.float64)
    uniform, noise, untold = twin.uniform(9), twin.normal(9, 1, 8, 8), twin.uniform(9) < 0.3
    assert untold.any()
    net, expected = bound(game), []
    for row in range(9):
        told = torch.tensor([2 if untold[row] else int(label[row])])
        if kind == "matching":
            t = float(uniform[row])
            seen, wanted = (1 - t) * noise[row] + t * x[row], x[row] - noise[row]
        else:
            level = math.floor(1000 * float(uniform[row])) + 1
            share, t = signal_shares(1000)[level], level / 1000
            seen, wanted = math.sqrt(share) * x[row] + math.sqrt(1 - share) * noise[row], noise[row]
        said = game.players["network"](seen[None], torch.tensor([t], dtype=torch.float64), told)[0]
        expected.append((weight[row] * (said - wanted).square().mean()).item())
    loss = game.network_loss(net, Batch(x, weight, label, 0), draw)
    assert loss.item() == pytest.approx(sum(expected) / 9, rel=1e-10)


def test_the_cosine_schedule_is_that_of_the_paper():
    betas = []
    for level in range(1, 201):
        own, before = (math.cos((k / 200 + 0.008) / 1.008 * math.pi / 2) ** 2 for k in (level, level - 1))
        betas.append(min(1 - own / before, 0.999))
    np.testing.assert_allclose(signal_shares(200)[1:], np.cumprod(1 - np.array(betas)), rtol=1e-9)


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_flow_matching_samples_by_the_rule_of_its_solver_with_guidance(solver):
    network = stirred(models.PerceptronDenoiser(5, (2,), 3)).double()
    shares = (0.2, 0.3, 0.5)
    game = games.FlowMatching(network, sampling_steps=3, solver=solver, shares=shares, guidance=2.5)
    label = torch.tensor([0, 2, 1, 1])

    def velocity(x, time):
        t = torch.full((4,), time, dtype=torch.float64)
        return -1.5 * network(x, t, torch.full((4,), 3)) + 2.5 * network(x, t, label)

    x = Draw(4, dtype=torch.float64).normal(4, 2)
    for step in range(3):
        first = velocity(x, step / 3)
        second = velocity(x + first / 3, (step + 1) / 3)
        x = x + (first if solver == "euler" else (first + second) / 2) / 3
    found = game.sample(bound(game), 4, Draw(4, dtype=torch.float64), label)
    torch.testing.assert_close(found, x, rtol=1e-12, atol=1e-12)


def test_diffusion_samples_by_ddim_with_guidance():
    network = stirred(models.PerceptronDenoiser(5, (2,), 2)).double()
    game = games.Diffusion(network, sampling_steps=4, levels=22, shares=(0.5, 0.5), guidance=0.5)
    label, share = torch.tensor([0, 1, 1]), signal_shares(22)
    x = Draw(4, dtype=torch.float64).normal(3, 2)
    for level, below in ((17, 12), (12, 6), (6, 1), (1, 0)):  # 1 + i 22 / 4, rounded down
        t = torch.full((3,), level / 22, dtype=torch.float64)
        noise = (network(x, t, torch.full((3,), 2)) + network(x, t, label)) / 2
        clean = (x - (1 - share[level]) ** 0.5 * noise) / share[level] ** 0.5
        x = share[below] ** 0.5 * clean + (1 - share[below]) ** 0.5 * noise
    found = game.sample(bound(game), 3, Draw(4, dtype=torch.float64), label)
    torch.testing.assert_close(found, x, rtol=1e-10, atol=1e-12)


@every_kind
def test_the_gradient_of_samples_is_that_without_computing_steps_again(kind, monkeypatch):
    game = KINDS[kind](stirred(models.PerceptronDenoiser(5, (2,))), sampling_steps=4)
    layout = Layout(game.players["network"].double())
    flat = layout.flatten(game.players["network"]).requires_grad_()

    def gradient():
        samples = game.sample(Net(game.players, {"network": layout}, {"network": flat}), 6, Draw(1, dtype=flat.dtype))
        return torch.autograd.grad(samples.square().sum(), flat)[0]

    again = gradient()
    monkeypatch.setattr(
        "gansift.games.denoising.checkpoint", lambda function, *arguments, **options: function(*arguments)
    )
    torch.testing.assert_close(again, gradient(), rtol=1e-12, atol=1e-14)
    assert again.abs().max() > 0.01


@every_kind
def test_for_a_derivative_of_samples_nothing_of_a_step_is_kept_but_where_it_started(kind):
    network = models.PerceptronDenoiser(64, (2,))
    layout = Layout(network)
    flat = layout.flatten(network).requires_grad_()

    def kept(steps):
        game, sizes = KINDS[kind](network, sampling_steps=steps), []
        with torch.autograd.graph.saved_tensors_hooks(lambda x: sizes.append(x.numel()) or x, lambda x: x):
            game.sample(Net(game.players, {"network": layout}, {"network": flat}), 50, Draw(1))
        return sum(sizes)

    assert kept(12) - kept(2) <= 10 * 50 * 2


class Moments(metrics.SampleMetric):
    """A smooth metric of samples."""

    name, direction = "moments", "lower"

    def features(self, samples):
        return samples.flatten(1)

    def evaluate(self, features):
        found = features.detach().requires_grad_()
        value = (found.sin() + found.square() / 4).mean() + found.mean(0).square().sum()
        return float(value), torch.autograd.grad(value, found)[0]


NETWORKS = {
    "perceptron": lambda classes: models.PerceptronDenoiser(4, (1, 8, 8), classes),
    "u-net": lambda classes: models.UNet(4, (1, 8, 8), classes),
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("matching", {"sampling_steps": 2, "guidance": 1.7, "shares": (0.3, 0.7), "untold": 0.4, "dropout": 0.3}),
        ("matching", {"sampling_steps": 3, "solver": "euler"}),
        ("diffusion", {"sampling_steps": 3, "guidance": 1.7, "shares": (0.3, 0.7), "untold": 0.4, "dropout": 0.3}),
    ],
    ids=["heun, guided", "euler", "ddim, guided"],
)
def test_scores_are_those_of_retraining_through_sampler_average_and_guidance(network, kind, settings):
    data, metric = images(12), Moments(latents=6, seed=1, chunk=4)

    def train(weights=None):
        torch.manual_seed(0)
        game = KINDS[kind](stirred(NETWORKS[network](2 * ("shares" in settings))), **settings)
        return training.train(
            game, data, steps=5, batch_size=6, weights=weights, ema=0.6, dtype="float64", seed=2,
            optimizers=training.Adam(lr=0.02, betas=(0.5, 0.9), eps=1e-2, eps_inside=True),
        )  # fmt: skip

    run = train()
    scores = influence.itd(run, metric).values
    rows = np.argsort(np.abs(scores))[[-1, 6, 1]]
    expected = []
    for row in rows:
        values = []
        for change in (-1e-4, 1e-4):
            weights = run.weights.clone()
            weights[row] += change
            values.append(metric.value(train(weights)))
        expected.append((values[0] - values[1]) / 2e-4)
    assert np.abs(expected).max() > 1e-4
    np.testing.assert_allclose(scores[rows], expected, rtol=1e-6, atol=1e-7 * np.abs(expected).max())


@every_kind
def test_the_denoising_loss_of_an_example_depends_on_nothing_else(kind):
    game = KINDS[kind](stirred(models.PerceptronDenoiser(5, (1, 8, 8))))
    net, x = bound(game), images(6).x.double()
    together = game.denoising_losses(net, x)
    torch.testing.assert_close(together[[4, 1]], game.denoising_losses(net, x[[4, 1]]), rtol=1e-12, atol=0)
    draw, time, expected = Draw(0, "denoising loss", dtype=torch.float64), torch.full((1,), 0.0).double(), 0.0
    for look in range(16):
        noise = draw.normal(1, 8, 8)[None]
        time = game.time(torch.full((1,), (look + 0.5) / 16).double())
        expected += float(game.errors(net, x[3:4], None, time, noise)) / 16
    assert together[3].item() == pytest.approx(expected, rel=1e-12)
    batch = Batch(x, torch.ones(6), None, 0)
    assert torch.equal(game.confidence(net, batch), -together)


@every_kind
def test_classes_are_drawn_by_their_shares_and_samples_are_of_the_class_that_is_asked_for(kind):
    game = KINDS[kind](stirred(models.PerceptronDenoiser(5, (2,), 2)), shares=(0.0, 1.0), sampling_steps=2)
    net = bound(game)
    drawn, draw = game.sample(net, 5, Draw(0, dtype=torch.float64)), Draw(0, dtype=torch.float64)
    draw.uniform(5)
    assert torch.equal(drawn, game.sample(net, 5, draw, torch.ones(5, dtype=torch.int64)))
    draw = Draw(0, dtype=torch.float64)
    draw.uniform(5)
    assert not torch.allclose(drawn, game.sample(net, 5, draw, torch.zeros(5, dtype=torch.int64)))


def test_what_cannot_be_is_refused():
    network = models.PerceptronDenoiser(4, (1, 8, 8))
    with pytest.raises(UsageError, match="guidance needs classes"):
        games.FlowMatching(network, guidance=2.0)
    with pytest.raises(UsageError, match="unknown solver 'rk4'"):
        games.FlowMatching(network, solver="rk4")
    with pytest.raises(UsageError, match="at most one step for each of 10 levels"):
        games.Diffusion(network, levels=10)
    with pytest.raises(TrainingError, match="no attribute `shape`"):
        games.Diffusion(nn.Linear(2, 2))
    with pytest.raises(TrainingError, match="add up to 1"):
        games.Diffusion(network, shares=(0.5, 0.1))

    def refused(message, game, data):
        with pytest.raises(TrainingError, match=message):
            training.train(game, data, steps=2, batch_size=3, optimizers=training.SGD(lr=0.1))

    refused(r"for examples of shape \(1, 8, 8\)", games.Diffusion(network), images(6, (1, 6, 6)))
    told = games.Diffusion(models.PerceptronDenoiser(4, (1, 8, 8), 2), shares=(0.5, 0.5))
    bare = replace(images(6), columns={})
    refused("these have none", told, bare)
