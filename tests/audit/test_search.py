import doctest

import numpy as np
import pytest
from made_up_ratings import knowledge, plainly, release, rows_of

from gansift.audit import search
from gansift.audit.scoreboard import Scoreboard
from gansift.audit.search import Search, least_phi, without_items


def test_examples_in_the_text_hold():
    assert doctest.testmod(search).attempted > 0
    assert doctest.testmod(search).failed == 0


def test_a_further_absent_person_exceeds_the_threshold_as_rarely_as_asked():
    rng = np.random.default_rng(0)
    for count, wanted, expected in ((200, 0.01, 2 / 201), (299, 0.05, 15 / 300), (20, 0.01, 1 / 21)):
        draws = rng.exponential(size=(4000, count + 1))
        exceeded = np.mean([draw[-1] > least_phi(draw[:-1], wanted) for draw in draws])
        assert exceeded == pytest.approx(expected, abs=4 * np.sqrt(expected / 4000))


def test_each_half_is_judged_by_the_threshold_of_the_other():
    absent = np.concatenate([np.full(150, 1.0), np.full(151, 2.0)])
    own = Search(np.ones(301, bool), np.full(301, 1.5), absent)
    assert own.phi_of_others(0.01).tolist() == [2.0] * 150 + [1.0] * 151
    rates = own.rates(own.phi_of_others(0.01))
    assert rates.identified.value == pytest.approx(151 / 301)
    assert rates.false_matches.value == pytest.approx(151 / 301)
    assert own.phi(0.01) == 2.0


def test_rates_are_counted_with_exact_intervals():
    own = Search(
        right=np.array([True, True, False, True, False]),
        ahead=np.array([3.0, 1.0, 4.0, 0.0, 0.5]),
        absent=np.array([0.0, 3.0, 1.0, 2.5, 0.1]),
    )
    rates = own.rates(2.0)
    assert [one.value for one in vars(rates).values()] == [2 / 5, 1 / 5, 1 / 5, 2 / 5]
    assert rates.identified.ci95 == pytest.approx((0.00505, 0.7164), abs=1e-4)  # Clopper and Pearson, from a table
    false, found = own.curve()
    assert (false[0], found[0], false[-1], found[-1]) == (0, 0, 1, 3 / 5)
    assert list(false) == sorted(false)


def test_a_search_is_one_of_everybody_in_the_release_and_out_of_it():
    ratings = release(5)
    people = np.array([4, 9, 1])
    known = [knowledge(seed) for seed in range(3)]
    found = Search.of(Scoreboard(ratings), people, known)
    for place, person in enumerate(people):
        user, ahead = plainly(rows_of(ratings), known[place])
        _, absent = plainly([row for row in rows_of(ratings) if row[0] != person], known[place])
        assert found.right[place] == (user == person)
        assert found.ahead[place] == pytest.approx(ahead)
        assert found.absent[place] == pytest.approx(absent)


def test_people_lost_without_an_item_are_counted_exactly():
    ratings = release(4, people=25, items=14, rows=150)
    people, known = np.arange(25), [knowledge(seed, items=14) for seed in range(25)]
    search = Search.of(Scoreboard(ratings), people, known)
    phi = np.linspace(0, 0.3, 25)
    effects = without_items(Scoreboard(ratings), people, known, search, phi, 14)
    for item in range(14):
        left = [row for row in rows_of(ratings) if row[1] != item]
        expected = np.zeros(3)
        for person in people.tolist():
            if item in known[person].item:
                leads = [plainly(rows, known[person]) for rows in (rows_of(ratings), left)]
                before, after = (ahead if user == person else 0.0 for user, ahead in leads)
                expected += 1, (before > phi[person]) - int(after > phi[person]), before - after
        np.testing.assert_allclose(effects[:, item], expected, atol=1e-9)
    assert (effects[1] != 0).any()
