import os

import pytest

from gansift.data.names import refusal, shown


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("a b.png", "a b.png"),
        ("ä/שלום/写真.png", "ä/שלום/写真.png"),
        ("a\nb\r.png", r"a\nb\r.png"),
        ("\x1b[31mred\x07.png", r"\x1b[31mred\x07.png"),
        ("photo\u202egnp.exe", r"photo\u202egnp.exe"),
        ("\u2066x\u2069\u200f\u2028", r"\u2066x\u2069\u200f\u2028"),
        (os.fsdecode(b"\xff.png"), "\ufffd.png"),
    ],
)
def test_letters_stay_and_what_steers_a_terminal_is_escaped(name, printed):
    assert shown(name) == printed
    assert shown(name).isprintable()


def test_names_that_fit_on_a_line_in_utf8_are_accepted_whatever_their_script():
    assert refusal("שלום \u202e.png") is None
    assert "line break" in refusal("a\u2028b.png")
    assert "not UTF-8" in refusal(os.fsdecode(b"\xff.png"))
