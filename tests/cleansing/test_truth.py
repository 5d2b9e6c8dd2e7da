"""Truths: what is stored is real retraining, the truth itself scores 1, and what does not belong to it is refused."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import pytest

from gansift import cleansing, training
from gansift.cleansing.truth import Truth, measured
from gansift.cleansing.verify import random_removals
from gansift.errors import UsageError
from gansift.influence.scores import Scores
from toys import MeanWave, ThreePlayers, examples, gan

SGD = training.SGD(lr=0.02)


@pytest.fixture(scope="module")
def runs():
    return [
        training.train(gan(r1=0.3), examples(24), steps=8, batch_size=4, optimizers=SGD, dtype="float64", seed=seed)
        for seed in (3, 7)
    ]


@pytest.fixture(scope="module")
def truth(runs):
    other = MeanWave(2.0)
    other.name, other.direction = "faster", "higher"
    removals = [(identity,) for identity in runs[0].ids] + random_removals(runs[0], runs[0].ids, 8, 5)
    data = {"data": dataclasses.replace(examples(24), hashes=tuple(f"{row:064x}" for row in range(24)))}
    return measured("toy", {"system": "gan"}, runs, data, removals, [MeanWave(), other])


def scores_of(truth: Truth, values: np.ndarray, **changed) -> Scores:
    steps = truth.steps
    common = {"metric": "wave", "direction": "lower", "estimator": "by hand", "horizon": steps, "steps": steps}
    return Scores(truth.ids, values, **{**common, "removal": truth.removal, **changed})


def singles(truth: Truth, metric: int = 0) -> np.ndarray:
    """The true change for each single example, which come first, in their order."""
    return truth.changes[metric, :24].mean(axis=1)


def test_a_truth_is_what_retraining_by_hand_gives(runs, truth):
    assert truth.seeds == (3, 7)
    assert truth.metrics == {"wave": "lower", "faster": "higher"}
    metrics = [MeanWave(), MeanWave(2.0)]
    for row in (0, 13, 24, 31):
        gone = [identity for identity, removed in zip(truth.ids, truth.removed[row], strict=True) if removed]
        assert len(gone) == (1 if row < 24 else 5)
        for column, run in enumerate(runs):
            again = cleansing.retrain(run, gone, horizon=8)
            for kind, metric in enumerate(metrics):
                change = metric.value(again) - metric.value(run)
                assert change != 0
                assert truth.changes[kind, row, column] == pytest.approx(change, rel=1e-8)
                assert truth.values[kind, column] == metric.value(run)


def test_a_truth_of_several_data_sets_has_their_ids_and_hashes_in_the_order_of_the_scores():
    data = {"real": examples(8, name="real"), "simulated": examples(8, name="simulated")}
    data = {
        name: dataclasses.replace(part, hashes=tuple(f"{name}{row}" for row in range(8))) for name, part in data.items()
    }
    optimizers = dict.fromkeys(("refiner", "critic", "encoder"), SGD)
    run = training.train(ThreePlayers(), data, steps=4, batch_size=4, optimizers=optimizers, dtype="float64")
    removals = [(run.ids[row],) for row in (15, 2, 9)]
    truth = measured("two", {}, [run], data, removals, [MeanWave()])
    assert [truth.ids[row] for row in truth.removed.argmax(axis=1)] == [ids for (ids,) in removals]
    assert [content for content in truth.hashes] == [*data["real"].hashes, *data["simulated"].hashes]
    assert truth.ids[0].startswith("real:")


def test_the_truth_itself_scores_1_and_reversed_minus_1(truth):
    for values, expected in ((singles(truth), 1), (-singles(truth), -1)):
        alone, sets = truth.judge(scores_of(truth, values))
        assert [len(alone.removals), len(sets.removals)] == [24, 8]
        assert [len(one.removals[0]) for one in (alone, sets)] == [1, 5]
        assert alone.agreement.spearman.value == pytest.approx(expected)
        assert alone.agreement.kendall.value == pytest.approx(expected)
        assert alone.agreement.slope.value == pytest.approx(expected)
        assert alone.ceiling is not None


def test_predictions_for_sets_are_sums_whatever_the_order_of_the_scores(truth):
    values = np.random.default_rng(0).normal(size=24)
    order = np.random.default_rng(1).permutation(24)
    _, plain = truth.judge(scores_of(truth, values))
    _, shuffled = truth.judge(scores_of(truth, values)[order])
    np.testing.assert_allclose(plain.predicted, truth.removed[24:] @ values, rtol=1e-12)
    np.testing.assert_allclose(shuffled.predicted, plain.predicted, rtol=1e-12)
    np.testing.assert_array_equal(plain.true, truth.changes[0, 24:].T)


def test_the_metric_that_the_scores_name_is_the_one_that_is_compared(truth):
    alone, _ = truth.judge(scores_of(truth, singles(truth, 1), metric="faster", direction="higher"))
    np.testing.assert_array_equal(alone.true, truth.changes[1, :24].T)
    assert alone.agreement.spearman.value == pytest.approx(1)


def test_scores_that_do_not_belong_to_a_truth_are_refused(truth):
    good = scores_of(truth, singles(truth))
    for other, message in (
        (dataclasses.replace(good, metric="fid"), "predict fid, and the truth toy is of wave and faster"),
        (dataclasses.replace(good, direction="higher"), "say that higher is better for wave, but lower is"),
        (
            dataclasses.replace(good, removal="renormalised"),
            "of renormalised removal; the truth's is fixed-denominator",
        ),
        (dataclasses.replace(good, steps=9, horizon=9), "of a training of 9 steps; those of the truth toy have 8"),
        (dataclasses.replace(good, ids=("stranger", *good.ids[1:])), "1 of 24 scores are of no training example"),
        (good[:20], r"4 of 24 training examples of the truth toy have no score, e\.g\. 'x/020'"),
    ):
        with pytest.raises(UsageError, match=message):
            truth.judge(other)


def test_scores_of_a_short_horizon_are_judged_and_said_to_be_such(truth, caplog):
    with caplog.at_level(logging.WARNING):
        truth.judge(scores_of(truth, singles(truth), horizon=3))
    assert "look back over 3 of 8 steps, and the truth toy is of whole trainings" in caplog.text


@pytest.mark.parametrize(
    "changed",
    [
        {"removed": np.ones((32, 23), dtype=bool)},
        {"values": np.ones((2, 3))},
        {"changes": np.ones((2, 31, 2))},
        {"ids": ("x/000",) * 24},
        {"hashes": ()},
        {"metrics": {"wave": "lower", "faster": "better"}},
    ],
)
def test_a_truth_whose_parts_do_not_fit_is_none(truth, changed):
    with pytest.raises(ValueError, match=r"expected|of its own|lower or higher"):
        dataclasses.replace(truth, **changed)
