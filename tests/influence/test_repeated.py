"""Repeated removal: the order that removing, redoing and scoring afresh by hand gives."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from gansift import cleansing, training
from gansift.errors import TrainingError
from gansift.influence import repeated
from gansift.influence.itd import itd
from gansift.influence.repeated import ROUNDS, itd_repeated
from gansift.metrics import ALL
from toys import examples, gan

HORIZON = 9


@pytest.fixture(scope="module")
def metric():
    return ALL(examples(10, seed=3), latents=20)


def _run(weights=None):
    # Coarse steps, so that what is removed first changes what is harmful afterwards.
    return training.train(
        gan(), examples(80), steps=12, batch_size=16, optimizers=training.SGD(lr=1.0), dtype="float64", weights=weights
    )


@pytest.fixture(scope="module")
def run():
    return _run()


def _order(scores):
    return list(scores.sorted().ids)


def test_the_order_is_that_of_removing_and_scoring_again_by_hand(run, metric):
    each, removed, now = round(0.1 * 80 / ROUNDS), [], run
    for _ in range(ROUNDS):
        fresh = itd(now, metric, horizon=HORIZON)
        rest = [identity for identity in fresh.sorted().ids if identity not in removed]
        by_hand = removed + rest
        removed += rest[:each]
        now = cleansing.retrain(run, removed, horizon=HORIZON)
    found = itd_repeated(run, metric, HORIZON)
    assert _order(found) == by_hand
    assert _order(found) != _order(itd(run, metric, HORIZON))
    assert found.harmful(each).ids == itd(run, metric, HORIZON).harmful(each).ids


def test_examples_that_the_run_had_not_stay_out_of_it(metric):
    weights = np.ones(80)
    weights[[3, 50]] = 0
    found = itd_repeated(_run(weights), metric, HORIZON)
    assert [found.values[row] for row in (3, 50)] == [0, 0]
    assert found.harm.min() == 0
    assert len(set(found.values.tolist())) == 78


def test_the_growth_is_that_of_the_run_itself(run, metric):
    assert itd_repeated(run, metric, HORIZON).growth == itd(run, metric, HORIZON).growth


def test_a_retraining_that_breaks_down_ends_the_rounds(run, metric, monkeypatch, caplog):
    def broken(*arguments):
        raise TrainingError("NaN")

    monkeypatch.setattr(repeated, "redo", broken)
    with caplog.at_level(logging.WARNING):
        found = itd_repeated(run, metric, HORIZON)
    assert "stays with the scores after 0 removals: NaN" in caplog.text
    assert _order(found) == _order(itd(run, metric, HORIZON))
