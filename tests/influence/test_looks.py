"""Looks on disk."""

from __future__ import annotations

import numpy as np
import pytest

from gansift.errors import GansiftError
from gansift.influence import Looks, Window


def _looks():
    values = np.array([[0.1, -1e-17, 3.0], [np.pi, 2.0, -0.0]])
    windows = (Window(3, 60, 10, 123.456789), Window(3, 50, 7))
    words = ("fid-é@2000", "lower", 60, "renormalised", "run-1234")
    return Looks(
        ("a", "b/ü", "c"), values, windows, *words,
        left_out=("the window that ends at step 40: it overflowed",), redraws=3,
    )  # fmt: skip


def test_looks_come_back_from_disk_bit_for_bit(tmp_path):
    looks = _looks()
    looks.save(tmp_path / "looks.npz")
    again = Looks.read(tmp_path / "looks.npz")
    np.testing.assert_array_equal(again.values.view(np.int64), looks.values.view(np.int64))
    assert vars(again) | {"values": None} == vars(looks) | {"values": None}


def test_the_same_looks_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        _looks().save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("content", [b"", b"not a zip archive", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "looks.npz").write_bytes(content)
    with pytest.raises(GansiftError, match=r"looks\.npz is damaged"):
        Looks.read(tmp_path / "looks.npz")
    with pytest.raises(GansiftError, match=r"none\.npz does not exist"):
        Looks.read(tmp_path / "none.npz")


def test_values_and_windows_must_be_of_one_number():
    with pytest.raises(ValueError, match="1 windows and 2 ids"):
        Looks(("a", "b"), np.zeros((2, 2)), (Window(0, 1, 1),), "fid", "lower", 1, "renormalised")
