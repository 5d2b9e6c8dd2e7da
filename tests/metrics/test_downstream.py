"""What is fitted to changed training examples: a dense solve, exact derivatives, and labels by their names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gansift import games, metrics
from gansift.data import Examples
from gansift.errors import UsageError
from gansift.games.parameters import Layout


def points(count, seed=0, names=("a", "b", "c")) -> Examples:
    rng = np.random.default_rng(seed)
    labels = rng.integers(len(names), size=count)
    return Examples.of(rng.normal(size=(count, 3)) + labels[:, None], label=[names[one] for one in labels])


class Shift(games.Game):
    """Changes examples by a linear map."""

    def map_loss(self, net, batch, draw):
        return games.weighted_mean(net.map(batch.x).square().sum(1), batch.weight)


def trained(weights):
    torch.manual_seed(1)
    game = Shift(map=nn.Linear(3, 3))
    return games.Trained(game, {"map": Layout(game.players["map"]).flatten(game.players["map"]).double()}, weights)


def changed(game, net, x):
    return x + net.map(x)


def features(x):
    return torch.cat([x, x.square()], 1)


def metric(train, held, rows=slice(None)):
    return metrics.downstream(changed, features, train, held, rows)


def test_it_is_weighted_ridge_regression_of_indicators():
    train, held = points(40), points(25, seed=1)
    weights = torch.linspace(0, 2, 40, dtype=torch.float64)
    players = trained(weights)
    own = features(held.x.double()).numpy()
    mean, spread = own.mean(0), own.std(0, ddof=1)
    made = features(changed(None, players.net(), train.x.double())).detach().numpy()
    rows = np.c_[(made - mean) / spread, np.ones(40)]
    truth = np.eye(3)[train.labels.numpy()]
    root = np.sqrt(weights.numpy() / weights.sum().item())[:, None]
    penalty = np.sqrt(0.01) * np.eye(7)[:6]
    fitted = np.linalg.lstsq(np.r_[root * rows, penalty], np.r_[root * truth, np.zeros((6, 3))], rcond=None)[0]
    found = np.c_[(own - mean) / spread, np.ones(25)] @ fitted
    expected = ((found - np.eye(3)[held.labels.numpy()]) ** 2).sum(1).mean()
    assert metric(train, held).value(players) == pytest.approx(expected, rel=1e-9)
    errors = (found.argmax(1) != held.labels.numpy()).mean()
    assert metric(train, held).reported.value(players) == pytest.approx(errors)


def test_a_removed_example_leaves_the_fit():
    train, held = points(40), points(25, seed=1)
    weights = torch.ones(40, dtype=torch.float64)
    weights[:10] = 0
    fewer = train.subset(range(10, 40))
    one, other = metric(train, held).value(trained(weights)), metric(fewer, held).value(trained(weights[10:]))
    assert one == pytest.approx(other, rel=1e-12)


def test_derivatives_in_parameters_and_in_weights_are_those_of_differences():
    train, held = points(20), points(15, seed=1)
    weights = torch.linspace(0.5, 1.5, 30, dtype=torch.float64)
    judge, players = metric(train, held, slice(7, 27)), trained(weights)
    gradient, by_weight = judge.gradient(players)["map"], judge.weight_gradient(players)
    assert by_weight.shape == (30,)
    assert (by_weight[:7] == 0).all()
    assert (by_weight[27:] == 0).all()
    for row in (7, 15, 26):
        values = []
        for change in (1e-5, -1e-5):
            other = weights.clone()
            other[row] += change
            values.append(judge.value(trained(other)))
        assert by_weight[row].item() == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-5, abs=1e-9)
    for row in (0, 5, 11):
        values = []
        for change in (1e-5, -1e-5):
            flat = players.parameters["map"].clone()
            flat[row] += change
            values.append(judge.value(games.Trained(players.game, {"map": flat}, weights)))
        assert gradient[row].item() == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-5, abs=1e-9)


def test_labels_are_compared_by_their_names():
    train, held = points(40), points(25, seed=1)
    fewer = held.subset([row for row in range(25) if held.labels[row] > 0])
    renamed = Examples.of(fewer.x, label=[held.class_names[one] for one in fewer.labels.tolist()])
    assert renamed.class_names == ("b", "c")
    players = trained(torch.ones(40, dtype=torch.float64))
    assert metric(train, renamed).value(players) == pytest.approx(metric(train, fewer).value(players), rel=1e-12)


def test_what_cannot_be_fitted_or_tested_is_refused():
    with pytest.raises(UsageError, match="need labels"):
        metric(Examples.of(np.zeros((4, 3))), points(5))
    with pytest.raises(UsageError, match="classes that no training example has: c"):
        metric(points(40, names=("a", "b")), points(40))
