import numpy as np
import pytest

from gansift.data.csv_table import csv_columns
from gansift.data.ratings import read_ratings
from gansift.errors import DataError, UsageError

ROWS = """,movieId,title,userId,rating,timestamp
1,31,Dangerous Minds,7,2.5,1260759144
2,1029,Dumbo,7,3,1260759179
3,31,Dangerous Minds,12,,
"""


@pytest.fixture
def table(tmp_path):
    def write(text, name="ratings.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_the_usual_columns_are_found_and_no_others_are_read(table):
    ratings, columns = read_ratings(table(ROWS), {})
    assert columns == {"user": "userId", "item": "movieId", "value": "rating", "date": "timestamp"}
    assert (len(ratings), ratings.people) == (3, 2)
    assert ratings.user.tolist() == [0, 0, 1]
    assert [ratings.items[item] for item in ratings.item] == ["31", "1029", "31"]
    np.testing.assert_array_equal(ratings.value, [2.5, 3, np.nan])
    np.testing.assert_allclose(ratings.day, [1260759144 / 86400, 1260759179 / 86400, np.nan])
    assert csv_columns(table(ROWS))[:2] == ["column 1", "movieId"]


def test_columns_are_named(table):
    ratings, columns = read_ratings(table(ROWS), {"item": "title", "value": None})
    assert columns["item"] == "title"
    assert set(ratings.items) == {"Dangerous Minds", "Dumbo"}
    with pytest.raises(UsageError, match=r"--item titel: there is no such column \(did you mean title\?\); .* userId"):
        read_ratings(table(ROWS), {"item": "titel"})
    with pytest.raises(UsageError, match=r"column rating cannot be --value and --date at once"):
        read_ratings(table(ROWS), {"date": "rating"})
    with pytest.raises(UsageError, match=r"no column is called user or the like, so name it by --user; .* has a, item"):
        read_ratings(table("a,item\n1,2\n"), {})


def test_values_and_dates_may_be_missing(table):
    ratings, columns = read_ratings(table("person,item\nann,a\nbob,b\nann,b\n"), {})
    assert (ratings.value, ratings.day, ratings.people) == (None, None, 2)
    assert columns == {"user": "person", "item": "item"}


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        (["2005-09-06", "2005-09-07", "2005-09-07"], [13032, 13033, 13033]),
        (
            ["2005-09-06 12:00:00", "2005-09-06T06:00:00Z", "2005-09-06T06:00:00.250000000"],
            [13032.5, 13032.25, 13032.25],
        ),
        (["2005-09-06T02:00:00+02:00", "", "2005-09-06"], [13032, np.nan, 13032]),
        (["1125964800000", "1125964800000", ""], [13032, 13032, np.nan]),
    ],
)
def test_dates_are_days_since_1970(table, texts, days):
    rows = "".join(f"{user},1,5,{text}\n" for user, text in enumerate(texts))
    ratings, _ = read_ratings(table("user,item,stars,date\n" + rows), {})
    np.testing.assert_allclose(ratings.day, days, atol=1e-5)


def test_parquet_is_read_as_csv_is(table, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    import datetime

    columns = {
        "user": [7, 7, 12],
        "what": ["c", "b", "b"],
        "rating": [2.5, 3.0, None],
        "date": [datetime.datetime(2005, 9, 6, 12), datetime.datetime(2005, 9, 6), None],
        "other": [[1], [2], [3]],
    }
    path = tmp_path / "t.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    ratings, _ = read_ratings(path, {"item": "what"})
    assert ratings.user.tolist() == [0, 0, 1]
    assert [ratings.items[item] for item in ratings.item] == ["c", "b", "b"]
    np.testing.assert_array_equal(ratings.value, [2.5, 3.0, np.nan])
    np.testing.assert_array_equal(ratings.day, [13032.5, 13032, np.nan])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user,item\n1,2\n,3\n", r"column user holds nothing in row 2 below the header"),
        ("user,item\n1.5,2\n", r"column user holds numbers that are not whole"),
        ("user,item,value\n1,2,good\n", r"column value holds 'good' in line 2, but values must be numbers"),
        ("user,item,date\n1,2,06.09.2005\n", r"column date holds '06\.09\.2005'; write dates like 2005-09-06"),
        ("user,item,date\n1,2,20050906\n", r"the numbers of column date are no Unix times"),
    ],
)
def test_cells_that_say_nothing_are_named(table, text, message):
    with pytest.raises(DataError, match=message):
        read_ratings(table(text), {})


def test_what_is_no_table_is_refused(table, tmp_path):
    for path in (table("x", "notes.txt"), tmp_path / "gone.csv", tmp_path):
        with pytest.raises(UsageError, match="is no CSV or Parquet file"):
            read_ratings(path, {})
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(DataError, match=r"broken\.parquet cannot be read, or it is damaged"):
        read_ratings(broken, {})
