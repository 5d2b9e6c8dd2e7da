import csv

import numpy as np
import pytest
from made_up_ratings import release, rows_of

from gansift.audit import Files, Subject, run_audit
from gansift.audit.knowledge import drawn_knowledge
from gansift.audit.scoreboard import Scoreboard
from gansift.audit.search import Search
from gansift.data.ratings import read_ratings
from gansift.errors import UsageError


def written(path, ratings):
    """The ratings as a CSV file; dates as Unix times."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("user_id", "Movie ID", "Rating", "timestamp"))
        for user, item, value, day in rows_of(ratings):
            table.writerow((user, item, value, round((day + 10_000) * 86_400)))
    return path


def sparse(seed, people=120, items=2000, each=25):
    """People who have hardly an item in common."""
    return release(seed, people=people, items=items, rows=people * each, missing=0)


def alike(seed, people=120):
    """People who all rated the same ten items, by chance."""
    ratings = release(seed, people=people, items=10, rows=people * 10, missing=0)
    ratings.user[:] = np.repeat(np.arange(people), 10)
    ratings.item[:] = np.tile(np.arange(10), people)
    ratings.day[:] = 50.0
    return ratings


def test_people_are_found_where_records_differ_and_not_where_they_are_alike(tmp_path):
    found = run_audit("linkage", Files((written(tmp_path / "a.csv", sparse(0)),)))
    assert found.finding is True
    assert found.numbers["identified"].value > 0.9
    assert found.numbers["false_matches"].value < 0.05
    hidden = run_audit("linkage", Files((written(tmp_path / "b.csv", alike(0)),)), value_error=100.0)
    assert hidden.finding is False
    assert hidden.numbers["identified"].value < 0.03
    assert hidden.numbers["first"].value < 0.05


def test_numbers_are_those_of_the_search(tmp_path):
    path = written(tmp_path / "a.csv", sparse(1, items=150))
    answer = run_audit("linkage", Files((path,), seed=3), targets=60, known=4, wrong=1)
    assert answer.shown[0].startswith("60 of 120 people were sought in 3,000 ratings")
    ratings, _ = read_ratings(path, {})
    rng = np.random.default_rng(3)
    people = rng.permutation(120)[:60]
    known = list(drawn_knowledge(ratings, people, 4, 1, 14.0, 0.0, rng))
    search = Search.of(Scoreboard(ratings), people, known)
    assert answer.numbers["phi"].value == search.phi(0.01)
    assert answer.numbers["identified_at_1.5"].value == np.mean(search.right & (search.ahead > 1.5))
    assert answer.numbers["false_matches_at_1.5"].value == np.mean(search.absent > 1.5)


def test_coarser_releases_and_items_are_told(tmp_path):
    answer = run_audit("linkage", Files((written(tmp_path / "a.csv", sparse(2, items=300)),)), rare=3, known=4, wrong=1)
    forms = {row[0]: row[1:] for row in answer.tables["Coarser releases"].rows}
    assert list(forms)[:3] == ["as it is", "items of fewer than 3 people dropped", "values rounded to 1"]
    assert float(forms["items of fewer than 3 people dropped"][0].split()[0]) < 100
    first = {name: float(row[1].split()[0]) for name, row in forms.items()}
    assert first["all of these dropped or left out"] < first["dates left out"] < first["as it is"]
    groups = answer.tables["The same by popularity"].rows
    assert sum(row[1] for row in groups) == 120 * 4


def test_what_cannot_be_sought_is_refused(tmp_path):
    path = written(tmp_path / "a.csv", sparse(3, people=15))
    assert run_audit("linkage", Files((path,))).finding is None
    with pytest.raises(UsageError, match="--wrong 3: of 3 known items at least one must be right"):
        run_audit("linkage", Files((path,)), known=3, wrong=3)
    with pytest.raises(UsageError, match="looks at one table, and 2 were given"):
        run_audit("linkage", Files((path, path)))
    with pytest.raises(UsageError, match="the audit linkage reads a table by itself"):
        run_audit("linkage", Subject("toy", {}))
    with pytest.raises(UsageError, match="the audit copies looks at a run or at examples"):
        run_audit("copies", Files((path,)))
