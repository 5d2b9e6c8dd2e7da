import pytest

from gansift.report import words

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (14.8213, "14.82"),
        (-0.0031, f"{MINUS}0.003100"),
        (0.0, "0"),
        (1234.0, "1234"),
        (1.5e-7, "1.500 \N{MULTIPLICATION SIGN} 10⁻⁷"),
        (-2e9, f"{MINUS}2.000 \N{MULTIPLICATION SIGN} 10⁹"),
        (None, "\N{EN DASH}"),
        (float("nan"), "\N{EN DASH}"),
        (float("inf"), "\N{EN DASH}"),
    ],
)
def test_numbers(value, shown):
    assert words.number(value) == shown


def test_only_positive_changes_get_a_plus():
    assert [words.signed(value) for value in (0.5, -0.5, 0.0, None)] == ["+0.500", f"{MINUS}0.500", "0", "\N{EN DASH}"]


def test_a_column_has_one_number_of_decimals():
    assert words.column([1.0, -0.123456, None, 0.0], 3, plus=True) == ["+1.00", f"{MINUS}0.12", "\N{EN DASH}", "+0.00"]
    assert words.column([123456.0, 1.0], 4) == ["123456", "1"]


def test_an_interval_without_both_ends_is_missing():
    assert words.interval([-2.14, -1.1]) == f"{MINUS}2.14 to {MINUS}1.10"
    assert words.interval([None, 1.0]) == words.interval(None) == words.interval([]) == "\N{EN DASH}"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(4.25, "4.2 s"), (59.6, "60 s"), (60, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations(seconds, shown):
    assert words.duration(seconds) == shown


@pytest.mark.parametrize(
    ("change", "ends", "direction", "word"),
    [
        (-1.0, (-2.0, -0.5), "lower", "better"),
        (-1.0, (-2.0, -0.5), "higher", "worse"),
        (1.0, (0.5, 2.0), "higher", "better"),
        (-1.0, (-2.0, 0.5), "lower", "could be chance"),
        (-1.0, None, "lower", ""),
        (0.0, None, "lower", "no change"),
        (None, (0.0, 1.0), "lower", ""),
    ],
)
def test_a_change_is_better_only_if_its_interval_leaves_out_zero(change, ends, direction, word):
    assert words.judged(change, ends, direction) == word


def test_a_correlation_reads_as_perfect_only_if_it_is():
    shown = [
        words.correlation(value) for value in (1.0, 0.99996, 0.9994, 0.996, 0.97, -0.2, -0.9996, None, float("nan"))
    ]
    assert shown[:5] == ["1.00", "1.0000", "0.999", "0.996", "0.97"]
    assert shown[5:] == [f"{MINUS}0.20", f"{MINUS}0.9996", "\N{EN DASH}", "\N{EN DASH}"]


def test_a_stretch_of_training_is_told_in_steps_and_epochs_where_known():
    assert [words.stretch(1320, 20.0), words.stretch(1, 1.0), words.stretch(8, None), words.stretch(8, 0.5)] == [
        "1,320 steps (20 epochs)", "1 step (1 epoch)", "8 steps", "8 steps (0.5 epochs)",
    ]  # fmt: skip


def test_a_sentence_gets_minus_signs_only_before_numbers():
    assert words.typeset("pre-2020 by -1.5 (95 % to -0.2)") == (
        f"pre-2020 by {MINUS}1.5 (95\N{NO-BREAK SPACE}% to {MINUS}0.2)"
    )
