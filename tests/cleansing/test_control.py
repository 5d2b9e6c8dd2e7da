"""Random controls come from the data sets that the removal comes from, and are today's draws where there is one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from gansift import influence, training
from gansift.cleansing.control import first_of_each, shares
from gansift.cleansing.retraining import Harmful, Random, ScoresOf
from gansift.cleansing.trial import Cell, random_ids
from gansift.cleansing.verify import random_removals
from gansift.games.draw import Draw
from toys import MeanWave, ThreePlayers, examples, gan

SGD = training.SGD(lr=0.02)


@pytest.fixture(scope="module")
def two_sets():
    data = {"simulated": examples(10, seed=1, name="s"), "real": examples(30, seed=2, name="r")}
    batch_size = {"simulated": 3, "real": 4}
    run = training.train(ThreePlayers(), data, steps=3, batch_size=batch_size, optimizers=SGD, dtype="float64")
    return run, influence.itd(run, MeanWave())


def _counts(ids):
    return Counter(identity.partition(":")[0] for identity in ids)


def test_the_control_has_as_many_examples_of_each_data_set_as_what_is_removed(two_sets):
    run, scores = two_sets
    counts = [4, 9, 20]
    planned = [Harmful(ScoresOf("wave", "itd", 3, (0,)), count) for count in counts]
    for harmful in planned:
        removed, control = (one.removed(run, lambda by: scores).ids for one in (harmful, Random(harmful, 3)))
        assert _counts(removed) == _counts(control)
        assert len(set(control)) == len(removed)
    one = [identity for identity in scores.ids if identity.startswith("simulated:")][:5]
    assert _counts(random_ids(run, Cell(3, 5), one)) == {"simulated": 5}


def test_the_control_of_one_data_set_is_the_first_of_one_permutation():
    run = training.train(gan(), examples(), steps=3, batch_size=4, optimizers=SGD, seed=5)
    order = Draw(5, "random removal", 2, 4).permutation(12)[:4]
    assert random_ids(run, Cell(2, 4), run.ids[:4]) == tuple(run.ids[row] for row in order.tolist())


def test_the_control_has_no_example_that_the_run_was_trained_without():
    weights = np.ones(12)
    weights[3:] = 0
    run = training.train(gan(), examples(), steps=3, batch_size=4, optimizers=SGD, weights=weights)
    assert set(random_ids(run, Cell(2, 3), run.ids[:3])) == set(run.ids[:3])


def test_removals_for_verification_have_the_shares_of_the_scored_data_sets(two_sets):
    run, scores = two_sets
    for ids in random_removals(run, scores.ids, 5, 8):
        assert _counts(ids) == {"simulated": 2, "real": 6}
    singles = [identity for ids in random_removals(run, scores.ids, 12, 1) for identity in ids]
    assert _counts(singles) == {"simulated": 3, "real": 9}
    assert len(set(singles)) == 12
    of_one = scores[[row for row, identity in enumerate(scores.ids) if identity.startswith("simulated:")]]
    assert all(_counts(ids) == {"simulated": 3} for ids in random_removals(run, of_one.ids, 5, 3))


def test_removals_for_verification_of_one_data_set_are_those_of_one_stream():
    run = training.train(gan(), examples(), steps=3, batch_size=4, optimizers=SGD)
    draw = Draw("verification", 5, 3)
    expected = [tuple(run.ids[row] for row in draw.permutation(12)[:3].tolist()) for _ in range(5)]
    assert random_removals(run, run.ids, 5, 3) == expected
    order = Draw("verification", 5, 1).permutation(12)[:5]
    assert random_removals(run, run.ids, 5, 1) == [(run.ids[row],) for row in order.tolist()]


@pytest.mark.parametrize("total", range(13))
def test_shares_are_whole_add_up_and_are_within_one_of_the_proportion(total):
    sizes = {"a": 5, "b": 1, "c": 7}
    parts = shares(total, sizes)
    assert sum(parts.values()) == total
    for name, size in sizes.items():
        assert abs(parts[name] - total * size / 13) < 1
        assert parts[name] <= size


def test_the_first_of_each_data_set_are_taken_in_their_order():
    sets = dict(zip("abcdef", ["x", "y", "x", "x", "y", "z"], strict=True))
    assert first_of_each("fedcba", sets, {"x": 2, "y": 1}) == ("e", "d", "c")
