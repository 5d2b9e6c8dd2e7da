"""AID against dense solves, fixed points that are solved for anew, and training to convergence.

The truth uses nothing of the product's Jacobian: the players' gradients are written out here, and dense Jacobians are
autograd's of them.
"""

from __future__ import annotations

import logging
from functools import partial

import numpy as np
import pytest
import torch
from aid import lqgan_run, true_changes
from scipy.stats import kendalltau
from torch.autograd.functional import jacobian
from torch.nn.functional import softplus

from gansift import games, models, training
from gansift.data.examples import Examples
from gansift.errors import GansiftError, UsageError
from gansift.games.batch import Batch, Batches
from gansift.games.draw import Draw
from gansift.games.parameters import Layout, Net
from gansift.influence.aid import aid
from toys import MeanWave, ThreePlayers, examples, gan

DECAY = 0.1


class FixedLatents(games.GAN):
    """A GAN without random numbers: in full batches it comes to rest."""

    def sample(self, net, count, draw):
        return net.generator(torch.linspace(-1.5, 1.5, count, dtype=draw.dtype).unsqueeze(1))


def _points(count):
    x = Draw(0, "points").normal(count, 1) * 1.2 + 0.6
    ids = tuple(f"{row}" for row in range(count))
    return Examples(ids=ids, x=x, columns={}, paths=("",) * count, hashes=ids)


def _lq(count=8, batch_size=8, steps=200, schedule="simultaneous", **arguments):
    game = FixedLatents(models.LQGenerator(), models.LQDiscriminator(), schedule=schedule)
    arguments = {"optimizers": training.SGD(lr=0.4, weight_decay=DECAY), "dtype": "float64"} | arguments
    return training.train(game, _points(count), steps=steps, batch_size=batch_size, **arguments)


def _two_players(schedule="simultaneous", r1=0.0, **arguments):
    arguments = {"optimizers": training.SGD(lr=0.1, weight_decay=3 * DECAY), "steps": 12} | arguments
    return training.train(gan(schedule=schedule, r1=r1), examples(12), batch_size=4, dtype="float64", **arguments)


def _three_players(**arguments):
    data = {"simulated": examples(9, seed=1, name="s"), "real": examples(12, seed=2, name="r")}
    optimizer = training.Adam(lr=0.02, weight_decay=DECAY)
    return training.train(
        ThreePlayers(), data, steps=9, batch_size={"simulated": 3, "real": 4}, optimizers=optimizer, dtype="float64",
        **arguments,
    )  # fmt: skip


def _last(run, batches=3):
    total = run.steps * run.step.batches
    return range(total - batches, total)


def _flat(run):
    return torch.cat([slots["parameters"] for slots in run.state(run.steps).values()])


def _split(run, theta):
    sizes = {name: Layout(module).size for name, module in run.step.game.players.items()}
    return dict(zip(sizes, theta.split(list(sizes.values())), strict=True))


def _gradients(run, theta, weights, batches):
    """Every player's gradient of its mean loss over the batches, and of its L2 penalty, stacked; differentiable."""
    step, game = run.step, run.step.game
    layouts = {name: Layout(module) for name, module in game.players.items()}
    parameters = _split(run, theta if theta.requires_grad else theta.clone().requires_grad_())
    stacked = []
    for player in game.players:
        total = step.settings.optimizers[player].weight_decay / 2 * parameters[player].square().sum()
        for batch in batches:
            number, turn = divmod(batch, step.batches)
            seen = {}
            for name, index in step.rows(number, turn).items():
                weight = weights[step.offsets[name] + index]
                if step.settings.renormalise:
                    weight = weight / weight.sum() * len(index)
                seen[name] = Batch(step.x[name][index], weight, None, number)
            draw = Draw(step.settings.seed, "step", number, player, turn, dtype=torch.float64)
            total = total + game.loss(player, Net(game.players, layouts, parameters), Batches(seen), draw) / len(
                batches
            )
        stacked += torch.autograd.grad(total, parameters[player], create_graph=True)
    return torch.cat(stacked)


def _jacobian(function, at):
    return jacobian(function, at, vectorize=True)


def _jacobians(run, batches):
    """dv/dtheta and dv/dw at the last parameters, dense."""
    theta, weights = _flat(run), run.weights
    return (
        _jacobian(lambda theta: _gradients(run, theta, weights, batches), theta),
        _jacobian(lambda weights: _gradients(run, theta, weights, batches), weights),
    )


def _metric_gradient(run, metric):
    return torch.cat([*metric.gradient(games.Trained(run.step.game, _split(run, _flat(run)))).values()])


def _dense(run, metric, by_theta, by_weight):
    """w_j <J^{-T} g, dv/dw_j>."""
    return (run.weights * (torch.linalg.solve(by_theta.T, _metric_gradient(run, metric)) @ by_weight)).numpy()


def _metric_changes(run, metric, by_theta, batches, rows, change=2e-5):
    """Minus the derivative of the metric at the fixed point in some weights, by solving for the fixed point anew.

    Any point is a fixed point of the game whose losses are tilted by what is left of their gradients there.
    """
    tilt = _gradients(run, _flat(run), run.weights, batches).detach()

    def value(row, change):
        theta, weights = _flat(run), run.weights.clone()
        weights[row] += change
        for _ in range(50):
            left = _gradients(run, theta, weights, batches).detach() - tilt
            theta = theta - torch.linalg.solve(by_theta, left)
            if left.norm() < 1e-13:
                return metric.value(games.Trained(run.step.game, _split(run, theta)))
        raise AssertionError("no fixed point found")

    return np.array([(value(row, -change) - value(row, change)) / (2 * change) for row in rows])


def _relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("renormalise", [False, True])
@pytest.mark.parametrize(
    "train",
    [partial(_two_players, r1=0.3), partial(_two_players, "2:1"), _three_players],
    ids=["simultaneous, R1", "2:1", "three players, two data sets"],
)
def test_scores_equal_the_dense_solve_and_the_derivative_of_fixed_points(train, renormalise):
    run, metric = train(renormalise=renormalise), MeanWave()
    scores = aid(run, metric, tolerance=1e-10, iterations=200)
    assert scores.residual <= 1e-10
    by_theta, by_weight = _jacobians(run, _last(run))
    assert _relative(scores.values, _dense(run, metric, by_theta, by_weight)) < 1e-6
    rows = [0, len(run.ids) // 2, len(run.ids) - 1]
    assert _relative(scores.values[rows], _metric_changes(run, metric, by_theta, _last(run), rows)) < 1e-5
    assert scores.estimator == "aid"
    assert scores.removal == ("renormalised" if renormalise else "fixed-denominator")


@pytest.mark.parametrize(("schedule", "renormalise"), [("simultaneous", False), ("alternating", True)])
def test_scores_are_the_derivative_of_training_to_convergence(schedule, renormalise):
    run, metric = _lq(schedule=schedule, renormalise=renormalise), MeanWave()
    # One training for each weight changed up or down, all of them stacked.
    count, change = len(run.ids), 1e-3
    eye = torch.eye(count, dtype=torch.float64)
    weights = 1 + change * torch.cat([eye, -eye])
    state = {
        player: {name: value.expand(len(weights), -1) for name, value in slots.items()}
        for player, slots in run.state(0).items()
    }
    for number in range(run.steps):
        state = run.step(state, number, weights)
    values = np.array(
        [
            metric.value(
                games.Trained(run.step.game, {name: slots["parameters"][row] for name, slots in state.items()})
            )
            for row in range(2 * count)
        ]
    )
    expected = (values[count:] - values[:count]) / (2 * change)
    for solver in ("gmres", "neumann"):
        scores = aid(run, metric, solver=solver, tolerance=1e-8, iterations=1000)
        assert _relative(scores.values, expected) < 1e-5


def test_every_example_counts_the_same_where_epochs_drop_a_remainder():
    # Ten examples in batches of four: every epoch leaves out two others. This game draws nothing and its loss is a sum
    # over examples, so that each one's share in the mean gradient is known without batches.
    run, metric = _lq(count=10, batch_size=4, steps=40), MeanWave()
    by_theta, _ = _jacobians(run, _last(run, 2))

    def real_losses(theta):
        w2, w1, w0 = _split(run, theta)["discriminator"]
        x = run.step.x["data"][:, 0]
        return softplus(-(w2 * x**2 + w1 * x + w0))

    by_weight = _jacobian(real_losses, _flat(run)).T / 10
    scores = aid(run, metric, tolerance=1e-10)
    assert np.all(scores.values != 0)
    assert _relative(scores.values, _dense(run, metric, by_theta, by_weight)) < 1e-6


def test_examples_of_a_data_set_passed_several_times_in_an_epoch_of_another_keep_their_divisor():
    # Three batches of the real examples are an epoch, and one and a half of the simulated ones.
    data = {"simulated": examples(8, seed=1, name="s"), "real": examples(12, seed=2, name="r")}
    run = training.train(
        ThreePlayers(), data, steps=5, batch_size=4, optimizers=training.SGD(lr=0.05, weight_decay=DECAY),
        dtype="float64",
    )  # fmt: skip
    metric = MeanWave()
    visits = torch.zeros(20, dtype=torch.float64)
    for batch in _last(run):
        for name, index in run.step.rows(*divmod(batch, run.step.batches)).items():
            visits[run.step.offsets[name] + index] += 1
    assert sorted(visits[:8].unique().tolist()) == [1, 2]
    # Twelve visits of eight examples: each is to count as much as one visit of one in twelve times 12 / 8.
    balance = torch.where(visits > 0, torch.cat([torch.full((8,), 12 / 8), torch.ones(12)]) / visits, 0)
    theta = _flat(run)
    by_theta = _jacobian(lambda theta: _gradients(run, theta, balance, _last(run)), theta)
    by_weight = _jacobian(lambda weights: _gradients(run, theta, weights * balance, _last(run)), run.weights)
    scores = aid(run, metric, tolerance=1e-10, iterations=500)
    assert _relative(scores.values, _dense(run, metric, by_theta, by_weight)) < 1e-6


def test_a_jacobian_of_fewer_batches_still_gives_every_example_a_score():
    run, metric = _two_players(), MeanWave()
    by_theta, _ = _jacobians(run, _last(run, 1))
    _, by_weight = _jacobians(run, _last(run, 3))
    scores = aid(run, metric, batches=1, tolerance=1e-10, iterations=200)
    assert _relative(scores.values, _dense(run, metric, by_theta, by_weight)) < 1e-6


def test_an_example_that_training_never_visited_has_no_influence():
    run = _two_players(steps=2)
    visited = torch.cat([run.step.rows(number, 0)["data"] for number in range(2)])
    values = aid(run, MeanWave()).values
    assert np.count_nonzero(values) == np.count_nonzero(values[visited.numpy()]) == 8


def test_removal_starts_from_the_weight_in_the_run():
    weights = torch.ones(12, dtype=torch.float64)
    weights[3], weights[5] = 0, 2
    run, metric = _two_players(weights=weights), MeanWave()
    scores = aid(run, metric, tolerance=1e-10, iterations=200)
    assert scores.values[3] == 0
    assert _relative(scores.values, _dense(run, metric, *_jacobians(run, _last(run)))) < 1e-6


def test_averaged_parameters_are_left_aside():
    metric = MeanWave()
    averaged, last = _two_players(ema=0.8), _two_players()
    assert metric.value(averaged) != metric.value(last)
    assert np.array_equal(aid(averaged, metric).values, aid(last, metric).values)


def test_damping_adds_to_the_jacobian():
    run, metric = _two_players(), MeanWave()
    by_theta, by_weight = _jacobians(run, _last(run))
    damped = by_theta + 0.3 * torch.eye(len(by_theta), dtype=torch.float64)
    scores = aid(run, metric, damping=0.3, tolerance=1e-10, iterations=200)
    assert scores.residual <= 1e-10
    assert _relative(scores.values, _dense(run, metric, damped, by_weight)) < 1e-6


@pytest.mark.parametrize("iterations", [1, 4])
@pytest.mark.parametrize("fresh_batches", [False, True])
def test_neumann_is_the_truncated_sum_and_reports_its_residual(iterations, fresh_batches):
    """Without the ``+ g`` of u <- (I - rate J^T) u + rate g nothing of this holds."""
    run, metric, rate = _lq(batch_size=4, steps=20), MeanWave(), 0.05
    by_theta, by_weight = _jacobians(run, _last(run, 2))
    each = [_jacobians(run, range(batch, batch + 1))[0] for batch in _last(run, 2)] if fresh_batches else [by_theta]
    g = _metric_gradient(run, metric)
    u = rate * g
    for iteration in range(iterations):
        u = u - rate * each[iteration % len(each)].T @ u + rate * g
    scores = aid(
        run, metric, solver="neumann", rate=rate, iterations=iterations, fresh_batches=fresh_batches, tolerance=1e-9
    )
    assert _relative(scores.values, (u @ by_weight).numpy()) < 1e-9
    assert scores.residual == pytest.approx(float((g - by_theta.T @ u).norm() / g.norm()), rel=1e-9)


def test_divergence_is_reported_and_not_returned(caplog):
    run, metric = _lq(batch_size=4, steps=20), MeanWave()
    with pytest.raises(GansiftError, match=r"diverges at rate 2:.*smaller rate, damping, or train longer"):
        aid(run, metric, solver="neumann", rate=2.0)
    unsolved = {"solver": "neumann", "rate": 2.0, "fresh_batches": True, "iterations": 20}
    with pytest.raises(GansiftError, match=r"residual is .*no better than no solution.*smaller rate"):
        aid(run, metric, **unsolved)
    assert aid(run, metric, refuse=False, **unsolved).residual > 1
    assert "did not solve its linear system" in caplog.text
    with pytest.raises(GansiftError, match=r"product \d+ is not finite.*smaller rate"):
        aid(run, metric, solver="neumann", rate=1e6, fresh_batches=True, iterations=200)


def test_a_point_that_players_leave_is_beyond_neumann_and_not_beyond_gmres():
    run, metric = _two_players(optimizers=training.SGD(lr=0.1)), MeanWave()
    by_theta, by_weight = _jacobians(run, _last(run))
    assert torch.linalg.eigvals(by_theta).real.min() < 0
    with pytest.raises(GansiftError, match="diverges"):
        aid(run, metric, solver="neumann", iterations=20_000, tolerance=1e-12)
    assert _relative(aid(run, metric, tolerance=1e-10).values, _dense(run, metric, by_theta, by_weight)) < 1e-6


def test_a_residual_above_the_tolerance_is_a_warning(caplog):
    counts = []
    with caplog.at_level(logging.INFO, "gansift"):
        scores = aid(_lq(steps=20), MeanWave(), iterations=2, tolerance=1e-6, progress=counts.append)
    assert 1e-6 < scores.residual < 1
    assert f"residual of {scores.residual:.2g} only, not 1e-06" in caplog.text
    assert counts == [1, 2, 3]
    assert "aid: 3 Jacobian products over 1 batches each" in caplog.text


def _promised_change(run, metric, caplog):
    caplog.clear()
    with caplog.at_level(logging.INFO, "gansift"):
        aid(run, metric, tolerance=1e-9)
    return float(caplog.text.split(f"change {metric.name} by ")[1].split(",")[0])


def test_the_log_tells_how_far_the_metric_is_from_its_fixed_point(caplog):
    early, late, metric = _lq(steps=40), _lq(), MeanWave()
    expected = metric.value(late) - metric.value(early)
    assert _promised_change(early, metric, caplog) == pytest.approx(expected, rel=0.1)
    run = _lq(batch_size=4, steps=20)
    solution = torch.linalg.solve(_jacobians(run, _last(run, 2))[0].T, _metric_gradient(run, metric))
    v = _gradients(run, _flat(run), run.weights, _last(run, 2)).detach()
    assert _promised_change(run, metric, caplog) == pytest.approx(-float(solution @ v), rel=0.01)


def test_the_horizon_is_only_noted_down():
    run, metric = _two_players(), MeanWave()
    whole, short = aid(run, metric), aid(run, metric, 5)
    assert (whole.horizon, short.horizon) == (12, 5)
    assert np.array_equal(whole.values, short.values)
    with pytest.raises(UsageError, match="horizon"):
        aid(run, metric, 13)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"solver": "cg"}, "unknown solver 'cg'"),
        ({"rate": 0.1}, "solver='neumann' alone"),
        ({"fresh_batches": True}, "solver='neumann' alone"),
        ({"iterations": 0}, "needs iterations"),
        ({"batches": 0}, "needs iterations"),
        ({"damping": -1.0}, "needs iterations"),
        ({"tolerance": 0.0}, "needs iterations"),
        ({"solver": "neumann", "rate": 0.0}, "needs iterations"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        aid(_two_players(steps=1), MeanWave(), **arguments)


def test_decoupled_weight_decay_is_refused():
    with pytest.raises(UsageError, match=r"generator's decoupled weight decay.*Adam\(weight_decay"):
        aid(_two_players(optimizers=training.AdamW(lr=0.01)), MeanWave())
    aid(_two_players(optimizers=training.AdamW(lr=0.01, weight_decay=0.0)), MeanWave())


class Constant(MeanWave):
    def gradient(self, source):
        return {name: torch.zeros_like(value) for name, value in super().gradient(source).items()}


def test_a_metric_that_nothing_changes_is_refused():
    with pytest.raises(GansiftError, match="wave does not change"):
        aid(_two_players(steps=1), Constant())


def test_single_precision_gives_the_same_scores():
    single, double = (
        aid(_lq(steps=20, dtype=dtype), MeanWave(), tolerance=1e-5).values for dtype in ("float32", "float64")
    )
    assert _relative(single, double) < 1e-3


def test_lqgan_scores_agree_with_retraining_and_gmres_needs_a_fifth_of_the_products():
    run, metric = lqgan_run(seed=0)
    truth = true_changes(run, metric, 30)
    tau, products = {}, {}
    for name, arguments in {
        "gmres": {},
        "neumann": {"solver": "neumann", "rate": 0.1, "iterations": 1000},
        "short": {"solver": "neumann", "rate": 0.1, "iterations": 10},
    }.items():
        counts: list[int] = []
        scores = aid(run, metric, progress=counts.append, tolerance=1e-2, batches=3, **arguments)
        tau[name], products[name] = kendalltau(scores.values[:30], truth).statistic, len(counts)
    assert tau["gmres"] >= 0.75
    assert tau["neumann"] == pytest.approx(tau["gmres"], abs=0.02)
    assert tau["short"] < tau["gmres"] - 0.1
    assert products["neumann"] >= 5 * products["gmres"]
