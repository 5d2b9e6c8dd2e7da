import csv
from pathlib import Path

import pytest
import torch
from picture_files import pixels, save, sha256

from gansift.data import Examples, Splits, labelled, load, write_manifest
from gansift.errors import GansiftError


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_every_example_has_one_row_with_its_split_and_class(tmp_path):
    for number in range(30):
        save(tmp_path / "pets" / ("cat" if number % 3 else 'dog, "big"') / f"é{number:02d}.png", pixels(number))
    splits = load(tmp_path / "pets")
    write_manifest(tmp_path / "run" / "manifest.csv", splits)
    header, *rows = read(tmp_path / "run" / "manifest.csv")
    assert header == ["id", "path", "sha256", "split", "label"]
    assert len(rows) == 30
    assert [row[0] for row in rows] == [*splits.train.ids, *splits.valid.ids, *splits.test.ids]
    for identity, path, content_hash, part, label in rows:
        assert identity in getattr(splits, part).ids
        assert sha256(Path(path)) == content_hash
        assert path.endswith(f"/{label}/" + identity.split("#")[0].split("/")[1])
        assert identity.endswith(f"#{content_hash[:12]}")
    assert b"\r" not in (tmp_path / "run" / "manifest.csv").read_bytes()


def test_built_ins_have_no_path_and_points_no_label(tmp_path):
    write_manifest(tmp_path / "manifest.csv", load("normal-2d"))
    rows = read(tmp_path / "manifest.csv")[1:]
    assert len(rows) == 3000
    assert {(row[1], row[4]) for row in rows} == {("", "")}


def test_labels_without_class_names_are_written_as_numbers(tmp_path):
    part = Examples(("a", "b"), torch.zeros(2, 1), labelled(torch.tensor([4, 2])), ("", ""), ("1", "2"))
    write_manifest(tmp_path / "manifest.csv", Splits("x", part, part.subset([]), part.subset([1])))
    assert read(tmp_path / "manifest.csv")[1:] == [
        ["a", "", "1", "train", "4"],
        ["b", "", "2", "train", "2"],
        ["b", "", "2", "test", "2"],
    ]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "manifest.csv").mkdir()
    with pytest.raises(GansiftError, match=r"cannot write .*/manifest\.csv"):
        write_manifest(tmp_path / "manifest.csv", load("normal-1d"))
