"""The table of kinds: what hurts, what helps, and what nothing is sure of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_report import summary

from gansift.report.sections import kinds
from gansift.report.shown import Shown
from gansift.report.summary import Kind

IDS = tuple(f"x/{row}" for row in range(6))
SHOWN = Shown.of(IDS, np.zeros(6), None, np.zeros((6, 1, 4, 4), dtype=np.float32))


@pytest.mark.parametrize(
    ("kind", "sort"),
    [
        (Kind("a", 3, -1.0, (-1.5, -0.5)), "hurt"),
        (Kind("b", 3, 1.0, (0.5, 1.5)), "help"),
        (Kind("c", 3, -1.0, (-2.5, 0.5)), "unsure"),
        (Kind("d", 3, -1.0, None), "unsure"),
        # What retraining gave counts before what was predicted.
        (Kind("e", 3, -1.0, (-1.5, -0.5), 0.5, (0.2, 0.8)), "help"),
        (Kind("f", 3, -1.0, (-1.5, -0.5), -0.1, (-0.8, 0.6)), "unsure"),
    ],
)
def test_a_kind_is_sorted_by_the_interval_of_what_is_known_best(kind, sort):
    assert kinds.sort_of(kind, "lower") == sort
    opposite = {"hurt": "help", "help": "hurt", "unsure": "unsure"}
    assert kinds.sort_of(kind, "higher") == opposite[sort]


def test_every_kind_is_in_one_table_with_its_pictures():
    known = replace(
        summary(),
        kinds=(
            Kind("blurred", 3, -1.0, (-1.5, -0.5), None, None, "remove", IDS[:2]),
            Kind("label 1", 2, 1.0, (0.5, 1.5), None, None, "collect more", IDS[2:4]),
            Kind("label 2", 2, 2.0, (0.5, 3.5), None, None, "collect more", IDS[4:]),
        ),
    )
    tables = kinds.content(known, SHOWN)["kinds"]
    names = [[row["name"] for row in rows] for _, rows, _ in tables]
    assert names == [["blurred"], ["label 2", "label 1"]]
    assert tables[0][1][0]["pictures"].count("<img") == 2


def test_of_what_is_told_in_words_a_few_are_enough():
    points = Shown.of(IDS, np.zeros(6), None, np.arange(12, dtype=np.float32).reshape(6, 2))
    known = replace(summary(), kinds=(Kind("far", 6, -1.0, (-1.5, -0.5), None, None, "remove", IDS),))
    ((_, ((row,)), _),) = kinds.content(known, points)["kinds"]
    assert "<img" not in row["pictures"]
    assert row["pictures"].count("; ") == 2


def test_without_kinds_there_is_no_section():
    assert kinds.content(summary(), SHOWN) is None
