"""Groups that a person has a name for."""

from __future__ import annotations

from gansift.data import Examples
from gansift.data.groups import groups_of


def test_classes_attributes_and_copies_are_groups():
    examples = Examples.of([[1.0], [2.0], [1.0], [3.0]], label=["a", "b", "b", "a"], sex=["f", "f", "m", "m"])
    assert groups_of(examples) == {
        "label a": [0, 3], "label b": [1, 2], "sex f": [0, 1], "sex m": [2, 3], "exact copies": [0, 2]
    }  # fmt: skip


def test_folders_are_groups_unless_they_are_the_classes():
    x = [[1.0], [2.0], [3.0]]
    paths = ["cats/a.png", "cats/b.png", "dogs/c.png"]
    assert groups_of(Examples.of(x, paths=paths)) == {"folder cats": [0, 1], "folder dogs": [2]}
    assert groups_of(Examples.of(x, label=["cat", "cat", "dog"], paths=paths)) == {
        "label cat": [0, 1], "label dog": [2]
    }  # fmt: skip
    assert groups_of(Examples.of(x, paths=["a.png", "b.png", "c.png"])) == {}


def test_numbers_and_attributes_of_very_many_values_are_no_groups():
    many = [str(row) for row in range(101)]
    examples = Examples.of([[float(row)] for row in range(101)], label=[0.5] * 101, name_tag=many)
    assert groups_of(examples) == {}
