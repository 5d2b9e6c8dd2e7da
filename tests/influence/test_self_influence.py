"""Self-influence against retraining, example by example, and against what exposure by retraining says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from gansift import data, games, models, training
from gansift.cleansing.halves import exposure_by_halves
from gansift.errors import UsageError
from gansift.influence.baselines import self_influence as module
from gansift.influence.baselines.loss_trace import loss_trace
from gansift.influence.baselines.self_influence import self_influence, self_influence_horizons
from gansift.influence.estimators import ESTIMATORS
from gansift.metrics.exposure import Exposure
from gansift.training.memory import state_bytes
from toys import MeanWave, Perceptron, examples, gan, labelled

COUNT, STEPS = 9, 12


def _train(kind, weights=None, steps=STEPS):
    torch.manual_seed(0)
    part = labelled(examples(COUNT))
    game = games.Classifier(models.Labeller((2,), 5, 3)) if kind == "classifier" else gan()
    return training.train(
        game, part, steps=steps, batch_size=4, optimizers=training.Adam(lr=0.02, eps=1e-3), seed=3, dtype="float64",
        weights=weights,
    )  # fmt: skip


def _own(run, row):
    """The own score of one example, by other code."""
    x = run.step.x["data"][row : row + 1]
    net = run.trained().net()
    if "discriminator" in run.step.game.players:
        return float(net.discriminator(x).detach())
    probability = run.step.game.predict(net, x).softmax(1)[0, run.step.labels["data"][row]].detach()
    return float((probability / (1 - probability)).log())


@pytest.mark.parametrize("kind", ["classifier", "gan"])
def test_it_is_the_derivative_of_each_own_score_in_the_examples_own_weight(kind):
    run, stride = _train(kind), 1e-5
    scores = self_influence(run, MeanWave())

    def value(row, change):
        weights = run.weights.clone()
        weights[row] += change
        return _own(_train(kind, weights), row)

    expected = [(value(row, stride) - value(row, -stride)) / (2 * stride) for row in range(COUNT)]
    np.testing.assert_allclose(scores.harm, expected, rtol=1e-6, atol=1e-7)
    assert scores.estimator == "self-influence"
    assert len(scores.growth) == STEPS


def test_copies_are_scored_together_by_what_their_weights_do_to_each():
    part, stride = labelled(examples(COUNT)).subset([0, 1, 2, 1, 3, 4, 5, 6, 7]), 1e-5
    part = replace(part, ids=tuple(map(str, range(COUNT))))

    def train(weights=None):
        torch.manual_seed(0)
        return training.train(
            games.Classifier(models.Labeller((2,), 5, 3)), part, steps=STEPS, batch_size=4,
            optimizers=training.SGD(lr=0.3), seed=3, dtype="float64", weights=weights,
        )  # fmt: skip

    def value(rows, change):
        weights = torch.ones(COUNT, dtype=torch.float64)
        weights[rows] += change
        return _own(train(weights), 1)

    found = self_influence(train(), MeanWave()).harm
    together = (value([1, 3], stride) - value([1, 3], -stride)) / (2 * stride)
    alone = (value([1], stride) - value([1], -stride)) / (2 * stride)
    assert found[1] == pytest.approx(together, rel=1e-6)
    assert found[3] == pytest.approx(together, rel=1e-6)
    assert alone < 0.7 * together


def test_examples_are_swept_in_parts_that_fit_into_memory(monkeypatch):
    run = _train("classifier")
    whole = self_influence_horizons(run, MeanWave(), [3, STEPS])
    monkeypatch.setattr(module, "_HELD", 4 * (state_bytes(run.state(0)) + 8 * COUNT))
    calls = []
    monkeypatch.setattr(module, "itd_metrics", lambda run, own, *more: calls.append(len(own)) or itd(run, own, *more))
    told = []
    parts = self_influence_horizons(run, MeanWave(), [3, STEPS], told.append)
    assert calls == [4, 4, 1]
    assert len(told) == STEPS
    for horizon, scores in whole.items():
        np.testing.assert_allclose(parts[horizon].values, scores.values, rtol=1e-10)
    assert not np.allclose(whole[3].values, whole[STEPS].values)


itd = module.itd_metrics


def test_the_sign_follows_the_metric_and_its_own_metric_is_exposure():
    run = _train("classifier")
    higher = MeanWave()
    higher.direction = "higher"
    np.testing.assert_array_equal(self_influence(run, higher).values, -self_influence(run, MeanWave()).values)
    assert ESTIMATORS["self-influence"].metric == Exposure.name
    assert ESTIMATORS["self-influence"].ranks_only


class Silent(games.Game):
    def line_loss(self, net, batch, draw):
        return games.weighted_mean(net.line(batch.x).squeeze(1).square(), batch.weight)


@pytest.mark.parametrize("estimator", [self_influence, loss_trace])
def test_games_that_say_nothing_of_an_example_are_refused(estimator):
    run = training.train(
        Silent(line=Perceptron(2, 1)), examples(6), steps=2, batch_size=3, optimizers=training.SGD(lr=0.1)
    )
    with pytest.raises(UsageError, match="needs a game that labels examples or has a discriminator, and Silent"):
        estimator(run, MeanWave())


def test_loss_trace_is_the_distance_of_the_quartiles_of_an_examples_losses():
    run = _train("classifier", steps=16)
    numbers = run.checkpoints.numbers()
    assert len(numbers) == 5
    losses = []
    for number in numbers:
        logits = run.step.game.predict(run.trained(number).net(), run.step.x["data"])
        losses.append(torch.nn.functional.cross_entropy(logits, run.step.labels["data"], reduction="none").detach())
    low, high = np.percentile(torch.stack(losses).numpy(), [25, 75], axis=0)
    expected = (high - low) - (high - low).min()
    np.testing.assert_allclose(loss_trace(run, MeanWave()).harm, expected, rtol=1e-9, atol=1e-12)


def test_it_ranks_the_exposure_of_a_classifier_as_retraining_on_halves_does():
    digits = data.load("digits", seed=0)
    torch.manual_seed(0)
    run = training.train(
        games.Classifier(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))),
        digits.train.subset(range(80)), steps=100, batch_size=40, optimizers=training.SGD(lr=0.1), seed=0,
    )  # fmt: skip
    truth = exposure_by_halves(run, 64)
    found = self_influence(run, Exposure(digits.train, digits.valid))
    assert spearmanr(found.harm, truth).statistic > 0.8
    own = [_own(run, row) for row in range(80)]
    assert spearmanr(own, truth).statistic < -0.5  # who is fitted well without effort owes little to being trained on
    assert truth.mean() > 0.1
