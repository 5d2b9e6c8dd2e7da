"""What benchmarks share: settings are read as flags are, and tables are printed and saved row by row."""

from __future__ import annotations

import json

import pytest
import torch
from built_in import settings
from command_line import Table, cell
from denoiser_formulas import Gram
from flipped import flipped
from smaller import smaller

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


def test_the_classes_that_stay_are_those_of_every_split_numbered_as_given():
    whole = data.load("digits")
    kept = smaller(whole, classes=["8", "3"], examples=50)
    assert len(kept.train) == 50
    for part, before in ((kept.train, whole.train), (kept.valid, whole.valid), (kept.test, whole.test)):
        assert part.class_names == ("8", "3")
        label = dict(zip(before.ids, before.labels.tolist(), strict=True))
        assert [label[one] for one in part.ids] == [(8, 3)[number] for number in part.labels.tolist()]
    assert set(kept.valid.ids) == {
        one for one, number in zip(whole.valid.ids, whole.valid.labels.tolist(), strict=True) if number in (3, 8)
    }


def test_a_class_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match="--classes 10: there is no such class; there are 0, 1, 2"):
        smaller(data.load("digits"), classes=["3", "10"])


def test_ridges_by_eigenvectors_are_those_by_the_inverse_of_the_kernel_of_parameters():
    random = torch.Generator().manual_seed(0)
    gradients, query = (torch.randn(n, 5, dtype=torch.float64, generator=random) for n in (7, 2))
    ridge = 0.3 * gradients.square().sum() / 7  # in multiples of the mean eigenvalue of G G^T
    inverse = torch.linalg.inv(gradients.T @ gradients + ridge * torch.eye(5, dtype=torch.float64))
    gram = Gram.of(gradients)
    torch.testing.assert_close(gram.solved(query @ gradients.T, 0.3), query @ inverse @ gradients.T)
    torch.testing.assert_close(gram.leverages(0.3), (gradients @ inverse * gradients).sum(1))
