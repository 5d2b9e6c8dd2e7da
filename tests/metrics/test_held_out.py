"""The loss of held-out labels, and its reported twin, the share of errors."""

from __future__ import annotations

import pytest
import torch

from gansift import games, metrics
from gansift.errors import UsageError
from gansift.games.parameters import Layout
from toys import Perceptron, examples, labelled


class Classifier(games.Game):
    def only_loss(self, net, batch, draw):
        return games.weighted_mean(self.predict(net, batch.x)[:, 0], batch.weight)

    def predict(self, net, x):
        return net.only(x)


@pytest.fixture
def trained():
    torch.manual_seed(0)
    game = Classifier(only=Perceptron(2, 3).double())
    return games.Trained(game, {"only": Layout(game.players["only"]).flatten(game.players["only"])})


@pytest.fixture
def held_out():
    return labelled(examples(700, seed=4))


def test_it_is_the_mean_over_all_chunks_of_minus_log_probability(trained, held_out):
    metric = metrics.class_loss(held_out, name="target-loss")
    logits = trained.game.players["only"](held_out.x.double())
    probabilities = logits.exp() / logits.exp().sum(1, keepdim=True)
    expected = -probabilities[torch.arange(700), held_out.labels].log().mean()
    assert metric.value(trained) == pytest.approx(expected.item(), rel=1e-12)
    wrong = (probabilities.argmax(1) != held_out.labels).double().mean()
    assert (metric.reported.name, metric.reported.value(trained)) == ("target-error", pytest.approx(wrong.item()))


def test_its_gradient_is_that_of_finite_differences(trained, held_out):
    metric = metrics.class_loss(held_out)
    flat, gradient = trained.parameters["only"], metric.gradient(trained)["only"]
    direction = torch.randn(flat.shape, dtype=flat.dtype, generator=torch.Generator().manual_seed(0))

    def at(t):
        return metric.value(games.Trained(trained.game, {"only": flat + t * direction}))

    assert float(gradient @ direction) == pytest.approx((at(1e-5) - at(-1e-5)) / 2e-5, rel=1e-7)


def test_examples_without_labels_are_refused():
    with pytest.raises(
        UsageError, match="target-loss compares predicted labels with those of target's, which have none"
    ):
        metrics.class_loss(examples(), name="target-loss", what="target's")
