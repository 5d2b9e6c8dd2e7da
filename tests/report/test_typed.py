from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from gansift.errors import GansiftError
from gansift.report.typed import from_json, to_json


@dataclass(frozen=True)
class Inner:
    value: float
    ends: tuple[float | None, float | None] | None = None


@dataclass(frozen=True)
class Outer:
    name: str
    count: int
    sure: bool
    state: Literal["on", "off"]
    many: tuple[Inner, ...]
    one: Inner | None
    named: dict[str, Inner]
    rest: dict[str, Any] = field(default_factory=dict)


WHOLE = Outer(
    "a", 2, True, "on", (Inner(1.5), Inner(2, (None, 3.0))), None, {"b": Inner(0.0, (1.0, 2.0))}, {"c": [1, {"d": 2}]}
)


def test_what_was_written_is_read_back():
    text = json.dumps(to_json(WHOLE))
    assert from_json(Outer, json.loads(text)) == WHOLE
    assert json.dumps(to_json(from_json(Outer, json.loads(text)))) == text


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("name",), 3, "name should be text, not 3"),
        (("name",), None, "name should be text, not None"),
        (("count",), 2.5, "count should be a whole number, not 2.5"),
        (("count",), True, "count should be a whole number, not True"),
        (("sure",), 1, "sure should be true or false, not 1"),
        (("state",), "maybe", "state should be on or off, not 'maybe'"),
        (("many",), "ab", "many should be a list, not 'ab'"),
        (("many", 1, "value"), "x" * 99, r"many\[1\].value should be a number, not 'xxx.*…"),
        (("many", 1, "ends"), [1.0], r"many\[1\].ends should be a list of 2, not \[1.0\]"),
        (("many", 1, "ends", 1), {}, r"many\[1\].ends\[1\] should be a number"),
        (("one",), [], "one should be an object"),
        (("named", "b", "value"), False, "named.b.value should be a number, not False"),
        (("named",), [], "named should be an object"),
    ],
)
def test_the_field_that_does_not_fit_is_named(path, value, said):
    content = to_json(WHOLE)
    holder = content
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    with pytest.raises(GansiftError, match=said):
        from_json(Outer, content)


def test_a_missing_field_is_named_unless_it_has_a_default():
    content = to_json(WHOLE)
    del content["rest"], content["many"][0]["ends"]
    assert from_json(Outer, content).many[0] == Inner(1.5)
    del content["many"][0]["value"]
    with pytest.raises(GansiftError, match=r"many\[0\].value is missing"):
        from_json(Outer, content)
    with pytest.raises(GansiftError, match="the whole should be an object, not 7"):
        from_json(Outer, 7)


def test_names_of_a_later_version_are_passed_over():
    assert from_json(Outer, {**to_json(WHOLE), "newer": 1}) == WHOLE
