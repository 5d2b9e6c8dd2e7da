import datetime
import decimal
import sys

import numpy as np
import pytest
import torch

from gansift.data import load
from gansift.data.parquet import read_parquet
from gansift.errors import DataError

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def write(path, columns, **options):
    parquet.write_table(pyarrow.table(columns), path, **options)
    return path


def cells(field):
    return field.values.tolist() if field.names is None else [field.names[code] for code in field.values]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.parquet"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3, 1, 2], [3.0, 1.0, 2.0]),
        (pyarrow.array([1.5, -2.0, 0.25], "float32"), [1.5, -2.0, 0.25]),
        ([decimal.Decimal("1.25"), decimal.Decimal("2.00"), decimal.Decimal("0.50")], [1.25, 2.0, 0.5]),
        (pyarrow.array([7, 8, 7]).dictionary_encode(), [7.0, 8.0, 7.0]),
        (["b", "a", "b"], ["b", "a", "b"]),
        (["1", "2", "10"], ["1", "2", "10"]),
        (["b", None, ""], ["b", "(missing)", "(missing)"]),
        (pyarrow.array(["b", None, "a"]).dictionary_encode(), ["b", "(missing)", "a"]),
        ([True, False, None], ["true", "false", "(missing)"]),
        ([datetime.date(2020, 1, 2)] * 3, ["2020-01-02"] * 3),
    ],
)
def test_the_kind_of_a_column_is_that_of_the_file(path, values, expected):
    assert cells(read_parquet(write(path, {"a": values}))["a"]) == expected


def test_null_and_nan_are_missing_numbers(path):
    table = read_parquet(write(path, {"a": [1.0, None, float("nan")], "b": [1, None, 3]}))
    assert table["a"].missing.tolist() == [False, True, True]
    assert np.array_equal(table["b"].values, [1, np.nan, 3], equal_nan=True)


def test_categories_are_those_of_all_parts_of_a_file(path):
    words = [f"w{row % 7}" for row in range(100)]
    assert cells(read_parquet(write(path, {"a": words}, row_group_size=9))["a"]) == words


def test_ignored_columns_are_not_read_whatever_they_hold(path):
    table = read_parquet(write(path, {"a": [1], "b": [[1, 2]]}), ignore=["b"])
    assert ([field.name for field in table.fields], table.ignored) == (["a"], ("b",))


def test_a_parquet_table_is_the_csv_table(path, tmp_path):
    draw = np.random.default_rng(0)
    age, job = draw.integers(17, 90, 90).tolist(), [f"job {k}" for k in draw.integers(0, 4, 90)]
    (tmp_path / "t.csv").write_text("age,job\n" + "".join(f"{a},{j}\n" for a, j in zip(age, job, strict=True)))
    ours, theirs = load(write(path, {"age": age, "job": job})), load(tmp_path / "t.csv")
    assert ours.encoding == theirs.encoding
    assert torch.equal(ours.test.x, theirs.test.x)
    assert ours.test.hashes == theirs.test.hashes


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [[1], [2]]}, r"column 'a' of .*t.parquet is list.*, neither numbers nor categories: --ignore it"),
        ({"a": [{"b": 1}]}, "column 'a' of .*t.parquet is struct"),
        ({"a": [b"x"]}, "column 'a' of .*t.parquet is binary"),
        ({"a": pyarrow.array([], "int64")}, "t.parquet has columns and no rows"),
    ],
)
def test_what_is_no_table_is_refused(path, columns, message):
    with pytest.raises(DataError, match=message):
        load(write(path, columns))


def test_columns_of_one_name_are_refused(path):
    parquet.write_table(pyarrow.Table.from_arrays([pyarrow.array([1]), pyarrow.array([2])], ["a", "a"]), path)
    with pytest.raises(DataError, match=r"t\.parquet has more than one column called 'a'; rename them"):
        read_parquet(path)


def test_a_damaged_file_is_named(path):
    write(path, {"a": list(range(1000))})
    content = path.read_bytes()
    path.write_bytes(content[:50] + b"\xff" * 200 + content[250:])
    with pytest.raises(DataError, match=r"t\.parquet cannot be read, or it is damaged"):
        read_parquet(path)
    path.write_bytes(b"junk")
    with pytest.raises(DataError, match=r"t\.parquet"):
        load(path)


def test_without_pyarrow_it_is_said_how_to_get_it(path, monkeypatch):
    write(path, {"a": [1]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"needs pyarrow .*; install it with pip install 'gansift\[table\]'"):
        load(path)
