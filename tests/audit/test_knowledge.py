import numpy as np
from made_up_ratings import release

from gansift.audit.knowledge import drawn_knowledge


def drawn(ratings, targets, known=4, wrong=1, days=3.0, error=0.5, seed=0):
    return list(drawn_knowledge(ratings, np.array(targets), known, wrong, days, error, np.random.default_rng(seed)))


def test_right_items_are_the_person_s_and_wrong_ones_are_not():
    ratings = release(0, rows=120, missing=0)
    people = [7, 2, 11]
    for person, known in zip(people, drawn(ratings, people), strict=True):
        rated = set(ratings.item[ratings.user == person].tolist())
        right, wrong = known.item[:-1].tolist(), known.item[-1]
        assert len(set(known.item.tolist())) == 4
        assert set(right) <= rated
        assert wrong not in rated
        for item, value, day in zip(right, known.value.tolist(), known.day.tolist(), strict=False):
            rows = (ratings.user == person) & (ratings.item == item)
            near = (abs(ratings.value[rows] - value) <= 0.5) & (abs(ratings.day[rows] - day) <= 3)
            assert near.any(), "value and date are of one rating"


def test_dates_and_values_are_off_evenly():
    ratings = release(1, people=2, items=1, rows=6000, missing=0)
    ratings.value[:], ratings.day[:] = 3.0, 50.0
    known = [one for seed in range(300) for one in drawn(ratings, [0, 1], 1, 0, 14.0, 1.0, seed)]
    for values, middle, within in (([one.day[0] for one in known], 50, 14), ([one.value[0] for one in known], 3, 1)):
        off = (np.array(values) - middle) / within
        assert abs(off).max() <= 1
        assert abs(off.mean()) < 0.08
        assert abs((off**2).mean() - 1 / 3) < 0.04


def test_what_is_not_known_or_not_there_is_left_open():
    ratings = release(2, rows=120, missing=0)
    assert all(
        np.isnan(known.day).all() and not np.isnan(known.value).any() for known in drawn(ratings, [3], days=None)
    )
    bare = drawn(release(2, value=False, day=False), [3])[0]
    assert np.isnan(bare.value).all()
    assert np.isnan(bare.day).all()


def test_who_rated_little_is_known_by_all_of_it_and_who_rated_everything_has_nothing_wrong():
    ratings = release(4, items=3, rows=400)
    known = drawn(ratings, [0], known=9, wrong=2)[0]
    assert sorted(known.item.tolist()) == [0, 1, 2]
