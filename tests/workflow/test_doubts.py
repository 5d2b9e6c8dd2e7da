"""Before examples go it is said where scores do not call them harmful, and where they are mostly of one class."""

from __future__ import annotations

import numpy as np
import torch

from gansift.data.columns import labelled
from gansift.data.examples import Examples
from gansift.influence.scores import Scores
from gansift.training.step import ids_of
from gansift.workflow.doubts import doubts

CATS = ("cat", "dog")


def _examples(count=40, cats=10, name="x"):
    labels = torch.tensor([0] * cats + [1] * (count - cats))
    ids = tuple(f"{name}/{row:03d}" for row in range(count))
    return Examples(ids, torch.zeros(count, 2), labelled(labels, CATS), ("",) * count, ids)


def _scores(ids, values, **other):
    known = {"metric": "fid", "direction": "lower", "estimator": "itd", "horizon": 5, "steps": 9, "removal": "x"}
    return Scores(tuple(ids), np.asarray(values, dtype=float), **known | other)


def test_nothing_is_said_of_harmful_examples_of_all_classes():
    part = _examples()
    removed = [part.ids[row] for row in (0, 1, *range(10, 18))]
    assert doubts({"data": part}, _scores(part.ids, [-1.0] * 40), removed, False) == []
    assert doubts({"data": part}, _scores(part.ids, [-1.0] * 40), [], False) == []


def test_examples_that_scores_call_harmless_are_counted_unless_scores_only_rank():
    part = _examples()
    values = [-1.0] * 6 + [0.0] * 2 + [0.5] + [-1.0] * 31
    removed = [*part.ids[5:9], *part.ids[20:26]]
    (told,) = doubts({"data": part}, _scores(part.ids, values), removed, False)
    assert told.startswith("3 of 10 removed examples have no harmful score")
    assert doubts({"data": part}, _scores(part.ids, values), removed, True) == []


def test_a_class_that_most_of_them_have_is_named_with_what_is_left_of_it():
    part = _examples()
    removed = [*part.ids[:8], *part.ids[20:24]]
    (told,) = doubts({"data": part}, _scores(part.ids, [-1.0] * 40), removed, False)
    assert told.startswith("8 of 12 removed examples are of class 'cat', which has 25% of all: 2 of it are left.")


def test_a_class_that_most_examples_have_anyway_and_few_removed_ones_are_not_named():
    part = _examples()
    scores = _scores(part.ids, [-1.0] * 40)
    assert doubts({"data": part}, scores, part.ids[20:32], False) == []  # dogs: three of four of all
    assert doubts({"data": part}, scores, part.ids[:5], False) == []


def test_each_of_several_data_sets_is_looked_at_by_itself():
    data = {"source": _examples(name="s"), "target": _examples(name="t")}
    ids = ids_of(data)
    removed = [*ids[:8], *ids[60:68]]  # cats of the one, dogs of the other
    (told,) = doubts(data, _scores(ids, [-1.0] * 80), removed, False)
    assert told.startswith("8 of 8 removed examples are of class 'cat'")
