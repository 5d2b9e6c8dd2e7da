"""Looking at updates with other draws, against a training in which the weights act through all of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gansift import games, influence, models, training
from gansift.errors import UsageError
from gansift.training.state import PARAMETERS
from toys import MeanWave, acgan, examples, gan, labelled

STEPS, REDRAWS = 6, 2
ADAM = training.Adam(lr=0.05, eps=1e-2, decay="cosine", warmup=2)
SETTINGS = {"batch_size": 4, "optimizers": ADAM, "dtype": "float64"}


def diffusion():
    network = models.PerceptronDenoiser(4, (2,))
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.fill_(0.1)
    return games.Diffusion(network, sampling_steps=2, dropout=0.2)


def _value_with(run, metric, weights):
    """The metric after a training whose weights act through its own draws and all others alike.

    Every gradient is that of the run itself, and the mean over draws of what the weights change of it.
    """
    step, ones = run.step, torch.ones_like(run.weights)
    looks = [step, *(step.redrawn(look) for look in range(REDRAWS))]
    state = step.initial()
    for number in range(run.steps):
        for move in step.moves:
            before = state
            for player, turn in zip(move.players, move.turns, strict=True):
                parameters = {name: slots[PARAMETERS] for name, slots in before.items()}
                gradient, _ = step.followed(number, player, turn, parameters, ones)
                for look in looks:
                    with_weights, _ = look.followed(number, player, turn, parameters, weights)
                    without, _ = look.followed(number, player, turn, parameters, ones)
                    gradient = gradient + (with_weights - without) / len(looks)
                new = step.optimizer_update(player, before[player], gradient, number, turn)
                state = {**state, player: {**before[player], **new}}
    parameters = {name: state[name][PARAMETERS] for name in step.layouts}
    return metric.value(games.Trained(step.game, parameters))


def _score(run, metric, **other):
    """The scores of the whole run as one window."""
    return influence.rolling(run, metric, run.steps, [run.steps], **other).values[0]


@pytest.mark.parametrize("make", [lambda: gan(r1=0.3), lambda: gan(schedule="simultaneous"), diffusion])
@pytest.mark.parametrize("renormalise", [False, True])
def test_scores_are_those_of_a_training_in_which_weights_act_through_all_draws(make, renormalise):
    run = training.train(make(), examples(), steps=STEPS, renormalise=renormalise, **SETTINGS)
    metric, small = MeanWave(), 1e-5
    found = _score(run, metric, redraws=REDRAWS)
    for row in (0, 5, 11):
        values = []
        for change in (-small, small):
            weights = run.weights.clone()
            weights[row] += change
            values.append(_value_with(run, metric, weights))
        assert found[row] == pytest.approx((values[0] - values[1]) / (2 * small), rel=1e-6, abs=1e-9)
    assert np.abs(found - influence.itd(run, metric).values).max() > 1e-2 * np.abs(found).max()


def test_looks_say_how_many_other_draws_they_had():
    run = training.train(diffusion(), examples(), steps=STEPS, **SETTINGS)
    for asked in (None, 0, 2):
        assert influence.rolling(run, MeanWave(), redraws=asked).redraws == (
            diffusion().redraws if asked is None else asked
        )


def test_without_redraws_a_window_is_the_run_itself_to_the_bit():
    run = training.train(diffusion(), examples(), steps=STEPS, **SETTINGS)
    assert (_score(run, MeanWave(), redraws=0) == influence.itd(run, MeanWave()).values).all()


@pytest.mark.parametrize("make", [lambda: gan(r1=0.3), lambda: acgan(r1=0.3), diffusion])
def test_stacks_and_first_derivatives_look_at_the_same_draws(make):
    data, metrics = labelled(examples()), [MeanWave(), MeanWave(2.0)]
    made = {"steps": STEPS, **SETTINGS}
    stacked = influence.rolling_seeds(
        training.train_seeds(lambda seed: make(), data, (3, 1), **made), [metrics] * 2, 3, redraws=REDRAWS
    )
    for seed, of_seed in zip((3, 1), stacked, strict=True):
        run = training.train(make(), data, seed=seed, **made)
        for metric, looks in zip(metrics, of_seed, strict=True):
            alone = influence.rolling(run, metric, 3, redraws=REDRAWS)
            assert np.abs(looks.values - alone.values).max() < 1e-10 * np.abs(alone.values).max()
    differenced = influence.rolling(run, metrics[1], 3, redraws=REDRAWS, products="central-difference")
    assert np.abs(differenced.values - alone.values).max() < 1e-4 * np.abs(alone.values).max()


@pytest.mark.parametrize("other", [{"micro_batches": 2}, {"compiled": True}])
def test_a_batch_in_parts_or_compiled_is_looked_at_as_any(other):
    usual, run = (training.train(diffusion(), examples(), steps=STEPS, **SETTINGS, **more) for more in ({}, other))
    expected = _score(usual, MeanWave(), redraws=REDRAWS)
    assert np.abs(_score(run, MeanWave(), redraws=REDRAWS) - expected).max() < 1e-9 * np.abs(expected).max()


def test_other_draws_have_other_batches_in_which_every_example_comes_as_often():
    step = training.train(diffusion(), examples(), steps=STEPS, **SETTINGS).step
    own, other = ([one.rows(number, 0)["data"] for number in range(STEPS)] for one in (step, step.redrawn(0)))
    assert torch.cat(other).bincount(minlength=12).tolist() == [STEPS * 4 // 12] * 12
    assert any((one != two).any() for one, two in zip(own, other, strict=True))
    assert all(
        (one == two["data"]).all()
        for one, two in zip(other, map(step.redrawn(0).rows, range(STEPS), [0] * STEPS), strict=True)
    )
    assert (step.redrawn(0).draw(0, "network", 0).normal(3) != step.redrawn(1).draw(0, "network", 0).normal(3)).all()


def test_games_that_learn_at_a_time_and_noise_of_chance_are_looked_at_with_other_draws_unless_told_otherwise():
    for make, redrawn in ((diffusion, True), (gan, False)):
        run = training.train(make(), examples(), steps=STEPS, **SETTINGS)
        usual, none = _score(run, MeanWave()), _score(run, MeanWave(), redraws=0)
        assert (usual == _score(run, MeanWave(), redraws=run.step.game.redraws)).all()
        assert (usual != none).any() == redrawn


def test_fewer_looks_than_none_are_refused():
    run = training.train(gan(), examples(), steps=STEPS, **SETTINGS)
    with pytest.raises(UsageError, match="redraws"):
        _score(run, MeanWave(), redraws=-1)
