"""Verification: predictions are sums of scores, the truth is retraining, and what does not fit is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gansift import cleansing, influence, terminal, training
from gansift.cleansing import replicas
from gansift.cleansing.verify import random_removals
from gansift.errors import GansiftError, UsageError
from gansift.influence.scores import Scores
from toys import MeanWave, ThreePlayers, examples, gan

ADAM = training.Adam(lr=0.02, eps=1e-2, eps_inside=True)
SMOOTH = training.SGD(lr=0.02)


def _train(seed: int = 0, game=None, data=None, **arguments):
    settings = {"steps": 12, "batch_size": 4, "optimizers": ADAM, "ema": 0.5, "dtype": "float64"} | arguments
    return training.train(game or gan(r1=0.3), data or examples(24), seed=seed, **settings)


def test_truth_is_retraining_of_the_scores_horizon_and_predictions_are_sums():
    run, metric = _train(), MeanWave()
    scores = influence.itd(run, metric, horizon=7)
    found = cleansing.verify(run, scores, metric, count=5, removed=3)
    assert found.horizon == 7
    assert found.true.shape == (1, 5)
    for ids, predicted, true in zip(found.removals, found.predicted, found.true[0], strict=True):
        again = cleansing.retrain(run, ids, horizon=7)
        assert true == pytest.approx(metric.value(again) - metric.value(run), rel=1e-9)
        assert predicted == pytest.approx(sum(dict(scores)[identity] for identity in ids))


def test_exact_scores_of_a_smooth_run_agree_with_leaving_single_examples_out():
    run, metric = _train(steps=20, optimizers=SMOOTH), MeanWave()
    found = cleansing.verify(run, influence.itd(run, metric), metric, count=24)
    assert all(len(ids) == 1 for ids in found.removals)
    assert len(set(found.removals)) == 24
    assert found.agreement.spearman.value > 0.97
    assert found.agreement.slope.value == pytest.approx(1, abs=0.1)
    shuffled = dataclasses.replace(influence.itd(run, metric), values=np.roll(influence.itd(run, metric).values, 5))
    assert abs(cleansing.verify(run, shuffled, metric, count=24).agreement.spearman.value) < 0.8


def test_scores_of_another_tool_are_verified_by_id_in_any_order(tmp_path):
    run, metric = _train(), MeanWave()
    scores = influence.itd(run, metric)
    scores[np.random.default_rng(0).permutation(24)].to_csv(tmp_path / "other.csv")
    own = cleansing.verify(run, scores, metric, count=4, removed=2)
    other = cleansing.verify(run, Scores.read(tmp_path / "other.csv"), metric, count=4, removed=2)
    assert own.removals == other.removals
    np.testing.assert_allclose(own.predicted, other.predicted, rtol=1e-12)


def test_only_examples_that_have_a_score_and_a_weight_are_removed():
    weights = np.ones(24)
    weights[3] = 0
    run, metric = _train(weights=weights), MeanWave()
    scores = influence.itd(run, metric)
    drawn = {identity for ids in random_removals(run, scores.ids[:12], 11, 1) for identity in ids}
    assert drawn == set(scores.ids[:12]) - {scores.ids[3]}


def test_over_seeds_the_truth_is_the_mean_and_its_reliability_the_ceiling():
    metric = MeanWave()
    runs = [_train(seed) for seed in range(4)]
    scores = [influence.itd(run, metric) for run in runs]
    found = cleansing.verify(runs, scores, metric, count=10)
    assert found.true.shape == (4, 10)
    alone = cleansing.verify(runs[2], scores[2], metric, count=10)
    np.testing.assert_array_equal(found.true[2], alone.true[0])
    np.testing.assert_allclose(
        found.predicted, np.mean([[dict(one)[ids[0]] for ids in found.removals] for one in scores], axis=0), rtol=1e-12
    )
    assert alone.ceiling is None
    assert 0 <= found.ceiling <= 1
    noise = dataclasses.replace(found, true=np.random.default_rng(0).normal(size=(4, 10)))
    same = dataclasses.replace(found, true=np.repeat(found.true[:1], 4, axis=0))
    assert same.ceiling == pytest.approx(1)
    assert noise.ceiling < 0.7


def test_retrainings_stacked_in_chunks_agree_with_one_by_one(monkeypatch):
    data = {"real": examples(12, name="real"), "simulated": examples(16, name="simulated")}
    optimizers = dict.fromkeys(("refiner", "critic", "encoder"), ADAM)
    runs = [_train(), _train(game=ThreePlayers(), data=data, optimizers=optimizers)]
    for run in runs:
        removals = [[identity] for identity in run.ids[:7]] + [run.ids[2:9]]
        sizes = []
        monkeypatch.setattr(replicas, "_STACKED", 3 * sum(layout.size for layout in run.step.layouts.values()))
        stacked = cleansing.retrained_players(run, removals, 9, sizes.append)
        assert sizes == [27, 27, 18]
        for ids, trained in zip(removals, stacked, strict=True):
            alone = cleansing.retrain(run, ids, horizon=9).trained()
            for player, flat in alone.parameters.items():
                np.testing.assert_allclose(trained.parameters[player], flat, rtol=1e-10, atol=1e-12)


def test_what_does_not_belong_together_is_refused():
    run, metric = _train(), MeanWave()
    scores = influence.itd(run, metric)
    with pytest.raises(UsageError, match="3 or more removals"):
        cleansing.verify(run, scores, metric, count=2)
    with pytest.raises(UsageError, match="25 removals of 1 cannot be drawn from 24"):
        cleansing.verify(run, scores, metric, count=25)
    with pytest.raises(UsageError, match="3 removals of 24"):
        cleansing.verify(run, scores, metric, count=3, removed=24)
    with pytest.raises(UsageError, match="predict other, not wave"):
        cleansing.verify(run, dataclasses.replace(scores, metric="other"), metric, count=3)
    with pytest.raises(UsageError, match="renormalised removal"):
        cleansing.verify(run, dataclasses.replace(scores, removal="renormalised"), metric, count=3)
    foreign = dataclasses.replace(scores, ids=tuple(f"other/{row}" for row in range(24)))
    with pytest.raises(UsageError, match=r"24 of 24 scores are of no training example of the run, e\.g\. 'other/0'"):
        cleansing.verify(run, foreign, metric, count=3)
    one = dataclasses.replace(scores, ids=("other", *scores.ids[1:]))
    with pytest.raises(UsageError, match="1 of 24 scores are of no training example"):
        cleansing.verify(run, one, metric, count=3)
    with pytest.raises(UsageError, match="say that higher is better for wave, but lower is"):
        cleansing.verify(run, dataclasses.replace(scores, direction="higher"), metric, count=3)
    with pytest.raises(UsageError, match="of the last 13 steps, but the run has 12"):
        cleansing.verify(run, dataclasses.replace(scores, horizon=13, steps=13), metric, count=3)
    with pytest.raises(UsageError, match="2 runs but 1"):
        cleansing.verify([run, run], [scores], metric, count=3)


def test_examples_without_a_score_are_named_and_constant_scores_say_why_there_is_no_correlation(caplog):
    run, metric = _train(), MeanWave()
    scores = influence.itd(run, metric, horizon=2)
    found = cleansing.verify(run, scores[:20], metric, count=3, removed=2)
    assert f"4 of 24 training examples have no score, e.g. {run.ids[20]!r}" in caplog.text
    constant = dataclasses.replace(scores, values=np.full(24, 0.25))
    found = cleansing.verify(run, constant, metric, count=8, removed=2)
    assert np.isnan(found.agreement.spearman.value)
    shown = {"spearman": {"ci95": None}, "predicted": found.predicted.tolist(), "true": [1.0, 2.0], "count": 8}
    assert terminal._why_chance(shown) == (
        "There is no ranking to compare: the scores predict the same change for all 8 removals (0.5)."
    )
    alike = {**shown, "predicted": [1.0, 2.0], "true": [0.0, 0.0]}
    assert "the metric does the same in all 8 removals (0)" in terminal._why_chance(alike)


def test_retrainings_that_break_down_are_left_out_and_said(monkeypatch, caplog):
    run, metric = _train(), MeanWave()
    scores = influence.itd(run, metric)
    real = cleansing.verify.__globals__["changes"]

    def broken(number):
        def changes(*arguments, **named):
            found = real(*arguments, **named)
            return [[float("nan")] if row < number else changed for row, changed in enumerate(found)]

        return changes

    monkeypatch.setitem(cleansing.verify.__globals__, "changes", broken(2))
    found = cleansing.verify(run, scores, metric, count=6)
    assert found.true.shape == (1, 4)
    assert len(found.removals) == 4
    assert "2 of 6 retrainings broke down" in caplog.text
    monkeypatch.setitem(cleansing.verify.__globals__, "changes", broken(5))
    with pytest.raises(GansiftError, match="nearly every retraining"):
        cleansing.verify(run, scores, metric, count=6)
