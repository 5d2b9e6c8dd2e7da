import numpy as np
import pytest

from gansift.data.table import MISSING, Field, Table, content_hashes


def test_categories_are_in_the_order_of_their_names_whatever_the_order_of_the_rows():
    first, second = Field.of_texts("a", ["9", "10", "9"]), Field.of_texts("a", ["10", "9", "9"])
    assert first.names == second.names == ("9", "10")
    assert (first.values.tolist(), second.values.tolist()) == ([0, 1, 0], [1, 0, 0])


def test_blank_texts_are_one_category_of_missing_cells():
    field = Field.of_texts("a", ["x", "", " ", MISSING])
    assert field.names == (MISSING, "x")
    assert field.missing.tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("values", "whole"), [([1, 2, np.nan], True), ([1, 2.5], False), ([np.inf, 1], False), ([np.nan], True)]
)
def test_whole_numbers_are_told_from_fractions(values, whole):
    assert Field("a", np.array(values)).whole == whole


def test_whole_numbers_become_categories_called_like_them():
    field = Field("a", np.array([10.0, -2.0, np.nan, 10.0, np.nan])).as_categories()
    assert [field.names[code] for code in field.values] == ["10", "-2", MISSING, "10", MISSING]


def test_the_hash_of_a_row_is_of_its_content_and_not_of_the_order_of_columns_or_rows():
    age, job = Field("age", np.array([1.0, 2.0, 1.0])), Field.of_texts("job", ["a", "b", "a"])
    hashes = content_hashes([age, job])
    assert hashes == content_hashes([job, age])
    assert hashes[0] == hashes[2] != hashes[1]
    other = Field("age", np.array([2.0, 1.0]))
    assert content_hashes([other, Field.of_texts("job", ["b", "a"])]) == (hashes[1], hashes[0])


@pytest.mark.parametrize(
    "rows",
    [
        ([1.0, 1.0], ["a", "b"]),
        ([1.0, 2.0], ["a", "a"]),
        ([1.0, np.nan], ["a", "a"]),
        ([0.1, 0.1 + 2e-17 + 1e-16], ["a", "a"]),
    ],
)
def test_rows_that_differ_in_one_cell_have_different_hashes(rows):
    numbers, texts = rows
    first, second = content_hashes([Field("n", np.array(numbers)), Field.of_texts("t", texts)])
    assert first != second


def test_no_text_can_pass_for_two():
    fields = [Field.of_texts("a", ["x", "x1:y"]), Field.of_texts("b", ["1:yz", "z"])]
    assert len(set(content_hashes(fields))) == 2


def test_minus_zero_is_zero():
    assert len(set(content_hashes([Field("a", np.array([0.0, -0.0]))]))) == 1


def test_hashes_do_not_depend_on_how_many_rows_are_hashed_at_a_time():
    values = np.arange(10_000.0)
    hashes = content_hashes([Field("a", values)])
    assert len(set(hashes)) == len(values)
    assert content_hashes([Field("a", values[5000:])]) == hashes[5000:]


def test_the_hash_is_the_same_for_ever():
    fields = [Field("age", np.array([37.0])), Field.of_texts("job", ["Sales"])]
    assert content_hashes(fields)[0][:12] == "3d27e2663985"


def test_a_table_is_as_long_as_its_columns():
    assert len(Table((Field("a", np.zeros(3)),))) == 3
    assert len(Table(())) == 0
