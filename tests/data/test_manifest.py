import csv
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from picture_files import pixels, save, sha256

from gansift.data import DataSets, Examples, Splits, changes, labelled, load, read_manifest, write_manifest
from gansift.errors import GansiftError


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_every_example_has_one_row_with_its_split_and_class(tmp_path):
    for number in range(30):
        save(tmp_path / "pets" / ("cat" if number % 3 else 'dog, "big"') / f"é{number:02d}.png", pixels(number))
    splits = load(tmp_path / "pets")
    write_manifest(tmp_path / "run" / "manifest.csv", {"data": splits})
    header, *rows = read(tmp_path / "run" / "manifest.csv")
    assert header == ["id", "path", "sha256", "set", "split", "label"]
    assert len(rows) == 30
    assert [row[0] for row in rows] == [*splits.train.ids, *splits.valid.ids, *splits.test.ids]
    for identity, path, content_hash, name, part, label in rows:
        assert name == "data"
        assert identity in getattr(splits, part).ids
        assert sha256(Path(path)) == content_hash
        assert path.endswith(f"/{label}/" + identity.split("#")[0].split("/")[1])
        assert identity.endswith(f"#{content_hash[:12]}")
    assert b"\r" not in (tmp_path / "run" / "manifest.csv").read_bytes()


def test_built_ins_have_no_path_and_points_no_label(tmp_path):
    write_manifest(tmp_path / "manifest.csv", {"data": load("normal-2d")})
    rows = read(tmp_path / "manifest.csv")[1:]
    assert len(rows) == 3000
    assert {(row[1], row[5]) for row in rows} == {("", "")}


def test_labels_without_class_names_are_written_as_numbers(tmp_path):
    part = Examples(("a", "b"), torch.zeros(2, 1), labelled(torch.tensor([4, 2])), ("", ""), ("1", "2"))
    write_manifest(tmp_path / "manifest.csv", {"data": Splits("x", part, part.subset([]), part.subset([1]))})
    assert read(tmp_path / "manifest.csv")[1:] == [
        ["a", "", "1", "data", "train", "4"],
        ["b", "", "2", "data", "train", "2"],
        ["b", "", "2", "data", "test", "2"],
    ]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "manifest.csv").mkdir()
    with pytest.raises(GansiftError, match=r"cannot write .*/manifest\.csv"):
        write_manifest(tmp_path / "manifest.csv", {"data": load("normal-1d")})


def test_changes_are_those_of_contents_sets_splits_and_labels(faces, tmp_path):
    manifest, splits = tmp_path / "manifest.csv", load(faces)
    write_manifest(manifest, {"a": splits})
    assert changes(manifest, {"a": splits}) == []
    assert set(changes(manifest, {"b": splits})) == {*splits.train.ids, *splits.valid.ids, *splits.test.ids}
    fewer = Splits("faces", splits.train.subset(range(1, len(splits.train))), splits.valid, splits.test)
    assert changes(manifest, {"a": fewer}) == [splits.train.ids[0]]
    swapped = Splits("faces", splits.train, splits.test, splits.valid)
    assert set(changes(manifest, {"a": swapped})) == {*splits.valid.ids, *splits.test.ids}


def test_sets_follow_one_another_and_a_manifest_without_sets_is_of_one(faces, tmp_path):
    manifest, splits = tmp_path / "manifest.csv", load(faces)
    write_manifest(manifest, DataSets(b=splits, a=splits))
    assert [row["set"] for row in read_manifest(manifest)] == ["b"] * 40 + ["a"] * 40
    write_manifest(manifest, {"data": splits})
    with open(manifest, encoding="utf-8", newline="") as file:
        rows = [[field for place, field in enumerate(row) if place != 3] for row in csv.reader(file)]
    with open(manifest, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    assert "set" not in manifest.read_text().splitlines()[0]
    assert changes(manifest, {"data": splits}) == []


@pytest.mark.parametrize("content", ["", "id,path\n1,2\n", "id,path,sha256,set,split,label\na,b\n", '"'])
def test_a_damaged_manifest_is_refused(tmp_path, content):
    (tmp_path / "manifest.csv").write_text(content)
    with pytest.raises(GansiftError, match=r"the manifest .* (is damaged|has no column|is no CSV).*delete it"):
        read_manifest(tmp_path / "manifest.csv")


def test_a_manifest_is_written_and_compared_row_by_row_and_not_held_in_memory(tmp_path):
    count, manifest = 20_000, tmp_path / "manifest.csv"
    examples = Examples.of(np.arange(count)[:, None], name="table")
    sets = {"data": Splits("table", examples, examples.subset([]), examples.subset([]))}
    tracemalloc.start()
    try:
        write_manifest(manifest, sets)
        header, *rows = manifest.read_bytes().splitlines(keepends=True)
        manifest.write_bytes(b"".join([header, b"new,,0,data,train,\n", *rows]))
        del rows
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        assert changes(manifest, sets) == ["new"]
        write_manifest(manifest, sets)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 50 * count  # bytes; all rows as text take some 200, as dictionaries some 1,400
    assert changes(manifest, sets) == []
