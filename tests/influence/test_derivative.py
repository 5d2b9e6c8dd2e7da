"""Metrics that read the training weights keep their direct path; metrics that nothing changes are refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gansift import cleansing, influence, training
from gansift.cleansing.agreement import spearman
from gansift.cleansing.retraining import changes
from gansift.errors import GansiftError, UsageError
from gansift.games import Game, Trained
from gansift.games.batch import weighted_mean
from gansift.influence.aid import aid
from gansift.influence.baselines.without_propagation import without_propagation
from gansift.metrics import NetMetric
from gansift.metrics.metric import weight_gradient_of
from toys import Critic, MeanWave, Perceptron, examples, gan

STEPS = 12
ADAM = training.Adam(lr=0.03, betas=(0.5, 0.9), eps=1e-2)
DATA = {"simulated": examples(24, seed=1, name="s"), "real": examples(20, seed=2, name="r")}
HELD_OUT = examples(60, seed=3, name="r").x + 0.4


class Refining(Game):
    """A refiner that makes simulated points look like real ones, as in SimGAN."""

    averaged = ("refiner",)
    stackable = True

    def __init__(self) -> None:
        super().__init__(refiner=Perceptron(2, 2), critic=Critic(2))

    def refined(self, net, x):
        return x + 0.5 * net.refiner(x)

    def critic_loss(self, net, batch, draw):
        real = torch.nn.functional.softplus(-net.critic(batch.real.x))
        fake = torch.nn.functional.softplus(net.critic(self.refined(net, batch.simulated.x)))
        return weighted_mean(real, batch.real.weight) + weighted_mean(fake, batch.simulated.weight)

    def refiner_loss(self, net, batch, draw):
        fake = self.refined(net, batch.simulated.x)
        change = (fake - batch.simulated.x).square().sum(1)
        return weighted_mean(torch.nn.functional.softplus(-net.critic(fake)) + change, batch.simulated.weight)


def _seen(x):
    return torch.cat([torch.ones_like(x[:, :1]), x, x.square()], dim=1)


def _target(x):
    return x[:, 0].sin() + x[:, 1]


def _ridge(game, net, batch, weights):
    """Squared error on held-out points of a ridge fitted on the refined training points, each with its weight."""
    x = DATA["simulated"].x.to(weights)
    own = weights[: len(x), None]
    features = _seen(game.refined(net, x))
    # The targets have noise of their own, as labels have: which examples are kept matters.
    noise = torch.randn(len(x), generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(x)
    gram = features.T @ (own * features) + 0.1 * torch.eye(features.shape[1]).to(x)
    fit = torch.linalg.solve(gram, features.T @ (own * (_target(x) + 0.3 * noise)[:, None]))
    return ((_seen(batch.x) @ fit).squeeze(1) - _target(batch.x)).square().mean()


def _downstream():
    return NetMetric(_ridge, name="ridge", direction="lower", examples=HELD_OUT, reads_weights=True)


def _train(weights=None, **arguments):
    settings = {"steps": STEPS, "batch_size": {"simulated": 6, "real": 5}, "optimizers": ADAM, "dtype": "float64"}
    return training.train(Refining(), DATA, weights=weights, **(settings | arguments))


class IndirectOnly:
    """A metric that hides that it reads the weights."""

    def __init__(self, metric):
        self.name, self.direction, self.value, self.gradient = (
            metric.name, metric.direction, metric.value, metric.gradient,
        )  # fmt: skip


def _finite_differences(metric, rows, step=1e-4, **arguments):
    def value(row, change):
        weights = torch.ones(44, dtype=torch.float64)
        weights[row] += change
        return metric.value(_train(weights, **arguments))

    return np.array([(value(row, -step) - value(row, step)) / (2 * step) for row in rows])


@pytest.mark.parametrize("renormalise", [False, True])
@pytest.mark.parametrize("ema", [0.0, 0.7])
def test_scores_of_a_metric_that_reads_the_weights_equal_finite_differences_of_retraining(renormalise, ema):
    metric, rows = _downstream(), [0, 11, 23, 24, 43]
    scores = influence.itd(_train(renormalise=renormalise, ema=ema), metric)
    expected = _finite_differences(metric, rows, renormalise=renormalise, ema=ema)
    assert np.abs(scores.values[rows] - expected).max() < 1e-6 * np.abs(expected).max()
    assert np.abs(expected).min() > 1e-8


def test_several_metrics_in_one_sweep_keep_each_ones_direct_path():
    run, metrics = _train(), [_downstream(), IndirectOnly(_downstream())]
    together = influence.itd_metrics(run, metrics, [3, STEPS])
    for metric, found in zip(metrics, together, strict=True):
        for horizon, scores in found.items():
            np.testing.assert_allclose(scores.values, influence.itd(run, metric, horizon).values, rtol=1e-9, atol=1e-13)
    direct = weight_gradient_of(metrics[0], run).numpy()
    for horizon in (3, STEPS):
        difference = together[0][horizon].values - together[1][horizon].values
        np.testing.assert_allclose(difference, -direct, rtol=1e-8, atol=1e-13)


def test_scores_with_the_direct_path_rank_retraining_and_scores_without_do_not():
    """A fit on refined training examples changes most by the loss of the example itself (SimGAN's test)."""
    run, metric = _train(), _downstream()
    exact = influence.itd(run, metric).of("simulated")
    indirect = influence.itd(run, IndirectOnly(metric)).of("simulated")
    true = np.array(changes(run, [[identity] for identity in exact.ids], STEPS, [metric]))[:, 0]
    assert spearman(exact.values, true) > 0.9
    assert spearman(indirect.values, true) < 0.4


def test_retrained_players_carry_the_weights_of_their_retraining():
    run = _train()
    removed = [run.ids[:2], run.ids[3:4]]
    for ids, trained in zip(removed, cleansing.retrained_players(run, removed, STEPS), strict=True):
        again = cleansing.retrain(run, ids, horizon=STEPS)
        assert torch.equal(trained.weights, again.weights)
        assert _downstream().value(trained) == pytest.approx(_downstream().value(again), rel=1e-11)
    assert torch.equal(run.trained().weights, torch.ones(44, dtype=torch.float64))


@pytest.mark.parametrize("estimator", [aid, without_propagation])
def test_other_estimators_take_the_direct_path_off_as_itd_does(estimator):
    run = _train(optimizers=training.SGD(lr=0.02, weight_decay=0.3))
    options = {"refuse": False} if estimator is aid else {}
    whole, indirect = (estimator(run, metric, **options) for metric in (_downstream(), IndirectOnly(_downstream())))
    direct = weight_gradient_of(_downstream(), run).numpy()
    np.testing.assert_allclose(whole.values - indirect.values, -direct, rtol=1e-8, atol=1e-13)


class Still(MeanWave):
    """A metric whose gradient is zero, as that of a function that is evaluated lazily is."""

    def gradient(self, source):
        return {name: torch.zeros_like(value) for name, value in super().gradient(source).items()}


def _toy_run():
    return training.train(gan(), examples(), steps=3, batch_size=4, optimizers=training.SGD(lr=0.1), dtype="float64")


@pytest.mark.parametrize("estimate", [influence.itd, aid, without_propagation])
def test_a_metric_whose_gradient_is_zero_everywhere_is_refused(estimate):
    with pytest.raises(GansiftError, match="wave does not change with any parameter, so no example has influence"):
        estimate(_toy_run(), Still())
    with pytest.raises(GansiftError, match="wave does not change"):
        influence.itd_metrics(_toy_run(), [MeanWave(), Still()], [2])


def test_a_metric_of_the_weights_alone_has_scores_by_itd_and_none_at_a_fixed_point():
    run = _toy_run()
    metric = Still()
    metric.weight_gradient = lambda source: torch.arange(12.0)
    assert influence.itd(run, metric).values.tolist() == [-float(row) for row in range(12)]
    with pytest.raises(GansiftError, match="wave changes with the training weights alone"):
        aid(run, metric)


def test_a_weight_gradient_of_another_length_is_refused():
    metric = MeanWave()
    metric.weight_gradient = lambda source: torch.ones(5)
    with pytest.raises(UsageError, match=r"one number for each of the 12 training examples, shape \(12,\), and has"):
        influence.itd(_toy_run(), metric)


def test_the_weights_alone_at_fixed_players_are_what_the_direct_path_changes():
    run, metric = _train(), _downstream()
    players, weights = run.trained().parameters, run.weights.clone()
    direct = weight_gradient_of(metric, run)
    weights[5] += 1e-5
    up = metric.value(Trained(run.step.game, players, weights))
    weights[5] -= 2e-5
    down = metric.value(Trained(run.step.game, players, weights))
    assert float(direct[5]) == pytest.approx((up - down) / 2e-5, rel=1e-6)
