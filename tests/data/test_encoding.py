import json
import math

import numpy as np
import pytest
import torch

from gansift.data.encoding import Encoding
from gansift.data.table import MISSING, Field
from gansift.errors import DataError


def number(values, name="age"):
    return Field(name, np.array(values, dtype=np.float64))


def table(rows=40, seed=0):
    draw = np.random.default_rng(seed)
    jobs = [("cook", "nurse", "", "clerk")[k] for k in draw.integers(0, 4, rows)]
    return [number(draw.integers(17, 90, rows)), Field.of_texts("job", jobs), number(draw.normal(5e8, 0.25, rows), "t")]


def test_numbers_are_standardised_by_mean_and_standard_deviation():
    values = np.array([3.0, 7.5, -2.0, 11.0])
    x = Encoding.fit([number(values)]).encode([number(values)])
    assert x.dtype == torch.float32
    assert torch.allclose(x[:, 0].double(), torch.tensor((values - values.mean()) / values.std()), atol=1e-7)


@pytest.mark.parametrize("scale", [1e-200, 1e140])
def test_tiny_and_huge_numbers_are_standardised_too(scale):
    values = scale * np.array([1.0, 2.0, 3.0])
    x = Encoding.fit([number(values)]).encode([number(values)])
    assert torch.allclose(x[:, 0], torch.tensor([-1.5, 0.0, 1.5]) / math.sqrt(1.5))


def test_large_numbers_keep_their_differences():
    part = table()[2:]
    x = Encoding.fit(part).encode(part)
    assert float(x.std(correction=0)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("constant", [0.1, 7.0, 1e15])
def test_a_constant_column_becomes_zeros_and_comes_back(constant):
    encoding = Encoding.fit([number([constant] * 30)])
    x = encoding.encode([number([constant] * 30)])
    assert x.abs().max() == 0
    assert encoding.decode(x)[0] == {"age": constant}


def test_categories_are_one_hot_with_missing_cells_as_one_of_them():
    job = Field.of_texts("job", ["b", "", "a", "b"])
    encoding = Encoding.fit([job])
    assert encoding.features[0].names == (MISSING, "a", "b")
    assert encoding.encode([job]).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_the_fit_depends_on_the_rows_that_it_is_given_and_on_no_others():
    train = [number([1.0, 3.0]), Field.of_texts("job", ["a", "b"])]
    # The same table with other held-out rows, whose categories come before and after the known ones.
    everything = [number([1.0, 3.0, 1e6, -5.0]), Field.of_texts("job", ["a", "b", "0", "z"])]
    rows = [Field(part.name, part.values[:2], part.names) for part in everything]
    assert Encoding.fit(rows) == Encoding.fit(train)


def test_new_rows_are_encoded_by_the_names_of_columns_and_categories():
    train = [number([1.0, 3.0]), Field.of_texts("job", ["a", "b"])]
    encoding = Encoding.fit(train)
    new = [Field.of_texts("more", ["?"]), Field.of_texts("job", ["c", "b", "c"][:2]), number([5.0, 1.0])]
    assert encoding.encode(new).tolist() == [[3.0, 0.0, 0.0], [-1.0, 0.0, 1.0]]
    assert encoding.unknown(new) == {"job": {"c": 1}}
    assert encoding.unknown(train) == {}


def test_a_column_of_numbers_may_stand_for_categories_that_are_called_like_numbers():
    encoding = Encoding.fit([Field.of_texts("zip", ["1", "2", "x"])])
    assert encoding.encode([number([2.0, 1.0], "zip")]).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_records_come_back_exactly():
    fields = table()
    encoding = Encoding.fit(fields)
    rows = encoding.decode(encoding.encode(fields))
    for row, record in enumerate(rows):
        assert record["age"] == int(fields[0].values[row])
        assert type(record["age"]) is int
        assert record["job"] == fields[1].names[fields[1].values[row]]
        assert record["t"] == pytest.approx(fields[2].values[row], abs=1e-6)


def test_made_up_records_are_the_nearest_whole_numbers_and_the_likeliest_categories():
    encoding = Encoding.fit([number([1.0, 3.0]), Field.of_texts("job", ["a", "b"])])
    assert encoding.decode(torch.tensor([[0.2, 0.3, 0.1], [-1.4, -3.0, -1.0], [0.0, 0.0, 0.0]])) == [
        {"age": 2, "job": "a"},
        {"age": 1, "job": "b"},
        {"age": 2, "job": None},
    ]


def test_columns_of_records_are_the_columns_of_the_table():
    fields = table()
    encoding = Encoding.fit(fields)
    columns = encoding.record(encoding.encode(fields).numpy())
    assert list(columns) == ["age", "job", "t"]
    assert columns["age"] == fields[0].values.tolist()
    assert columns["job"] == [fields[1].names[code] for code in fields[1].values]


def test_a_record_is_described_in_words_that_can_be_printed():
    fields = [number([37.0, 20.0]), Field.of_texts("job", ["Sa\x1bles", ""]), number([0.25, 1 / 3], "rate")]
    encoding = Encoding.fit(fields)
    first, second = encoding.encode(fields)
    assert encoding.describe(first) == "age 37, job Sa\\x1bles, rate 0.25"
    assert encoding.describe(second) == "age 20, job (missing), rate 0.333333"
    first[1:3] = 0
    assert encoding.describe(first) == "age 37, job unknown, rate 0.25"


def test_slices_say_where_each_column_is():
    fields = table()
    encoding = Encoding.fit(fields)
    assert encoding.slices == {"age": slice(0, 1), "job": slice(1, 5), "t": slice(5, 6)}
    assert encoding.width == 6
    assert torch.equal(
        encoding.encode(fields)[:, encoding.slices["job"]], Encoding.fit(fields[1:2]).encode(fields[1:2])
    )


@pytest.mark.parametrize(("impute", "middle"), [("mean", 4.0), ("median", 2.0)])
def test_missing_numbers_are_refused_or_have_what_was_asked_for_in_their_place(impute, middle):
    train, new = [number([1.0, 2.0, 9.0, np.nan])], [number([np.nan, 9.0])]
    with pytest.raises(DataError, match="column 'age' has 1 missing numbers"):
        Encoding.fit(train).encode(new)
    encoding = Encoding.fit(train, impute=impute)
    assert torch.equal(encoding.encode(new), encoding.encode([number([middle, 9.0])]))
    assert encoding.features[0].mean == 4.0  # of those that are there


def test_columns_that_do_not_fit_are_named():
    encoding = Encoding.fit([number([1.0, 2.0])])
    with pytest.raises(DataError, match="there is no column 'age', which the training data have"):
        encoding.encode([number([1.0], "Age")])
    odd = Field("age", np.array([0, 1], dtype=np.int32), ("1", "x"), "'x' in line 3")
    with pytest.raises(DataError, match=r"column 'age' holds numbers in the training data.*\('x' in line 3\)"):
        encoding.encode([odd])
    with pytest.raises(DataError, match="column 'age' has no number in any training row"):
        Encoding.fit([number([np.nan, np.nan])], impute="mean")


def test_it_is_saved_as_json_and_read_again_to_the_last_bit(tmp_path):
    encoding = Encoding.fit(table(), impute="median", columns={"label": ("no", "yes"), "score": None}, label="income")
    path = tmp_path / "encoding.json"
    path.write_text(encoding.to_json(), encoding="utf-8")
    again = Encoding.read(path)
    assert again == encoding
    assert torch.equal(again.encode(table(9, 1)), encoding.encode(table(9, 1)))
    assert json.loads(encoding.to_json())["columns"] == {"label": ["no", "yes"], "score": None}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "other", "features": [], "columns": {}, "label": null}', "null",
             '{"format": "gansift encoding 1", "features": [{"name": "a"}], "columns": {}, "label": null}']
)  # fmt: skip
def test_another_file_is_refused_by_its_name(tmp_path, text):
    (tmp_path / "e.json").write_text(text)
    with pytest.raises(DataError, match=r"e\.json cannot be used: this is no encoding that gansift wrote"):
        Encoding.read(tmp_path / "e.json")
    with pytest.raises(DataError, match=r"gone\.json cannot be used"):
        Encoding.read(tmp_path / "gone.json")
