"""An example's own class loss: that of its label, where the game learns labels, whoever else is in the run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gansift import games, metrics, training
from gansift.data.columns import LABEL, Column
from gansift.errors import UsageError
from gansift.influence.baselines.discriminator_score import discriminator_score
from gansift.influence.baselines.own_loss import own_loss
from toys import MeanWave, Perceptron, acgan, examples, gan, labelled

METRIC = metrics.class_loss(labelled(examples(9, seed=3)))


def train(game, data, **more):
    return training.train(
        game, data, steps=5, batch_size=4, optimizers=training.SGD(lr=0.3), dtype="float64", seed=2, **more
    )


def by_hand(run, data):
    probabilities = run.trained().game.predict(run.trained().net(), data.x.double()).softmax(1)
    return -probabilities[torch.arange(len(data)), data.labels].log().detach().numpy()


def test_it_is_the_cross_entropy_of_the_label_above_that_of_the_best_fitted_example():
    data, weights = labelled(examples(12)), torch.ones(12, dtype=torch.float64)
    weights[4] = 0
    run = train(acgan(), data, weights=weights)
    expected = by_hand(run, data)
    there = weights.numpy() > 0
    harm = own_loss(run, METRIC).harm
    np.testing.assert_allclose(harm[there], expected[there] - expected[there].min(), rtol=1e-10)
    assert harm[4] == 0
    higher = MeanWave()
    higher.direction = "higher"
    np.testing.assert_array_equal(own_loss(run, higher).values, -own_loss(run, MeanWave()).values)


def test_wrong_labels_of_clear_cut_classes_come_first():
    data = labelled(examples(60))
    apart = replace(data, x=data.x / 3 + 4 * torch.nn.functional.one_hot(data.labels, 3)[:, :2])
    wrong = apart.labels.clone()
    wrong[:3] = (wrong[:3] + 1) % 3
    flipped = replace(apart, columns={LABEL: Column(wrong, ("a", "b", "c"))})
    torch.manual_seed(0)
    run = training.train(acgan(), flipped, steps=300, batch_size=20, optimizers=training.Adam(lr=0.03))
    assert set(own_loss(run, METRIC).harmful(3).ids) == set(data.ids[:3])


def test_of_labels_that_the_game_does_not_learn_nothing_is_said():
    source, target = labelled(examples(8, name="s")), labelled(examples(6, name="t"))
    game = games.DANN(Perceptron(2, 4), Perceptron(4, 3), Perceptron(4, 1))
    run = train(game, {"source": source, "target": target})
    scores = own_loss(run, METRIC)
    expected = by_hand(run, source)
    np.testing.assert_allclose(scores.of("source").harm, expected - expected.min(), rtol=1e-10)
    assert not scores.of("target").values.any()


def test_games_and_data_without_classes_are_refused():
    with pytest.raises(UsageError, match=r"GAN has no method predict\(net, x\)"):
        own_loss(train(gan(), labelled(examples(8))), METRIC)
    with pytest.raises(UsageError, match="training examples with labels, and these have none"):
        own_loss(train(Regression(line=Perceptron(2, 1)), examples(8)), METRIC)
    with pytest.raises(UsageError, match=r"these are of shape \(8, 1\), and the largest label is 2"):
        own_loss(train(Regression(line=Perceptron(2, 1)), labelled(examples(8))), METRIC)


class Regression(games.Game):
    def predict(self, net, x):
        return net.line(x)

    def line_loss(self, net, batch, draw):
        return games.weighted_mean((self.predict(net, batch.x).squeeze(1) - batch.x[:, 0]).square(), batch.weight)


@pytest.mark.parametrize("kind", [games.ACGAN, games.ProjectionGAN])
def test_a_discriminator_that_is_told_the_class_is_asked_by_the_games_confidence(kind):
    data = labelled(examples(10))
    run = train(acgan(kind), data)
    logits = run.trained().net().discriminator(data.x.double()).detach()
    own = logits[torch.arange(10), 1 + data.labels] if kind is games.ProjectionGAN else 0
    expected = -(logits[:, 0] + own).numpy()
    np.testing.assert_allclose(discriminator_score(run, MeanWave()).harm, expected - expected.min(), rtol=1e-9)
