"""Scores against autodiff through the unrolled run, and against finite differences of real retraining."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from gansift import influence, training
from gansift.errors import GansiftError, UsageError
from gansift.influence import sweep as sweep_module
from toys import MeanWave, ThreePlayers, examples, gan, unrolled


def _adam(parameters, slots, gradient, count, number, *, lr=0.05, b1=0.5, b2=0.9, eps=1e-2):
    m = b1 * slots[0] + (1 - b1) * gradient
    v = b2 * slots[1] + (1 - b2) * gradient**2
    return parameters - lr * (m / (1 - b1**count)) / ((v / (1 - b2**count)) ** 0.5 + eps), [m, v]


def _sgd(parameters, slots, gradient, count, number, *, lr=0.1):
    return parameters - lr * gradient, []


def _momentum(parameters, slots, gradient, count, number, *, lr=0.05, mu=0.8):
    velocity = mu * slots[0] + gradient
    return parameters - lr * velocity, [velocity]


def _rmsprop(parameters, slots, gradient, count, number, *, lr=0.02, alpha=0.9, eps=1e-2):
    v = alpha * slots[0] + (1 - alpha) * gradient**2
    return parameters - lr * gradient / (v**0.5 + eps), [v]


OPTIMIZERS = {
    "sgd": (training.SGD(lr=0.1), _sgd),
    "momentum": (training.SGD(lr=0.05, momentum=0.8), _momentum),
    "adam": (training.Adam(lr=0.05, betas=(0.5, 0.9), eps=1e-2), _adam),
    "rmsprop": (training.RMSprop(lr=0.02, alpha=0.9, eps=1e-2), _rmsprop),
}
STEPS = 9


def _train(game, data, optimizer, **arguments):
    return training.train(game, data, steps=STEPS, batch_size=4, optimizers=optimizer, dtype="float64", **arguments)


def _relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def _finite_differences(train, run, metric, rows, step=1e-4):
    def value(row, change):
        weights = run.weights.clone()
        weights[row] += change
        return metric.value(train(weights=weights))

    return np.array([(value(row, -step) - value(row, step)) / (2 * step) for row in rows])


@pytest.mark.parametrize(
    ("schedule", "optimizer", "r1", "ema", "renormalise"),
    list(itertools.product(["simultaneous", "alternating", "2:1"], OPTIMIZERS, [0.0, 0.7], [0.0, 0.8], [False, True])),
)
def test_scores_equal_unrolled_autodiff_and_retraining(schedule, optimizer, r1, ema, renormalise):
    ours, written_out = OPTIMIZERS[optimizer]
    game, data, metric = gan(schedule=schedule, r1=r1), examples(), MeanWave()

    def train(weights=None):
        return _train(game, data, ours, ema=ema, renormalise=renormalise, weights=weights)

    run = train()
    scores = influence.itd(run, metric)
    expected = -unrolled(run, metric, written_out).numpy()
    assert np.abs(expected).max() > 1e-6
    assert _relative(scores.values, expected) < 1e-9
    rows = [0, 5, 11]
    assert _relative(scores.values[rows], _finite_differences(train, run, metric, rows)) < 1e-5


@pytest.mark.parametrize("loss", ["non-saturating", "saturating", "least-squares", "wasserstein"])
@pytest.mark.parametrize("penalty", [0.0, 0.5])
def test_every_loss_and_the_wgan_penalty_match_retraining(loss, penalty):
    game, data, metric = gan(loss=loss, gradient_penalty=penalty), examples(), MeanWave()
    optimizer = training.SGD(lr=0.05, momentum=0.5, nesterov=True)

    def train(weights=None):
        return _train(game, data, optimizer, ema=0.8, weights=weights)

    run = train()
    rows = list(range(0, 12, 3))
    expected = _finite_differences(train, run, metric, rows)
    assert _relative(influence.itd(run, metric).values[rows], expected) < 1e-5


@pytest.mark.parametrize(
    "optimizer",
    [
        training.Adam(lr=0.05, betas=(0.5, 0.9), eps=1e-2, eps_inside=True, warmup=4),
        training.AdamW(lr=0.05, eps=1e-2, weight_decay=0.1, decay="cosine", warmup=2),
        training.RMSprop(lr=0.02, momentum=0.6, eps=1e-2, eps_inside=True, weight_decay=0.1),
        training.Adam(lr=0.02, betas=(0.0, 0.9)),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_schedules_decay_and_smooth_roots_match_retraining(optimizer):
    game, data, metric = gan(r1=0.5), examples(), MeanWave()

    def train(weights=None):
        return _train(game, data, optimizer, ema=0.8, weights=weights)

    run = train()
    rows = [1, 4, 8]
    expected = _finite_differences(train, run, metric, rows)
    assert _relative(influence.itd(run, metric).values[rows], expected) < 1e-5


def test_different_learning_rates_scale_the_scores_by_the_senders_rate():
    game, data, metric = gan(schedule="simultaneous"), examples(), MeanWave()
    optimizers = {"discriminator": training.SGD(lr=0.2), "generator": training.SGD(lr=0.05)}

    def train(weights=None):
        return _train(game, data, optimizers, weights=weights)

    run = train()
    rows = [0, 3, 7]
    expected = _finite_differences(train, run, metric, rows)
    assert _relative(influence.itd(run, metric).values[rows], expected) < 1e-5


def test_three_players_two_data_sets_and_unequal_counts_need_no_change_to_the_core():
    game, metric = ThreePlayers(), MeanWave()
    data = {"simulated": examples(10, seed=1, name="s"), "real": examples(14, seed=2, name="r")}
    ours, written_out = OPTIMIZERS["adam"]

    def train(weights=None):
        return training.train(
            game,
            data,
            steps=STEPS,
            batch_size={"simulated": 3, "real": 4},
            optimizers=ours,
            ema=0.7,
            dtype="float64",
            weights=weights,
        )

    run = train()
    scores = influence.itd(run, metric)
    assert _relative(scores.values, -unrolled(run, metric, written_out).numpy()) < 1e-9
    rows = [0, 9, 10, 23]
    assert _relative(scores.values[rows], _finite_differences(train, run, metric, rows)) < 1e-5
    assert scores.ids[0] == "simulated:s/000"
    assert scores.ids[-1] == "real:r/013"


@pytest.mark.parametrize("horizon", [1, 2, 5, STEPS])
@pytest.mark.parametrize("stride", [1, 4, 100])
def test_a_horizon_is_the_derivative_of_training_redone_from_its_start(horizon, stride):
    ours, written_out = OPTIMIZERS["adam"]
    metric = MeanWave()
    run = _train(gan(), examples(), ours, ema=0.8, checkpoint_every=stride)
    scores = influence.itd(run, metric, horizon=horizon)
    expected = -unrolled(run, metric, written_out, start=STEPS - horizon).numpy()
    assert _relative(scores.values, expected) < 1e-9
    assert scores.horizon == horizon


def test_one_sweep_gives_the_scores_of_every_horizon():
    run = _train(gan(), examples(), OPTIMIZERS["adam"][0])
    together = influence.itd_horizons(run, MeanWave(), [2, 5, STEPS])
    for horizon, scores in together.items():
        assert np.array_equal(scores.values, influence.itd(run, MeanWave(), horizon=horizon).values)
        assert len(scores.growth) == horizon


@pytest.mark.parametrize("stride", [1, 4])
def test_several_metrics_in_one_sweep_give_each_ones_scores(stride):
    run = _train(gan(r1=0.5), examples(), OPTIMIZERS["adam"][0], ema=0.8, checkpoint_every=stride)
    metrics = [MeanWave(), MeanWave(2.5)]
    together = influence.itd_metrics(run, metrics, [4, STEPS])
    for metric, found in zip(metrics, together, strict=True):
        for horizon, scores in found.items():
            alone = influence.itd(run, metric, horizon=horizon)
            assert _relative(scores.values, alone.values) < 1e-12
            assert np.allclose(scores.growth, alone.growth, rtol=1e-12)
    assert _relative(together[0][STEPS].values, together[1][STEPS].values) > 0.1


@pytest.mark.parametrize("schedule", ["simultaneous", "alternating", "2:1"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_first_order_products_give_the_exact_scores(schedule, optimizer):
    run = _train(gan(schedule=schedule, r1=0.7), examples(), OPTIMIZERS[optimizer][0], ema=0.8)
    exact = influence.itd(run, MeanWave())
    scores = influence.itd(run, MeanWave(), products="central-difference")
    assert _relative(scores.values, exact.values) < 1e-4
    assert (exact.estimator, scores.estimator) == ("itd", "itd-first-order")


def test_first_order_products_need_no_second_derivatives(monkeypatch):
    run, grad = _train(gan(), examples(), OPTIMIZERS["adam"][0]), torch.autograd.grad

    def first_order(*arguments, create_graph=False, **keywords):
        assert not create_graph
        return grad(*arguments, **keywords)

    monkeypatch.setattr(torch.autograd, "grad", first_order)
    assert influence.itd(run, MeanWave(), products="central-difference").values.any()
    with pytest.raises(AssertionError):
        influence.itd(run, MeanWave())


def test_the_last_step_counts_in_an_alternating_run_and_not_in_a_simultaneous_one():
    ours = OPTIMIZERS["sgd"][0]
    alternating = influence.itd(_train(gan(), examples(), ours), MeanWave(), horizon=1)
    simultaneous = influence.itd(_train(gan(schedule="simultaneous"), examples(), ours), MeanWave(), horizon=1)
    assert np.count_nonzero(alternating.values) == 4
    assert np.count_nonzero(simultaneous.values) == 0


def test_removal_of_an_example_that_already_has_weight_zero_changes_nothing():
    weights = torch.ones(12)
    weights[3] = 0
    scores = influence.itd(_train(gan(), examples(), OPTIMIZERS["adam"][0], weights=weights), MeanWave())
    assert scores.values[3] == 0
    assert np.count_nonzero(scores.values) == 11


def test_duplicates_share_their_influence():
    data = examples(12)
    data.x[7] = data.x[2]
    # One batch holds the whole set, so both copies are always seen together and under the same circumstances.
    run = training.train(gan(), data, steps=6, batch_size=12, optimizers=training.SGD(lr=0.1), dtype="float64")
    scores = influence.itd(run, MeanWave())
    assert scores.values[2] == pytest.approx(scores.values[7], rel=1e-9)


@pytest.mark.parametrize("horizon", [0, STEPS + 1])
def test_a_horizon_outside_the_run_is_refused(horizon):
    run = _train(gan(), examples(), OPTIMIZERS["sgd"][0])
    with pytest.raises(UsageError, match="horizon"):
        influence.itd(run, MeanWave(), horizon=horizon)


def test_a_sweep_that_overflows_gives_the_horizons_it_reached_and_says_so(monkeypatch, caplog):
    run, exact = _train(gan(), examples(), OPTIMIZERS["adam"][0]), sweep_module.step_adjoint

    def chaotic(*arguments):
        before = exact(*arguments)
        return {player: {name: 1e60 * value for name, value in slots.items()} for player, slots in before.items()}

    monkeypatch.setattr(sweep_module, "step_adjoint", chaotic)
    assert sorted(influence.itd_horizons(run, MeanWave(), [1, 2, STEPS])) == [1, 2]
    assert "scores of a horizon beyond 2 steps do not exist" in caplog.text
    with pytest.raises(GansiftError, match="Choose a shorter horizon"):
        influence.itd(run, MeanWave())


@pytest.mark.parametrize("products", ["exact", "central-difference"])
def test_stored_states_and_replayed_states_give_the_same_bits(tmp_path, products):
    ours = OPTIMIZERS["adam"][0]
    runs = [
        _train(gan(), examples(), ours, ema=0.8),
        _train(gan(), examples(), ours, ema=0.8, checkpoint_every=1),
        _train(gan(), examples(), ours, ema=0.8, outdir=tmp_path, checkpoint_every=4),
    ]
    scores = [influence.itd(run, MeanWave(), products=products).values for run in runs]
    assert np.array_equal(scores[0], scores[1])
    assert np.array_equal(scores[0], scores[2])


def test_where_all_states_are_in_memory_no_gradient_is_computed_again(monkeypatch):
    run = _train(gan(), examples(), OPTIMIZERS["adam"][0], checkpoint_every=1)
    computed = []
    gradient = run.step.gradient
    monkeypatch.setattr(run.step, "gradient", lambda number, *rest: computed.append(number) or gradient(number, *rest))
    influence.itd(run, MeanWave(), products="central-difference")
    assert set(computed) == {STEPS - 1}  # replayed to see that the code is that of the training
