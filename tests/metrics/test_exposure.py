"""Exposure against its formula, finite differences in parameters, and retraining with other weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gansift import games, influence, metrics, models, training
from gansift.errors import UsageError
from gansift.metrics.exposure import Exposure
from toys import Perceptron, examples, gan, labelled

MEMBERS, OTHERS = labelled(examples(8)), labelled(examples(11, seed=5, name="held out"))


def _train(kind="classifier", weights=None):
    torch.manual_seed(0)
    game = games.Classifier(models.Labeller((2,), 5, 3)) if kind == "classifier" else gan()
    return training.train(
        game, MEMBERS, steps=10, batch_size=4, optimizers=training.SGD(lr=0.2), seed=3, dtype="float64",
        weights=weights,
    )  # fmt: skip


def _own(run, part):
    net = run.trained().net()
    if "discriminator" in run.step.game.players:
        return net.discriminator(part.x.double()).detach().numpy()
    p = run.step.game.predict(net, part.x.double()).softmax(1).gather(1, part.labels[:, None])[:, 0].detach().numpy()
    return np.log(p / (1 - p))


@pytest.mark.parametrize("kind", ["classifier", "gan"])
def test_it_is_the_mean_own_score_of_kept_members_less_that_of_others(kind):
    weights = torch.tensor([1.0, 0, 1, 1, 0, 1, 1, 1], dtype=torch.float64)
    run = _train(kind, weights)
    expected = _own(run, MEMBERS)[weights.numpy() > 0].mean() - _own(run, OTHERS).mean()
    assert Exposure(MEMBERS, OTHERS, chunk=3).value(run) == pytest.approx(expected, rel=1e-9)
    unknown = games.Trained(run.step.game, run.trained().parameters)
    expected = _own(run, MEMBERS).mean() - _own(run, OTHERS).mean()
    assert Exposure(MEMBERS, OTHERS).value(unknown) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("kind", ["classifier", "gan"])
def test_scores_are_the_derivatives_of_retraining_those_of_the_weights_themselves_among_them(kind):
    run, metric, stride = _train(kind), Exposure(MEMBERS, OTHERS, chunk=3), 1e-4
    scores = influence.itd(run, metric)

    def value(row, change):
        weights = run.weights.clone()
        weights[row] += change
        return metric.value(_train(kind, weights))

    expected = [(value(row, -stride) - value(row, stride)) / (2 * stride) for row in range(8)]
    np.testing.assert_allclose(scores.values, expected, rtol=1e-6, atol=1e-9)


def test_parts_and_replicates_are_those_of_held_out_examples():
    run, metric = _train(), Exposure(MEMBERS, OTHERS)
    rows = torch.tensor([0, 4, 5])
    assert metric.among(rows).value(run) == pytest.approx(Exposure(MEMBERS, OTHERS.subset(rows)).value(run), rel=1e-12)
    found = metrics.replicates(metric, run)
    assert found.without_examples == ()
    many = Exposure(MEMBERS, labelled(examples(60, seed=6)))
    without = metrics.replicates(many, run).without_examples
    kept = torch.arange(60)[torch.arange(60) % 20 != 1]
    assert without[1] == pytest.approx(many.among(kept).value(run), rel=1e-9)


class Silent(games.Game):
    def line_loss(self, net, batch, draw):
        return games.weighted_mean(net.line(batch.x).squeeze(1).square(), batch.weight)


def test_players_that_say_nothing_of_an_example_are_refused():
    run = training.train(Silent(line=Perceptron(2, 1)), MEMBERS, steps=2, batch_size=4, optimizers=training.SGD(lr=0.1))
    with pytest.raises(UsageError, match=r"the metric exposure needs players .* Silent says nothing of an example"):
        Exposure(MEMBERS, OTHERS).value(run)
