"""What benchmarks share: settings are read as flags are, and tables are printed and saved row by row."""

from __future__ import annotations

import json

import pytest
from built_in import settings
from command_line import Table, cell
from flipped import flipped

from gansift import data
from gansift.cleansing import mean_interval
from gansift.errors import UsageError
from gansift.systems import Setting


def test_a_setting_is_read_as_its_flag_would_be():
    texts = ["horizons=1", "steps=20", "lr=1", "mirror=yes", "remove=2%,5%", "examples=7"]
    assert settings(texts, [Setting("examples", int, 0)]) == {
        "horizons": "1", "steps": 20, "lr": 1.0, "mirror": True, "remove": "2%,5%", "examples": 7,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "error"), [("horizon=1", "did you mean horizons"), ("steps=many", "--steps must be a whole number")]
)
def test_a_setting_that_does_not_exist_or_fit_is_refused(text, error):
    with pytest.raises(UsageError, match=error):
        settings([text])


def test_rows_are_printed_in_markdown_and_saved_whole_as_soon_as_they_are_there(tmp_path, capsys):
    out = tmp_path / "rows.json"
    table = Table({"way": "way", "Spearman": "value:.2f"}, out)
    table.add({"way": "itd", "value": 0.987, "seconds": 3})
    assert json.loads(out.read_text()) == [{"way": "itd", "value": 0.987, "seconds": 3}]
    table.add({"way": "longer than that", "value": None})
    assert capsys.readouterr().out.splitlines() == [
        "| way | Spearman |",
        "| --- | -------- |",
        "| itd | 0.99     |",
        "| longer than that |          |",
    ]
    assert table.rows == json.loads(out.read_text())


def test_an_interval_is_written_with_its_ends_if_it_has_any():
    assert cell(mean_interval([1.0, 1.0]), "+.1f") == "+1.0 [+1.0, +1.0]"
    assert cell(mean_interval([1.0]), "+.1f") == "+1.0"
    assert (cell(None, ".1f"), cell(True, ""), cell("itd", "")) == ("", "yes", "itd")


def test_a_share_of_the_training_labels_is_flipped_each_to_another_class_and_nothing_else():
    clean = data.load("digits")
    dirty, rows = flipped(clean, 0.05, 3)
    changed = (dirty.train.labels != clean.train.labels).nonzero().flatten().tolist()
    assert changed == sorted(rows.tolist())
    assert len(changed) == round(0.05 * len(clean.train))
    assert dirty.train.x is clean.train.x
    assert (dirty.valid, dirty.test) == (clean.valid, clean.test)
    assert flipped(clean, 0.05, 4)[1].tolist() != rows.tolist()
