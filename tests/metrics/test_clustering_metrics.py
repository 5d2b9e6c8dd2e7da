"""The metric of clusters: its value and gradient, and labels matched one to one against all permutations."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from gansift import games, metrics
from gansift.data import Examples
from gansift.games.parameters import Layout
from gansift.metrics.clustering import matched_accuracy
from gansift.metrics.metric import reported_of


def test_the_matched_accuracy_is_the_best_of_all_permutations():
    random = np.random.default_rng(0)
    for clusters, classes in ((4, 4), (5, 3), (3, 5)):
        for _ in range(5):
            found, labels = random.integers(clusters, size=30), random.integers(classes, size=30)
            found[0], labels[0] = clusters - 1, classes - 1
            most = max(clusters, classes)
            best = max(np.mean(np.array(order)[found] == labels) for order in permutations(range(most)))
            assert matched_accuracy(found, labels) == pytest.approx(best)


def trained(x):
    torch.manual_seed(0)
    game = games.Clustering("dti-gmm", (1, 5, 4), 3, hidden=4)
    clusters = game.players["clusters"].double()
    with torch.no_grad():
        clusters.prototypes.copy_(x[:3])
        for parameter in clusters.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, dtype=torch.float64))
    game.players["sizes"].double()
    return games.Trained(game, {name: Layout(module).flatten(module) for name, module in game.players.items()})


def test_value_twin_and_gradient():
    x = torch.rand(9, 1, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    held, players = Examples.of(x.numpy(), name="held", label=list("abcabcabc")), trained(x)
    metric = metrics.cluster_loss(held, logarithmic=True)
    net, game, images = players.net(), players.game, held.x.double()
    assert metric.value(players) == pytest.approx(float(game.loss_of(game.costs(net, images)).mean()), rel=1e-12)
    clusters = game.assigned(net, images).numpy()
    twin = reported_of(metric)
    assert (twin.name, twin.direction) == ("cluster-error", "lower")
    assert twin.value(players) == pytest.approx(1 - matched_accuracy(clusters, held.labels.numpy()))
    gradient = metric.gradient(players)
    flat = players.parameters["clusters"]
    for place in (0, 30, 130, len(flat) - 2):
        values = []
        for change in (-1e-6, 1e-6):
            moved = flat.clone()
            moved[place] += change
            values.append(metric.value(games.Trained(game, players.parameters | {"clusters": moved})))
        assert gradient["clusters"][place] == pytest.approx((values[1] - values[0]) / 2e-6, rel=1e-4, abs=1e-6)
    assert not gradient["sizes"].any()


def test_without_classes_nothing_is_reported_beside_it():
    bare = metrics.cluster_loss(Examples.of(torch.rand(4, 1, 5, 4).numpy()))
    assert reported_of(bare) is bare
