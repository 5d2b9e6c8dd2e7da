import csv
import io
import json
import os
import sys
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from gansift.data.columns import labelled
from gansift.data.examples import Examples
from gansift.errors import GansiftError
from gansift.influence import Scores
from gansift.report import export, write_lists

HASH = "0123456789ab"


def write_run(run_dir, rows, removed):
    """A run directory with a manifest of (id, path, split, label) and a list of removed ids."""
    run_dir.mkdir()
    with open(run_dir / "manifest.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("id", "path", "sha256", "split", "label"))
        table.writerows((identity, path, "0" * 64, split, label) for identity, path, split, label in rows)
    (run_dir / "removed.txt").write_text("".join(f"{identity}\n" for identity in removed), encoding="utf-8")
    return run_dir


@pytest.fixture
def folder_run(tmp_path):
    """A run on a folder: of three training examples one is removed; one example is for validation."""
    rows = []
    for relative, split in (("a/1.png", "train"), ("a/2.png", "train"), ("b,ü/1.png", "train"), ("a/3.png", "valid")):
        path = tmp_path / "source" / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(relative.encode())
        rows.append((f"{relative}#{HASH}", str(path), split, relative.split("/")[0]))
    return write_run(tmp_path / "run", rows, [f"a/2.png#{HASH}"])


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


KEPT = {"a/1.png": b"a/1.png", "b,ü/1.png": "b,ü/1.png".encode()}


@pytest.mark.parametrize("link", ["copy", "symlink", "hardlink"])
def test_the_folder_holds_the_kept_training_files_under_their_paths(tmp_path, folder_run, link):
    clean = tmp_path / "deep" / "clean"
    assert export("folder", folder_run, clean, link=link) == 2
    assert files(clean) == KEPT
    one, source = clean / "a/1.png", tmp_path / "source/a/1.png"
    assert one.is_symlink() == (link == "symlink")
    assert os.path.samefile(one, source) == (link != "copy")
    assert [path.name for path in clean.parent.iterdir()] == ["clean"]


def test_lists_hold_training_ids_in_the_order_of_the_manifest(tmp_path, folder_run):
    assert export("lists", folder_run, tmp_path / "lists") == 2
    lists = {name: text.decode() for name, text in files(tmp_path / "lists").items()}
    assert lists == {"kept.txt": f"a/1.png#{HASH}\nb,ü/1.png#{HASH}\n", "removed.txt": f"a/2.png#{HASH}\n"}


@pytest.mark.parametrize("format", ["lists", "folder"])
def test_an_empty_destination_is_filled_and_an_occupied_one_left_alone(tmp_path, folder_run, format):
    (tmp_path / "empty").mkdir()
    export(format, folder_run, tmp_path / "empty")
    before = files(tmp_path / "empty")
    with pytest.raises(GansiftError, match="not empty"):
        export(format, folder_run, tmp_path / "empty")
    assert files(tmp_path / "empty") == before
    with pytest.raises(GansiftError, match="not a folder"):
        export(format, folder_run, tmp_path / "source/a/1.png")
    assert (tmp_path / "source/a/1.png").read_bytes() == b"a/1.png"


def test_a_missing_source_file_is_named_and_nothing_is_left_behind(tmp_path, folder_run):
    (tmp_path / "source/b,ü/1.png").unlink()
    examples = made_examples((f"b,ü/1.png#{HASH}",), torch.zeros(1, 1, 2, 2))
    with pytest.raises(GansiftError, match=r"b,ü/1\.png"):
        export("folder", folder_run, tmp_path / "clean", examples=examples)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "source"]


def test_a_failed_copy_leaves_nothing_behind(tmp_path, folder_run, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copy2", full)
    with pytest.raises(GansiftError, match="No space left"):
        export("folder", folder_run, tmp_path / "clean")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "source"]


def test_ids_that_are_not_paths_fall_back_to_the_common_folder(tmp_path):
    rows = []
    for relative in ("x/1.png", "y/1.png"):
        path = tmp_path / "source" / relative
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
        rows.append((f"id of {relative[0]}", str(path), "train", ""))
    export("folder", write_run(tmp_path / "run", rows, []), tmp_path / "clean")
    assert set(files(tmp_path / "clean")) == {"x/1.png", "y/1.png"}


def made_examples(ids, x):
    return Examples(ids=ids, x=x, columns={}, paths=("",) * len(ids), hashes=ids)


def test_examples_that_never_were_files_become_images_of_their_pixels(tmp_path):
    ids = ("digits/0000", f"digits/1#{HASH}", "digits/0002")
    run = write_run(tmp_path / "run", [(i, "", "train", label) for i, label in zip(ids, "770", strict=True)], ids[2:])
    x = torch.linspace(-1, 1, 3 * 64).reshape(3, 1, 8, 8)
    export("folder", run, tmp_path / "clean", examples=made_examples(ids, x))
    assert set(files(tmp_path / "clean")) == {"7/0000.png", "7/1.png"}
    back = np.asarray(Image.open(tmp_path / "clean/7/1.png"))
    assert np.array_equal(back, np.rint((x[1, 0].numpy() + 1) * 127.5).astype(np.uint8))
    with pytest.raises(GansiftError, match="never was a file"):
        export("folder", run, tmp_path / "other")


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (("x/0.png", "y/0.jpg"), {"x/0.png", "y/0.png"}),  # of an archive
        (("one.parquet/0", "two.parquet/0"), {"one.parquet/0.png", "two.parquet/0.png"}),
    ],
)
def test_what_came_out_of_archives_and_tables_keeps_its_place(tmp_path, ids, expected):
    run = write_run(tmp_path / "run", [(f"{i}#{HASH}", "", "train", "") for i in ids], [])
    examples = made_examples(tuple(f"{i}#{HASH}" for i in ids), torch.zeros(2, 1, 2, 2))
    export("folder", run, tmp_path / "clean", examples=examples)
    assert set(files(tmp_path / "clean")) == expected


def test_points_cannot_become_a_folder(tmp_path):
    run = write_run(tmp_path / "run", [("p/0", "", "train", "")], [])
    with pytest.raises(GansiftError, match="points"):
        export("folder", run, tmp_path / "clean", examples=made_examples(("p/0",), torch.zeros(1, 2)))


def test_nothing_is_written_outside_the_destination_or_twice(tmp_path):
    pixels = torch.zeros(2, 1, 2, 2)
    up = write_run(tmp_path / "up", [("a", "", "train", "../..")], [])
    with pytest.raises(GansiftError, match="outside"):
        export("folder", up, tmp_path / "clean", examples=made_examples(("a", "b"), pixels))
    twice = write_run(tmp_path / "twice", [("a/1", "", "train", ""), (f"a/1#{HASH}", "", "train", "")], [])
    with pytest.raises(GansiftError, match="two kept"):
        export("folder", twice, tmp_path / "clean", examples=made_examples(("a/1", f"a/1#{HASH}"), pixels))


def test_an_unfinished_or_foreign_run_is_refused(tmp_path, folder_run):
    (folder_run / "removed.txt").write_text(f"a/3.png#{HASH}\n", encoding="utf-8")
    with pytest.raises(GansiftError, match=r"a/3\.png.*no training example"):
        export("lists", folder_run, tmp_path / "lists")
    (folder_run / "removed.txt").unlink()
    with pytest.raises(GansiftError, match="gansift cleanse"):
        export("lists", folder_run, tmp_path / "lists")
    with pytest.raises(GansiftError, match="run directory"):
        export("lists", tmp_path / "nowhere", tmp_path / "lists")
    (folder_run / "manifest.csv").write_text("id,path\n1,2\n", encoding="utf-8")
    with pytest.raises(GansiftError, match="split, label"):
        export("lists", folder_run, tmp_path / "lists")


@pytest.mark.parametrize(("format", "link"), [("tar", "copy"), ("folder", "move")])
def test_unknown_choices_are_answered_with_the_known_ones(tmp_path, folder_run, format, link):
    with pytest.raises(GansiftError, match="choose one of"):
        export(format, folder_run, tmp_path / "clean", link=link)


@pytest.mark.parametrize(("ids", "removed"), [(("a\nb",), ()), (("",), ()), (("a",), ("b",))])
def test_lists_that_could_not_be_read_back_are_refused(tmp_path, ids, removed):
    with pytest.raises(GansiftError):
        write_lists(tmp_path, ids, removed)
    assert list(tmp_path.iterdir()) == []


PIXEL_IDS = ("cat/0", f"dog/1#{HASH}", "cat/2", "dog/3")


@pytest.fixture
def pixel_run(tmp_path):
    """A run on four RGB images of two classes that never were files; the last is removed, another is for testing."""
    rows = [(identity, "", "train", identity.split("/")[0]) for identity in PIXEL_IDS]
    return write_run(tmp_path / "run", [*rows, ("cat/9", "", "test", "cat")], [PIXEL_IDS[3]])


def pixel_examples():
    levels = torch.arange(4 * 3 * 64).reshape(4, 3, 8, 8) % 256
    x = (levels / 127.5 - 1).float()
    return Examples(PIXEL_IDS, x, labelled(torch.tensor([0, 1, 0, 1]), ("cat", "dog")), ("",) * 4, PIXEL_IDS), levels


def made_scores(ids=PIXEL_IDS, direction="lower"):
    values = np.array([0.5, -0.25, 0.0, -1.5][: len(ids)])
    return Scores(ids, values, "fid-x@9", direction, "itd", 3, 9, "fixed-denominator")


def test_an_archive_is_laid_out_as_stylegan_reads_it_and_holds_the_very_pixels(tmp_path, pixel_run):
    examples, levels = pixel_examples()
    path = tmp_path / "clean.zip"
    assert export("zip", pixel_run, path, examples=examples) == 3
    with zipfile.ZipFile(path) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        labels = dict(json.loads(archive.read("dataset.json"))["labels"])
        assert labels == {f"00000/img0000000{k}.png": label for k, label in enumerate((0, 1, 0))}
        assert set(archive.namelist()) == {*labels, "dataset.json", "manifest.csv"}
        for row, name in enumerate(labels):
            image = np.asarray(Image.open(io.BytesIO(archive.read(name))))
            assert np.array_equal(image, np.moveaxis(levels[row].numpy(), 0, -1))
        table = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode())))
    assert [row["id"] for row in table] == list(PIXEL_IDS[:3])
    assert [row["label"] for row in table] == ["cat", "dog", "cat"]
    export("zip", pixel_run, tmp_path / "again.zip", examples=examples)
    assert (tmp_path / "again.zip").read_bytes() == path.read_bytes()


def test_an_archive_without_labels_says_so(tmp_path, pixel_run):
    examples = made_examples(PIXEL_IDS, torch.zeros(4, 1, 2, 2))
    export("zip", pixel_run, tmp_path / "clean.zip", examples=examples)
    with zipfile.ZipFile(tmp_path / "clean.zip") as archive:
        assert json.loads(archive.read("dataset.json")) == {"labels": None}


@pytest.mark.parametrize("examples", [None, made_examples(PIXEL_IDS[:2], torch.zeros(2, 1, 2, 2))])
def test_an_archive_needs_all_pixels(tmp_path, pixel_run, examples):
    with pytest.raises(GansiftError, match="needs the pixels"):
        export("zip", pixel_run, tmp_path / "clean.zip", examples=examples)
    with pytest.raises(GansiftError, match="points"):
        export("zip", pixel_run, tmp_path / "clean.zip", examples=made_examples(PIXEL_IDS, torch.zeros(4, 2)))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_image_folder_has_a_row_for_every_file(tmp_path, folder_run):
    ids = [f"{name}#{HASH}" for name in ("a/1.png", "a/2.png", "b,ü/1.png")]
    assert export("hf", folder_run, tmp_path / "hf", scores=made_scores(tuple(ids))) == 2
    found = files(tmp_path / "hf")
    rows = list(csv.DictReader(io.StringIO(found.pop("metadata.csv").decode())))
    assert found == KEPT
    assert rows == [
        {"file_name": "a/1.png", "label": "a", "score": "0.5"},
        {"file_name": "b,ü/1.png", "label": "b,ü", "score": "0.0"},
    ]


def test_an_image_called_like_the_table_is_refused(tmp_path):
    path = tmp_path / "source/metadata.csv"
    path.parent.mkdir()
    path.write_bytes(b"")
    run = write_run(tmp_path / "run", [("metadata.csv", str(path), "train", "")], [])
    with pytest.raises(GansiftError, match=r"metadata\.csv.*rename it"):
        export("hf", run, tmp_path / "hf", scores=made_scores(("metadata.csv",)))


@pytest.mark.parametrize(("direction", "ranks"), [("lower", [4, 2, 3, 1]), ("higher", [1, 3, 2, 4])])
def test_the_table_holds_every_example_and_scores_of_those_that_have_one(tmp_path, pixel_run, direction, ranks):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "scores.parquet"
    assert export("parquet", pixel_run, path, scores=made_scores(direction=direction)) == 3
    table = parquet.read_table(path)
    assert table.column_names == [
        "id", "path", "sha256", "index", "label", "score", "rank", "metric", "estimator", "split", "removed",
    ]  # fmt: skip
    columns = table.to_pydict()
    assert columns["id"] == [*PIXEL_IDS, "cat/9"]
    assert columns["score"] == [0.5, -0.25, 0.0, -1.5, None]
    assert columns["rank"] == [*ranks, None]
    assert columns["index"] == [0, 1, 2, 3, 0]
    assert columns["label"] == ["cat", "dog", "cat", "dog", "cat"]
    assert columns["split"] == ["train"] * 4 + ["test"]
    assert columns["removed"] == [False, False, False, True, False]
    assert set(columns["metric"]) == {"fid-x@9"}
    assert set(columns["estimator"]) == {"itd"}
    assert set(columns["sha256"]) == {"0" * 64}


def test_without_pyarrow_the_extra_is_named_and_nothing_is_written(tmp_path, pixel_run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(GansiftError, match=r"pip install 'gansift\[table\]'"):
        export("parquet", pixel_run, tmp_path / "scores.parquet", scores=made_scores())
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("format", ["hf", "parquet"])
def test_scores_that_are_missing_or_of_another_run_are_refused(tmp_path, pixel_run, format):
    with pytest.raises(GansiftError, match="gansift cleanse"):
        export(format, pixel_run, tmp_path / "out", examples=pixel_examples()[0])
    with pytest.raises(GansiftError, match="not those of the training examples"):
        export(format, pixel_run, tmp_path / "out", examples=pixel_examples()[0], scores=made_scores(PIXEL_IDS[:2]))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("format", ["zip", "parquet"])
def test_a_file_that_is_there_is_left_alone(tmp_path, pixel_run, format):
    path = tmp_path / "mine"
    path.write_bytes(b"mine")
    with pytest.raises(GansiftError, match="not overwritten"):
        export(format, pixel_run, path, examples=pixel_examples()[0], scores=made_scores())
    assert path.read_bytes() == b"mine"
    with pytest.raises(GansiftError, match="not overwritten"):
        export(format, pixel_run, tmp_path, examples=pixel_examples()[0], scores=made_scores())


@pytest.mark.parametrize("format", ["zip", "parquet"])
def test_a_file_that_cannot_be_finished_is_not_there(tmp_path, pixel_run, monkeypatch, format):
    pytest.importorskip("pyarrow.parquet")

    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zipfile.ZipFile.writestr", full)
    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(GansiftError, match="No space left"):
        export(format, pixel_run, tmp_path / "out", examples=pixel_examples()[0], scores=made_scores())
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
