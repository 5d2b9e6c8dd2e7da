"""A horizon is believed only if scores rank real retrainings there."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from gansift import cleansing, influence, training
from gansift.cleansing.checked import CHECKED, LEAST, checked
from toys import MeanWave, examples, gan

SETTINGS = {"steps": 12, "batch_size": 4, "optimizers": training.Adam(lr=0.05, eps=1e-2), "dtype": "float64"}
METRIC = MeanWave()


@pytest.fixture(scope="module")
def run():
    return training.train(gan(r1=0.3), examples(30), **SETTINGS)


@pytest.fixture(scope="module")
def scores(run):
    return influence.itd_horizons(run, METRIC, [3, 6, 12])


def _noise(scores):
    """Scores that have nothing to do with what retraining does: the same numbers, at other examples."""
    order = np.random.default_rng(1).permutation(len(scores.values))
    return replace(scores, values=scores.values[order])


def test_scores_that_rank_retrainings_are_believed_at_the_longest_horizon(run, scores):
    (check,) = checked(run, scores, METRIC)
    assert (check.horizon, check.count, check.removed, check.holds) == (12, CHECKED, 1, True)
    found = cleansing.verify(run, scores[12], METRIC, count=CHECKED, removed=1)
    assert check.spearman == pytest.approx(found.agreement.spearman.value)
    assert check.spearman >= LEAST


def test_a_horizon_whose_scores_are_noise_is_passed_over_for_the_next_shorter_one(run, scores):
    checks = checked(run, scores | {12: _noise(scores[12])}, METRIC)
    assert [(check.horizon, check.holds) for check in checks] == [(12, False), (6, True)]


def test_where_no_horizon_holds_all_are_tried(run, scores):
    checks = checked(run, {horizon: _noise(of) for horizon, of in scores.items()}, METRIC)
    assert [(check.horizon, check.holds) for check in checks] == [(12, False), (6, False), (3, False)]


def test_retrainings_that_break_down_bear_out_nothing(run, scores, monkeypatch):
    monkeypatch.setattr(
        import_module("gansift.cleansing.checked"), "changes", lambda *arguments, **more: [(float("nan"),)] * CHECKED
    )
    checks = checked(run, {12: scores[12]}, METRIC)
    assert [(check.spearman, check.holds) for check in checks] == [(None, False)]


def test_the_steps_that_were_redone_are_told(run, scores):
    done = []
    checked(run, {6: scores[6]}, METRIC, done.append)
    assert sum(done) == 6 * CHECKED
