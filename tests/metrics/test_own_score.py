"""Own scores of examples: log-odds of the true label, or the discriminator's logit."""

from __future__ import annotations

import pytest
import torch

from gansift import games, models
from gansift.games.parameters import Layout
from gansift.metrics.net_metric import held_out_batch
from gansift.metrics.own_score import has_own_scores, own_scores
from toys import acgan, examples, gan, labelled


def _scores(game, part, scale=1.0):
    parameters = {name: scale * Layout(net).flatten(net).detach().double() for name, net in game.players.items()}
    trained = games.Trained(game, parameters)
    return trained, own_scores(game, trained.net(), held_out_batch(part, torch.arange(len(part)), torch.float64, "cpu"))


@pytest.fixture
def classifier():
    torch.manual_seed(0)
    return games.Classifier(models.Labeller((2,), 5, 3))


def test_of_a_classifier_they_are_the_log_odds_of_the_true_label(classifier):
    part = labelled(examples(9))
    trained, found = _scores(classifier, part)
    probability = classifier.predict(trained.net(), part.x.double()).softmax(1).gather(1, part.labels[:, None])[:, 0]
    torch.testing.assert_close(found, (probability / (1 - probability)).log(), rtol=1e-12, atol=1e-12)


def test_they_stay_finite_where_probabilities_are_1(classifier):
    part = labelled(examples(9))
    trained, found = _scores(classifier, part, scale=1e3)
    assert (classifier.predict(trained.net(), part.x.double()).softmax(1).amax(1) == 1).any()
    assert found.isfinite().all()


@pytest.mark.parametrize("make", [gan, acgan], ids=["gan", "acgan"])
def test_of_a_game_with_a_discriminator_they_are_its_logits(make):
    torch.manual_seed(0)
    game, part = make(), labelled(examples(6))
    trained, found = _scores(game, part)
    logits = trained.net().discriminator(part.x.double())
    expected = logits if logits.ndim == 1 else game.source(logits, part.labels)
    torch.testing.assert_close(found, expected)


def test_games_without_labels_or_discriminator_have_none(classifier):
    labels = torch.tensor([0, 1, 1])
    assert has_own_scores(gan(), None)
    assert has_own_scores(classifier, labels)
    assert not has_own_scores(classifier, None)
    assert not has_own_scores(classifier, labels.double())
    assert not has_own_scores(classifier, torch.zeros(3, dtype=torch.int64))
