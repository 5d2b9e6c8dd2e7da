"""DANN: three players whose objectives have the gradients of the paper's layer, and exact scores of both data sets."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from gansift import games, influence, metrics, training
from gansift.errors import TrainingError
from gansift.games.batch import Batch, Batches
from gansift.games.parameters import Layout, Net
from toys import Perceptron, examples, labelled

CLASSES = 3


def game(most=1.0) -> games.DANN:
    torch.manual_seed(0)
    return games.DANN(Perceptron(2, 4), Perceptron(4, CLASSES), Perceptron(4, 1), most=most)


def batches(step=3, steps=10) -> Batches:
    generator = torch.Generator().manual_seed(1)

    def batch(count):
        x, weight = (torch.randn(count, *more, generator=generator, dtype=torch.float64) for more in ((2,), ()))
        return Batch(x, weight.exp(), torch.arange(count) % CLASSES, step, steps)

    return Batches({"source": batch(5), "target": batch(7)})


class Reverse(torch.autograd.Function):
    """The paper's layer: the identity, whose gradient is multiplied by a negative number."""

    @staticmethod
    def forward(context, x, factor):
        context.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(context, gradient):
        return -context.factor * gradient, None


def test_the_three_objectives_have_the_gradients_of_a_reversal_layer():
    dann, batch = game(most=0.7), batches()
    modules = {name: module.double() for name, module in dann.players.items()}
    factor = 0.7 * (2 / (1 + math.exp(-10 * 3 / 10)) - 1)
    source, target = modules["features"](batch.source.x), modules["features"](batch.target.x)
    labels = cross_entropy(modules["labeller"](source), batch.source.label, reduction="none")
    loss = (labels * batch.source.weight).mean()
    for features, one, truth in ((source, batch.source, 1.0), (target, batch.target, 0.0)):
        logits = modules["domain"](Reverse.apply(features, factor)).squeeze(1)
        wrong = binary_cross_entropy_with_logits(logits, torch.full_like(logits, truth), reduction="none")
        loss = loss + (wrong * one.weight).mean()
    loss.backward()
    expected = {name: torch.cat([p.grad.flatten() for p in module.parameters()]) for name, module in modules.items()}

    layouts = {name: Layout(module) for name, module in modules.items()}
    flat = {name: layouts[name].flatten(module).requires_grad_() for name, module in modules.items()}
    for name in modules:
        own = dann.loss(name, Net(modules, layouts, flat), batch, None)
        (found,) = torch.autograd.grad(own, flat[name])
        torch.testing.assert_close(found, expected[name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("progress", [0.0, 0.1, 0.5, 0.99])
def test_the_domain_losss_weight_rises_as_in_the_paper(progress):
    batch = Batch(torch.zeros(1, 1, dtype=torch.float64), torch.ones(1), None, int(100 * progress), 100)
    expected = 0.3 * (2 / (1 + math.exp(-10 * progress)) - 1)
    assert float(game(most=0.3).reversal(batch)) == pytest.approx(expected, rel=1e-14, abs=1e-17)


def train(weights=None, renormalise=False, **more):
    data = {"source": labelled(examples(10, seed=1, name="s")), "target": examples(9, seed=2, name="t")}
    return training.train(
        game(), data, steps=7, batch_size={"source": 4, "target": 3}, renormalise=renormalise, weights=weights,
        optimizers=training.SGD(lr=0.1, momentum=0.9), dtype="float64", **more,
    )  # fmt: skip


@pytest.mark.parametrize("renormalise", [False, True])
def test_scores_of_both_data_sets_are_those_of_retraining(renormalise):
    metric = metrics.class_loss(labelled(examples(12, seed=3, name="h")))
    run = train(renormalise=renormalise)
    scores = influence.itd(run, metric)
    expected = []
    rows = [0, 4, 9, 10, 15, 18]  # the first ten are of source
    for row in rows:
        values = []
        for change in (-1e-4, 1e-4):
            weights = run.weights.clone()
            weights[row] += change
            values.append(metric.value(train(weights, renormalise)))
        expected.append((values[0] - values[1]) / 2e-4)
    expected = np.array(expected)
    assert min(np.abs(expected[:3]).max(), np.abs(expected[3:]).max()) > 1e-5, "both data sets have a say"
    assert np.abs(scores.values[rows] - expected).max() < 1e-7 * np.abs(expected).max()


def test_it_predicts_logits_of_the_classes():
    trained = train().trained()
    x = examples(6).x.double()
    logits = trained.game.predict(trained.net(), x)
    assert logits.shape == (6, CLASSES)
    assert (logits == trained.net().labeller(trained.net().features(x))).all()


def test_without_the_domain_loss_the_target_has_no_say():
    data = {"source": labelled(examples(10, seed=1, name="s")), "target": examples(9, seed=2, name="t")}
    run = training.train(game(most=0.0), data, steps=7, batch_size=3, optimizers=training.SGD(lr=0.1), dtype="float64")
    scores = influence.itd(run, metrics.class_loss(labelled(examples(12, seed=3))))
    assert np.abs(scores.values[:10]).max() > 1e-5
    assert (scores.values[10:] == 0).all()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"source": examples(8)}, "source and target, not on source"),
        ({"source": labelled(examples(8)), "real": examples(8)}, "source and target, not on source, real"),
        ({"source": examples(8), "target": examples(8)}, "the labels of the data set source, which has none"),
    ],
)
def test_other_data_are_refused(data, message):
    with pytest.raises(TrainingError, match=message):
        training.train(game(), data, steps=2, batch_size=2, optimizers=training.SGD(lr=0.1))


def test_what_decides_the_training_is_in_its_settings():
    assert game(most=0.5).settings()["most"] == 0.5
