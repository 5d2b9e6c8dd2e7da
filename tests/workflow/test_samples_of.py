"""Samples that the page shows are of every class in turn, where they can be asked for."""

from __future__ import annotations

from gansift.data import Splits
from gansift.workflow.seed import _requested
from toys import acgan, examples, gan, labelled


def splits(part):
    return Splits("x", part, part, part)


def test_samples_on_the_page_are_in_the_order_of_the_classes():
    requested = _requested({"x": splits(labelled(examples(6)))}, acgan(), 64)
    assert requested.tolist() == [0] * 22 + [1] * 21 + [2] * 21


def test_a_game_or_data_that_know_no_classes_are_asked_for_none():
    assert _requested({"x": splits(labelled(examples(6)))}, gan(), 64) is None
    assert _requested({"x": splits(examples(6))}, acgan(), 64) is None
    assert _requested({name: splits(labelled(examples(6))) for name in "xy"}, acgan(), 64) is None
