"""No cell is a formula to a spreadsheet, numbers stay numbers, and every text comes back as it was."""

from __future__ import annotations

import itertools

import pytest

from gansift.data.cells import cell, text_of

STARTS = ("", "=", "+", "-", "@", "\t", "\r", "\n", "'", "''", "'=", "'-", "''@", "a", " ", "1")


@pytest.mark.parametrize("text", [a + b for a, b in itertools.product(STARTS, ("", "1", "SUM(A1)", ".5e-3", "a.png"))])
def test_every_text_comes_back(text):
    assert text_of(cell(text)) == text


@pytest.mark.parametrize(
    "text", ["=1+1", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "--1", "-a"]
)
def test_what_a_spreadsheet_would_execute_is_a_text_to_it(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-1", "+2.5", "-.5", "-1e-05", "3", "-", "a=b", "a.png", "", "'tis"])
def test_numbers_and_ordinary_texts_are_written_as_they_are(text):
    assert cell(text) == text
