"""A configuration is read back as it was written; one with a value that no flag takes is a damaged file."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict

import pytest

from configs import config
from gansift.errors import GansiftError, UsageError
from gansift.workflow.config import checksum, load, parse_counts, parse_estimator, parse_horizons
from gansift.workflow.request import read_toml

CONTENT = json.loads(json.dumps(asdict(config())))
ODD = [None, True, 1.5, -1, 10**30, 10**400, "", "x", [], [3], {}, {"a": []}, {"a": 1}]


def _loaded(path, content):
    path.write_text(json.dumps(content | {"checksum": checksum(content)}))
    return load(path)


def _kept(path, content, name):
    """The value that is read, or what is said instead."""
    try:
        return getattr(_loaded(path, content), name)
    except GansiftError as error:
        return str(error)


@pytest.mark.parametrize("name", CONTENT)
def test_a_value_is_kept_as_it_is_or_its_file_is_damaged(tmp_path, name):
    path = tmp_path / "config.json"
    assert _loaded(path, CONTENT) == config()
    for value in ODD:
        found = _kept(path, CONTENT | {name: value}, name)
        refused = isinstance(found, str) and "is damaged: " in found and "Delete it" in found
        assert refused or (found, type(found)) == (value, type(value)), (value, found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sources", []), ("sources", [3]), ("game", None), ("system", {"width": []}), ("files", {"a": 1}),
        ("steps", "3"), ("steps", 0), ("steps", 10**30), ("ema", 1.0), ("seeds", 1001), ("compiled", 1),
    ],
)  # fmt: skip
def test_what_no_flag_takes_is_not_taken_from_a_file(tmp_path, name, value):
    with pytest.raises(GansiftError, match=rf"config\.json is damaged: .*{name}"):
        _loaded(tmp_path / "config.json", CONTENT | {name: value})


def test_a_configuration_in_which_any_one_bit_is_another_is_never_taken_for_other_settings(tmp_path):
    path = tmp_path / "config.json"
    config().save(path)
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 3):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with suppress(GansiftError):
            assert load(path) == config(), bytes(changed)  # space between settings says nothing


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# é\n".encode("latin-1"), "is not in UTF-8: .* Save it in that encoding"),
        ("steps = 3\n".encode("utf-16"), "is not in UTF-8"),
        (b"a = " + b"[" * 5000, "is not TOML"),
        (b"steps = " + b"9" * 5000, "is not TOML"),
        (b"\0", "is not TOML"),
    ],
)
def test_a_file_of_settings_that_cannot_be_read_is_named_with_what_is_wrong(tmp_path, content, message):
    (tmp_path / "a.toml").write_bytes(content)
    with pytest.raises(UsageError, match=rf"the configuration .*a\.toml {message}"):
        read_toml(tmp_path / "a.toml")


def test_a_byte_order_mark_before_settings_is_none_of_them(tmp_path):
    (tmp_path / "a.toml").write_bytes("steps = 3\n".encode("utf-8-sig"))
    assert read_toml(tmp_path / "a.toml") == {"steps": 3}


def test_numbers_beyond_all_bounds_are_read_as_what_they_are():
    assert parse_horizons("1,1e308", epoch=10, steps=30) == [10]
    assert parse_horizons("1e308", epoch=10, steps=30) == [30]
    with pytest.raises(UsageError, match=r"--remove 1e308 is 1\.0e\+308 of 200 training examples"):
        parse_counts("1e308", 200)


@pytest.mark.parametrize("text", ["none", "itd,aid", "", "itd,"])
def test_one_estimator_is_wanted_where_one_scores(text):
    with pytest.raises(UsageError, match=r"give one estimator|there is no estimator ''"):
        parse_estimator(text)
