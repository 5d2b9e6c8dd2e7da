"""One kind of retraining: what is removed is named before it is known, and every metric sees the same retraining."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gansift import cleansing, influence, training
from gansift.cleansing.retraining import Harmful, Ids, Random, ScoresOf, changes, mean_scores
from gansift.cleansing.trial import Cell, random_ids
from toys import MeanWave, examples, gan

ADAM = training.Adam(lr=0.05, eps=1e-2)
BY = ScoresOf("wave", "itd", 5, (0,))


class Doubled(MeanWave):
    """Another metric of the same players."""

    name = "doubled"

    def value(self, source):
        return 2 * super().value(source)


def _train(**arguments):
    settings = {"steps": 9, "batch_size": 4, "optimizers": ADAM, "ema": 0.8, "dtype": "float64"} | arguments
    return training.train(gan(r1=0.4), examples(), **settings)


@pytest.mark.parametrize("small", [0, 10**6])
@pytest.mark.parametrize("horizon", [5, 9])
def test_what_is_measured_is_real_retraining_without_harmful_random_and_given_examples(monkeypatch, small, horizon):
    monkeypatch.setattr("gansift.training.work.SMALL", small)
    run, metric = _train(), MeanWave()
    scores = influence.itd(run, metric, horizon=5)
    removals = [Harmful(BY, 1), Harmful(BY, 3), Random(Harmful(BY, 3), 5), Ids(("x/002", "x/007"))]
    removed = [removal.removed(run, lambda by: scores) for removal in removals]
    expected = [
        scores.harmful(1).ids,
        scores.harmful(3).ids,
        random_ids(run, Cell(5, 3), scores.harmful(3).ids),
        ("x/002", "x/007"),
    ]
    assert [one.ids for one in removed] == expected
    assert [one.predicted for one in removed] == [scores.harmful(1).sum(), scores.harmful(3).sum(), None, None]
    assert [removal.count for removal in removals] == [1, 3, 3, 2]
    found = changes(run, [one.ids for one in removed], horizon, [metric])
    for ids, (change,) in zip(expected, found, strict=True):
        after = metric.value(cleansing.retrain(run, ids, horizon=horizon))
        assert change == pytest.approx(after - metric.value(run), abs=1e-11)


def test_several_metrics_measure_the_same_retrainings_to_the_last_bit():
    run, removals = _train(), [("x/001",), ("x/004", "x/007", "x/000")]
    one, other = MeanWave(), Doubled()
    together = changes(run, removals, 6, [one, other], before=[0.0, 1.0])
    assert [[row[0]] for row in together] == changes(run, removals, 6, [one], before=[0.0])
    assert [[row[1]] for row in together] == changes(run, removals, 6, [other], before=[1.0])


def test_a_retraining_that_breaks_down_has_no_changes():
    run, seen = _train(), []
    run.step.x["data"][3] = float("nan")
    found = changes(run, [(), ()], 9, [MeanWave(), MeanWave()], before=[0.0, 0.0], done=seen.append)
    assert np.isnan(found).all()
    assert np.shape(found) == (2, 2)
    assert sum(seen) == 18


def test_only_scores_that_are_waited_for_are_needed():
    assert Harmful(BY, 2).needs == Random(Harmful(BY, 2), 5).needs == (BY,)
    assert Harmful(BY, 2, optional=True).needs == Ids(("a",)).needs == Random(Ids(("a",)), 5).needs == ()


def test_the_mean_over_seeds_has_its_standard_error_and_one_seed_is_left_as_it_is():
    run, metric = _train(), MeanWave()
    one = influence.itd(run, metric, horizon=5)
    other = replace(one, values=one.values[::-1].copy())
    mean = mean_scores([one, other])
    np.testing.assert_allclose(mean.values, (one.values + other.values) / 2, rtol=1e-12)
    np.testing.assert_allclose(mean.standard_error, abs(one.values - other.values) / 2, rtol=1e-12)
    assert mean_scores([one]) is one
    with pytest.raises(ValueError, match="different examples"):
        mean_scores([one, one[:5]])


def test_names_of_other_removals_differ():
    names = [
        Harmful(BY, 2), Harmful(BY, 3), Harmful(BY._replace(metric="other"), 2), Harmful(BY._replace(seeds=(0, 1)), 2),
        Harmful(BY._replace(horizon=4), 2), Harmful(BY._replace(among="0123"), 2), Random(Harmful(BY, 2), 5),
        Random(Harmful(BY._replace(metric="other"), 2), 5), Random(Harmful(BY, 2), 4), Ids(("a", "b")), Ids(("a, b",)),
    ]  # fmt: skip
    assert len({repr(name) for name in names}) == len(set(names)) == len(names)
