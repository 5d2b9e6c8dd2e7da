import csv
import json

import numpy as np
import pytest
from PIL import Image

from gansift import data
from gansift.data import Encoding
from gansift.data.pixels import to_pixels
from gansift.data.table import Field
from gansift.errors import GansiftError
from gansift.report import Answer, Number
from gansift.report.card import Card
from gansift.report.release import Synthetic, write_release

COPIES = Answer(
    "copies", "No copies are shown.", False, {"close": Number(0.04, (0.02, 0.07), "share | of samples")},
    not_shown=("Parts are overlooked.",),
)  # fmt: skip
OWN = Answer("mine", "It is fine.", None, {})


def card(**changed):
    made = {
        "run": "pets", "game": "acgan", "training": {"pets.zip": 1200}, "removed": 0, "samples": 3,
        "classes": {"cat": 2, "dog": 1}, "answers": (COPIES, OWN),
        "unasked": {"membership": "Can it be told?", "usefulness": "Is it of use?"}, "version": "0.1",
    }  # fmt: skip
    return Card(**made | changed)


def test_images_are_written_as_they_are_shown_and_read_again_with_their_classes(tmp_path):
    x = np.random.default_rng(0).uniform(-1, 1, (12, 3, 8, 8)).astype(np.float32)
    labels = ["cat"] * 7 + ["=dog"] * 5
    write_release(tmp_path / "out", Synthetic(x, labels), card())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"README.md", "card.json", "images", "metadata.csv"}
    for number, image in enumerate(x, start=1):
        with Image.open(tmp_path / f"out/images/{number:02}.png") as read:
            np.testing.assert_array_equal(np.asarray(read), to_pixels(image))
    splits = data.load(tmp_path / "out")
    assert splits.train.class_names == ("=dog", "cat")
    named = {}
    for part in (splits.train, splits.valid, splits.test):
        named |= {id_.split("/")[-1]: part.class_names[label] for id_, label in zip(part.ids, part.labels, strict=True)}
    assert [named[name] for name in sorted(named)] == labels


def test_records_come_back_as_rows_of_the_table(tmp_path):
    table = [Field("age", np.array([20.0, 40.0, 41.0])), Field("pay", np.array([1.5, 2.25, 0.0])),
             Field.of_texts("job", ["cook", "nurse", "cook"])]  # fmt: skip
    encoding = Encoding.fit(table, label="income")
    x = encoding.encode(table).numpy()
    write_release(tmp_path / "out", Synthetic(x, ["low", "high", "low"], encoding), card())
    rows = list(csv.reader((tmp_path / "out/samples.csv").open()))
    assert rows[0] == ["age", "pay", "job", "income"]
    assert [(row[0], row[2], row[3]) for row in rows[1:]] == [
        ("20", "cook", "low"), ("40", "nurse", "high"), ("41", "cook", "low")
    ]  # fmt: skip
    assert [float(row[1]) for row in rows[1:]] == pytest.approx([1.5, 2.25, 0.0], abs=1e-6)


def test_points_have_numbered_columns_and_what_is_no_number_is_left_empty(tmp_path):
    x = np.array([[0.1, -2.0], [np.nan, np.inf]])
    write_release(tmp_path / "out", Synthetic(x), card(classes=None))
    assert (tmp_path / "out/samples.csv").read_text() == "x1,x2\n0.1,-2.0\n,\n"
    assert "class asked for" not in (tmp_path / "out/README.md").read_text()


def test_a_card_has_what_was_measured_and_what_was_not():
    text = card().to_markdown()
    assert "3 samples of the system acgan, trained on 1,200 examples of pets.zip." in text
    assert "| cat | 2 |" in text
    leakage, usefulness, other = (
        text.split(f"## {name}")[1].split("\n## ")[0] for name in ("Leakage", "Usefulness", "Other questions")
    )
    assert "No copies are shown." in leakage
    assert "| close | 0.04000 | 0.0200 to 0.0700 | share \\| of samples |" in leakage
    assert "**Not audited.** Can it be told? Ask by `gansift audit membership pets`" in leakage
    assert "**Not audited.** Is it of use?" in usefulness
    assert "It is fine." in other
    assert "- Parts are overlooked." in text
    assert "not differentially private" in text
    assert "other networks" not in text
    assert "other networks" in card(removed=9).to_markdown()
    assert list(card().lines("runs/pets"))[:2] == [
        "Leakage, copies: No copies are shown.",
        "Leakage, membership: not audited; ask by gansift audit membership runs/pets",
    ]


def test_a_card_is_there_for_programs(tmp_path):
    write_release(tmp_path / "out", Synthetic(np.zeros((1, 2))), card(removed=2))
    read = json.loads((tmp_path / "out/card.json").read_text())
    assert read["audits"] == [COPIES.to_json(), OWN.to_json()]
    assert read["not_audited"]["membership"] == "gansift audit membership pets"
    assert (read["trained_without"], read["audited_networks_made_these"]) == (2, False)


def test_nothing_is_left_of_a_release_that_cannot_be_written(tmp_path):
    with pytest.raises(GansiftError, match="cannot export to"):
        write_release(tmp_path / "no" / ("x" * 300), Synthetic(np.zeros((1, 2))), card())
    assert not list(tmp_path.rglob("*.csv"))
