"""Matches are those of the plain formula, on a release that is made anew for everybody who is taken out of it."""

import numpy as np
import pytest
from made_up_ratings import knowledge, plainly, release, rows_of

from gansift.audit.scoreboard import Knowledge, Scoreboard
from gansift.data.ratings import Ratings


@pytest.mark.parametrize(("value", "day"), [(True, True), (True, False), (False, True), (False, False)])
def test_matches_are_those_of_the_plain_formula(value, day):
    for seed in range(8):
        ratings, known = release(seed, value=value, day=day), knowledge(seed)
        user, eccentricity = plainly(rows_of(ratings), known)
        match = Scoreboard(ratings).match(known)
        assert match.eccentricity == pytest.approx(eccentricity, rel=1e-10, abs=1e-12)
        assert match.user == user or eccentricity == 0


def test_scales_are_those_that_are_given():
    ratings, known = release(3), knowledge(3)
    user, eccentricity = plainly(rows_of(ratings), known, 0.4, 7.0)
    match = Scoreboard(ratings, value_scale=0.4, day_scale=7.0).match(known)
    assert (match.user, match.eccentricity) == (user, pytest.approx(eccentricity, rel=1e-10))


def test_somebody_absent_is_sought_in_a_release_that_never_had_them():
    for seed in range(5):
        ratings, known = release(seed), knowledge(seed)
        for person in range(ratings.people):
            expected = plainly([row for row in rows_of(ratings) if row[0] != person], known)
            match = Scoreboard(ratings).match(known, absent=person)
            assert match.eccentricity == pytest.approx(expected[1], rel=1e-10, abs=1e-12)
            assert match.user == expected[0] or expected[1] == 0


def test_an_item_less_is_a_release_that_never_had_it():
    alone = 0
    for seed in range(10):
        ratings, known = release(seed, rows=30), knowledge(seed)
        for item, match in zip(known.item.tolist(), Scoreboard(ratings).without_each(known), strict=True):
            left = [row for row in rows_of(ratings) if row[1] != item]
            alone += len({row[0] for row in rows_of(ratings)}) - len({row[0] for row in left})
            user, eccentricity = plainly(left, known)
            assert match.eccentricity == pytest.approx(eccentricity, rel=1e-10, abs=1e-12)
            assert match.user == user or eccentricity == 0
    assert alone, "nobody rated one item alone, so the case is not tested"


def test_nobody_is_ahead_where_nothing_known_was_rated_or_two_fit_alike():
    twins = Ratings(np.array([0, 1, 2], np.int32), np.array([0, 0, 1], np.int32), None, None, 3, ("a", "b", "c"))
    known = Knowledge(np.array([0], np.int32), np.array([3.0]), np.array([9.0]))
    assert Scoreboard(twins).match(known).eccentricity == 0
    assert Scoreboard(twins).match(known._replace(item=np.array([2], np.int32))).eccentricity == 0
    assert Scoreboard(twins).match(known, absent=0) == (1, pytest.approx(2.0))  # scores 1 / log 2 and 0
    assert Scoreboard(twins).support.tolist() == [2, 1, 0]
