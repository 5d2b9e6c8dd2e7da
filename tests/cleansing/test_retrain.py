"""Retraining: the same run without some examples, from where the horizon starts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gansift import cleansing, influence, training
from gansift.errors import UsageError
from gansift.training.state import checksum
from toys import MeanWave, examples, gan

ADAM = training.Adam(lr=0.05, eps=1e-2)


def _train(**arguments):
    settings = {"steps": 10, "batch_size": 4, "optimizers": ADAM, "ema": 0.8, "dtype": "float64"} | arguments
    return training.train(gan(r1=0.3), examples(), **settings)


@pytest.mark.parametrize("renormalise", [False, True])
def test_removal_from_the_whole_run_is_training_with_weights_zero(renormalise):
    run = _train(renormalise=renormalise)
    weights = np.ones(12)
    weights[[2, 7]] = 0
    expected = _train(renormalise=renormalise, weights=weights)
    again = cleansing.retrain(run, ["x/002", "x/007"])
    assert checksum(again.state(10)) == checksum(expected.state(10))
    assert checksum(again.state(10)) != checksum(run.state(10))


def test_removing_nothing_gives_the_run_itself_from_any_horizon():
    run = _train(checkpoint_every=4)
    for horizon in (1, 3, 10):
        assert checksum(cleansing.retrain(run, [], horizon=horizon).state(10)) == checksum(run.state(10))


def test_retraining_of_a_horizon_starts_from_the_recorded_state_there():
    run = _train()
    again = cleansing.retrain(run, ["x/001"], horizon=4)
    assert again.start == 6
    assert checksum(again.state(6)) == checksum(run.state(6))
    with pytest.raises(UsageError, match="step 5 is not in this run"):
        again.state(5)


def test_scores_are_redone_from_their_own_horizon_unless_from_start():
    run = _train()
    scores = influence.itd(run, MeanWave(), horizon=3).harmful(2)
    assert cleansing.retrain(run, scores).start == 7
    from_start = cleansing.retrain(run, scores, from_start=True)
    assert from_start.start == 0
    assert checksum(from_start.state(10)) == checksum(cleansing.retrain(run, scores.ids).state(10))


def test_a_horizon_that_contradicts_the_scores_is_refused():
    run = _train()
    scores = influence.itd(run, MeanWave(), horizon=3)
    with pytest.raises(UsageError, match="scores of horizon 3 do not predict"):
        cleansing.retrain(run, scores.harmful(1), horizon=5)
    with pytest.raises(UsageError, match="either horizon or from_start"):
        cleansing.retrain(run, ["x/001"], horizon=5, from_start=True)


def test_scores_of_another_convention_or_length_of_run_are_refused():
    scores = influence.itd(_train(), MeanWave(), horizon=5)
    with pytest.raises(UsageError, match="fixed-denominator removal; this run has 10 steps and renormalised"):
        cleansing.retrain(_train(renormalise=True), scores)
    with pytest.raises(UsageError, match="a run of 10 steps"):
        cleansing.retrain(_train(steps=12), scores)


def test_unknown_ids_and_horizons_are_refused_by_name():
    run = _train()
    with pytest.raises(UsageError, match="'x/999'"):
        cleansing.retrain(run, ["x/001", "x/999"])
    with pytest.raises(UsageError, match="horizon 11"):
        cleansing.retrain(run, ["x/001"], horizon=11)


def test_a_retrained_run_can_be_scored_and_cleansed_again():
    run = _train()
    again = cleansing.retrain(run, ["x/001"], horizon=6)
    scores = influence.itd(again, MeanWave())
    assert scores.horizon == 6
    assert scores.values[1] == 0
    third = cleansing.retrain(again, scores.harmful(1))
    assert torch.count_nonzero(third.weights) == 10


def test_the_run_itself_is_left_alone():
    run = _train()
    before = checksum(run.state(10)), run.weights.clone()
    cleansing.retrain(run, ["x/001"])
    assert checksum(run.state(10)) == before[0]
    assert torch.equal(run.weights, before[1])
