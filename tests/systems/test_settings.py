"""No value of a setting slips through that is not one."""

from __future__ import annotations

import pytest

from gansift.errors import UsageError
from gansift.systems import Range, Setting, checked


@pytest.mark.parametrize(
    ("setting", "value", "kept"),
    [
        (Setting("r1", float, 0.0), 1, 1.0),
        (Setting("r1", float, None, optional=True), None, None),
        (Setting("size", int, 1, range=Range(1, 2)), 2, 2),
        (Setting("kind", str, "a", choices=("a", "b")), "b", "b"),
        (Setting("twice", bool, False), True, True),
    ],
)
def test_a_value_that_fits_is_kept_in_the_settings_own_type(setting, value, kept):
    found = setting.check(value)
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        (Setting("r1_interval", int, 1), 1.0, "--r1-interval must be a whole number, not 1.0"),
        (Setting("size", int, 1), True, "--size must be a whole number"),
        (Setting("size", int, 1), None, "--size must be a whole number"),
        (Setting("twice", bool, False), 1, "--twice must be true or false"),
        (Setting("name", str, ""), 3, "--name must be a text"),
        (Setting("r1", float, 0.0), float("nan"), "--r1 must be a finite number"),
        (Setting("r1", float, 0.0, range=Range(0)), -1.0, "--r1 must be a finite number of at least 0, not -1"),
        (Setting("size", int, 1, range=Range(1, 2)), 3, "a whole number of at least 1 and of at most 2, not 3"),
        (
            Setting("lr", float, 0.1, range=Range(above=0, most=1e3)),
            0,
            "a finite number above 0 and of at most 1000, not",
        ),
        (Setting("ema", float, 0.1, range=Range(0, below=1)), 1, "of at least 0 and below 1, not 1.0"),
        (Setting("r1", float, 0.0), 10**400, "--r1 must be a finite number, not a number of 1329 bits"),
        (
            Setting("steps", int, 1, range=Range(1, 9)),
            10**4000,
            "of at least 1 and of at most 9, not a number of 13288",
        ),
        (Setting("steps", int, 1), "x" * 999, "--steps must be a whole number, not 'x{199}[.]{3}$"),
        (Setting("kind", str, "a", choices=("a", "b")), "c", "--kind must be one of a, b, not 'c'"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_flag(setting, value, message):
    with pytest.raises(UsageError, match=message):
        setting.check(value)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [(bool, "Yes", True), (bool, "false", False), (int, "3", 3), (float, "1e-3", 0.001), (str, "1", "1")],
)
def test_a_text_becomes_what_it_stands_for(kind, text, value):
    assert Setting("x", kind, value).parse(text) == value


@pytest.mark.parametrize(("kind", "text"), [(bool, "perhaps"), (int, "1.5"), (float, "many"), (float, "inf")])
def test_a_text_that_stands_for_nothing_is_refused_with_its_flag(kind, text):
    with pytest.raises(UsageError, match=f"--some-thing must be .*, not .*{text}"):
        Setting("some_thing", kind, None, optional=True).parse(text)


def test_an_unknown_setting_is_refused_with_the_nearest_one():
    known = [Setting("most", float, 1.0), Setting("hidden", int, 64)]
    assert checked(known, {"hidden": 3, "most": 1}, "dann") == {"hidden": 3, "most": 1.0}
    with pytest.raises(UsageError, match=r"dann has no setting 'mots' \(did you mean most\?\); it has most, hidden"):
        checked(known, {"mots": 1}, "dann")
