import numpy as np
import pytest
from made_up_ratings import release

from gansift.audit.coarsening import coarsenings, with_coarse_dates, with_rounded_values, without_rare


def test_items_are_dropped_by_how_many_different_people_rated_them():
    ratings = release(0, rows=90)
    left = without_rare(ratings, 5)
    people = {item: len(set(ratings.user[ratings.item == item].tolist())) for item in range(12)}
    assert set(left.item.tolist()) == {item for item, count in people.items() if count >= 5}
    kept = np.isin(ratings.item, np.unique(left.item))
    assert 0 < kept.sum() < len(ratings)
    for column in ("user", "item", "value", "day"):
        np.testing.assert_array_equal(getattr(left, column), getattr(ratings, column)[kept])


def test_values_and_dates_are_rounded():
    ratings = release(1, missing=0)
    ratings.value[:4], ratings.day[:3] = (0.5, 1.2, 1.8, 3.5), (0.0, 29.9, 30.0)
    assert with_rounded_values(ratings, 1.0).value[:4].tolist() == [0, 1, 2, 4]
    assert with_rounded_values(ratings, 0.5).value[:4].tolist() == pytest.approx([0.5, 1.0, 2.0, 3.5])
    assert with_coarse_dates(ratings, 30.0).day[:3].tolist() == [15, 15, 45]


def test_only_what_is_there_is_made_coarser():
    every = dict(coarsenings(release(2), 30, 1, 3))
    assert len(every) == 7
    assert every["values left out"].value is None
    assert every["dates left out"].day is None
    assert [name for name, _ in coarsenings(release(2, value=False, day=False), 30, 1, 3)] == [
        "items of fewer than 3 people dropped"
    ]
