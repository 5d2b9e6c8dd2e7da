"""The flow between data sets: losses written down once more, exact scores of every data set, transfer, typicality."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from gansift import cleansing, games, influence, metrics, training
from gansift.data import Examples
from gansift.errors import TrainingError
from gansift.games.batch import Batch, Batches
from gansift.games.parameters import Layout, Net
from gansift.models import CouplingFlow, MLPDiscriminator, MLPGenerator

SHAPE = (1, 4, 4)
SETS = ("a", "b", "c")


def images(count, name, seed=0) -> Examples:
    """Noise, brighter in one data set than in another."""
    x = torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed + ord(name[0])))
    x = 2 * x * (0.5 + 0.25 * (ord(name[0]) - ord("a"))) - 1
    return Examples.of(x, name=name)


def game(sets=SETS, moved=True, **arguments) -> games.LatentFlow:
    torch.manual_seed(0)
    flow = CouplingFlow(4, len(sets), 5, 3)
    flow.pretrained = True  # training starts from these numbers
    if moved:  # away from the identity
        with torch.no_grad():
            for parameter in flow.parameters():
                parameter.add_(0.3 * torch.randn(parameter.shape))
    return games.LatentFlow(MLPDiscriminator(6, SHAPE, 4), MLPGenerator(4, 6, SHAPE), flow, sets=sets, **arguments)


def bound(made):
    modules = {name: module.double() for name, module in made.players.items()}
    layouts = {name: Layout(module) for name, module in modules.items()}

    def batch(name, count):
        return Batch(images(count, name).x.double(), torch.linspace(0, 2, count, dtype=torch.float64), None, 3, 10)

    net = Net(modules, layouts, {name: layouts[name].flatten(one) for name, one in modules.items()})
    return modules, net, Batches({name: batch(name, 4 + 2 * row) for row, name in enumerate(made.sets)})


def log_density(flow, z, condition):
    """log p(z | c) of one latent, by the whole Jacobian."""
    jacobian = torch.autograd.functional.jacobian(lambda one: flow.normalised(one[None], condition)[0][0], z)
    v = flow.normalised(z[None], condition)[0][0]
    return -0.5 * v.square().sum() - 0.5 * len(z) * math.log(2 * math.pi) + torch.linalg.svdvals(jacobian).log().sum()


@pytest.mark.parametrize(("error", "perceptual"), [("squared", 0.0), ("l1", 0.0), ("squared", 0.7)])
def test_encoder_and_decoder_lower_the_error_of_the_union(error, perceptual):
    def perceive(x):
        return torch.tanh(x.flatten(1)[:, :3])

    made = game(error=error, decay=0.2, perceive=perceive if perceptual else None, perceptual=perceptual)
    modules, net, batch = bound(made)
    expected = 0.0
    for name in SETS:
        for x, weight in zip(batch[name].x, batch[name].weight.tolist(), strict=True):
            z = modules["encoder"](x[None])
            back = modules["decoder"](z)
            off = (back - x).flatten()
            far = (off**2).mean() if error == "squared" else off.abs().mean()
            far = far + perceptual * ((perceive(back) - perceive(x[None])) ** 2).mean()
            expected += weight * float((far + 0.2 * (z**2).mean()).detach()) / len(batch[name]) / 3
    for player in ("encoder", "decoder"):
        assert made.loss(player, net, batch, None).item() == pytest.approx(expected, rel=1e-12)


def test_the_flow_lowers_the_negative_log_density_of_every_data_set_by_its_number():
    made = game()
    modules, net, batch = bound(made)
    expected = 0.0
    for number, name in enumerate(SETS):
        for x, weight in zip(batch[name].x, batch[name].weight.tolist(), strict=True):
            z = modules["encoder"](x[None])[0].detach()
            expected -= weight * log_density(modules["flow"], z, number).item() / 4 / len(batch[name]) / 3
    assert made.loss("flow", net, batch, None).item() == pytest.approx(expected, rel=1e-10)


def test_log_densities_and_what_is_typical_are_those_of_brute_force():
    made = game()
    modules, net, batch = bound(made)
    found = made.log_densities(net, batch.b.x)
    for x, row in zip(batch.b.x, found.tolist(), strict=True):
        z = modules["encoder"](x[None])[0].detach()
        assert row == pytest.approx([log_density(modules["flow"], z, number).item() for number in range(3)], rel=1e-9)


def test_a_transfer_keeps_the_content_and_there_and_back_is_the_same_latent():
    made = game()
    modules, net, batch = bound(made)
    x = batch.a.x
    v = made.content(net, x, "a")
    z = modules["flow"].inverse(v, 1)
    torch.testing.assert_close(made.transfer(net, x, "a", "b"), modules["decoder"](z))
    torch.testing.assert_close(modules["flow"].normalised(z, 1)[0], v)
    torch.testing.assert_close(made.transfer(net, x, "a", "a"), made.reconstruct(net, x))
    assert (made.transfer(net, x, "a", "b") - made.reconstruct(net, x)).abs().max() > 0.01
    back = modules["flow"].inverse(modules["flow"].normalised(z, 1)[0], 0)
    torch.testing.assert_close(back, made.represent(net, x))


CASES = {
    "squared": ({}, "transfer"),
    "renormalised, l1": ({"error": "l1", "renormalise": True}, "transfer"),
    "through features": (
        {"perceive": lambda x: torch.tanh(x.flatten(1)[:, ::5]), "perceptual": 0.5},
        "reconstruction",
    ),
}


def train(weights=None, renormalise=False, steps=8, **arguments):
    adam = training.Adam(lr=0.02, betas=(0.8, 0.9), eps=1e-2, eps_inside=True)
    return training.train(
        game(**arguments), {name: images(8 + row, name) for row, name in enumerate(SETS)}, steps=steps, batch_size=4,
        renormalise=renormalise, weights=weights, optimizers=adam, dtype="float64", seed=3,
    )  # fmt: skip


def judged(name="transfer"):
    """A fixed judge of three values, of examples that were never trained on."""
    torch.manual_seed(5)
    judge = nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.Tanh()).double().requires_grad_(False)
    held = images(10, "a", 50)
    return metrics.transfer(held, judge, "a", "b") if name == "transfer" else metrics.reconstruction(held)


@pytest.mark.parametrize(("arguments", "metric"), CASES.values(), ids=CASES)
def test_scores_of_every_data_set_are_those_of_retraining(arguments, metric):
    metric = judged(metric)
    run = train(**arguments)
    scores = influence.itd(run, metric)
    rows = [0, 5, 8, 12, 17, 22]  # eight of a, nine of b, ten of c
    expected = []
    for row in rows:
        values = []
        for change in (-1e-4, 1e-4):
            weights = run.weights.clone()
            weights[row] += change
            values.append(metric.value(train(weights, **arguments)))
        expected.append((values[0] - values[1]) / 2e-4)
    expected = np.array(expected)
    for part in (slice(0, 2), slice(2, 4), slice(4, 6)):
        assert np.abs(expected[part]).max() > 1e-7, "every data set has a say"
        assert np.abs(scores.values[rows] - expected)[part].max() < 1e-6 * np.abs(expected[part]).max()


def test_stacked_retrainings_are_those_of_one_after_the_other():
    run = train()
    removals = [run.ids[:1], (), run.ids[-3:]]
    for ids, players in zip(removals, cleansing.retrained_players(run, removals, 6), strict=True):
        alone = cleansing.retrain(run, ids, horizon=6).trained()
        for name, value in alone.parameters.items():
            torch.testing.assert_close(players.parameters[name], value, rtol=1e-10, atol=1e-12)


def test_nothing_of_the_flows_loss_reaches_the_autoencoder():
    with_flow, without = (train(moved=moved, steps=5).trained() for moved in (True, False))
    assert not torch.equal(with_flow.parameters["flow"], without.parameters["flow"])
    for player in ("encoder", "decoder"):
        assert torch.equal(with_flow.parameters[player], without.parameters[player])


class Same(nn.Module):
    """The identity, with a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.scale * x


def test_it_learns_what_is_each_data_sets_own():
    """Two data sets of points that differ by a known affine map: the transfer is that map."""
    draw = torch.Generator().manual_seed(0)
    base = torch.randn(400, 2, generator=draw)
    other = 1.5 * torch.randn(400, 2, generator=draw) + torch.tensor([3.0, -2.0])
    torch.manual_seed(0)
    made = games.LatentFlow(Same(), Same(), CouplingFlow(2, 2, 8, 2), sets=("a", "b"), decay=0.0)
    run = training.train(
        made, {"a": Examples.of(base, name="a"), "b": Examples.of(other, name="b")}, steps=600, batch_size=100,
        optimizers={"encoder": training.SGD(lr=1e-9), "decoder": training.SGD(lr=1e-9),
                    "flow": training.Adam(lr=0.02, betas=(0.9, 0.99), decay="cosine")},
    )  # fmt: skip
    moved = made.transfer(run.trained().net(), base, "a", "b")
    expected = other.mean(0) + (base - base.mean(0)) * (other.std(0) / base.std(0))
    assert (moved - expected).abs().mean() < 0.2 * (base - expected).abs().mean()


def test_it_shows_examples_of_every_data_set_as_those_of_each():
    made = game()
    _, net, batch = bound(made)
    shown = made.show(net, {name: batch[name].x for name in SETS})
    assert list(shown) == ["example", "as a", "as b", "as c"]
    assert {len(x) for x in shown.values()} == {12}
    torch.testing.assert_close(shown["as c"][4:8], made.transfer(net, batch.b.x[:4], "b", "c"))


def test_other_data_sets_are_refused():
    with pytest.raises(TrainingError, match="between a, b, and the data sets are a, z"):
        training.train(
            game(("a", "b")), {"a": images(8, "a"), "z": images(8, "b")}, steps=2, batch_size=4,
            optimizers=training.SGD(lr=0.1),
        )  # fmt: skip
    with pytest.raises(TrainingError, match="needs two or more of them, not 1"):
        game(("a",))
    with pytest.raises(TrainingError, match="squared or l1, not 'l2'"):
        game(error="l2")
    with pytest.raises(TrainingError, match="no data set 'd'; there are a, b, c"):
        game().number("d")
