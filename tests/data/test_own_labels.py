import json
import zipfile

import pytest
from picture_files import pixels, save

from gansift.data import load, read_folder
from gansift.data.archive import open_archive
from gansift.data.images import read_images
from gansift.errors import DataError


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(["x/a.png", "x/b.png", "y/c.png"]):
        save(tmp_path / "folder" / name, pixels(number))
    return tmp_path / "folder"


def named(source):
    examples, _ = read_folder(source) if source.is_dir() else read_images(open_archive(source))
    if examples.labels is None:
        return None
    return {
        identity.split("#")[0]: examples.class_names[label]
        for identity, label in zip(examples.ids, examples.labels.tolist(), strict=True)
    }


def in_a_zip(folder):
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return target


def both(folder):
    """What the folder gives, having seen that a zip of it gives the same."""
    found = named(folder)
    assert named(in_a_zip(folder)) == found
    return found


def test_dataset_json_at_the_root_gives_labels(folder):
    rows = [["x/a.png", 2], ["x/b.png", 0], ["y/c.png", 2]]
    (folder / "dataset.json").write_text(json.dumps({"labels": rows}))
    assert both(folder) == {"x/a.png": "2", "x/b.png": "0", "y/c.png": "2"}


def test_null_labels_are_none_and_its_folders_are_no_classes(folder):
    assert both(folder) == {"x/a.png": "x", "x/b.png": "x", "y/c.png": "y"}
    (folder / "dataset.json").write_text('{"labels": null}')
    assert both(folder) is None


def test_labels_that_are_given_go_before_those_that_are_found(folder, tmp_path):
    (folder / "dataset.json").write_text("{broken")
    (tmp_path / "mine.csv").write_text("path,label\nx/a.png,p\nx/b.png,q\ny/c.png,q\n")
    examples, _ = read_folder(folder, labels=tmp_path / "mine.csv")
    assert examples.class_names == ("p", "q")
    with pytest.raises(DataError, match=r"dataset\.json is damaged"):
        read_folder(folder)


def test_another_programs_dataset_json_and_metadata_are_passed_over(folder):
    (folder / "dataset.json").write_text('{"version": 3}')
    (folder / "metadata.csv").write_text("camera,iso\nleica,100\n")
    (folder / "metadata.jsonl").write_text('{"camera": "leica"}\n')
    assert both(folder) == {"x/a.png": "x", "x/b.png": "x", "y/c.png": "y"}


def test_metadata_csv_at_the_root_gives_labels(folder):
    (folder / "metadata.csv").write_text("score,file_name,label\n1,x/a.png,red\n2,x/b.png,blue\n3,y/c.png,red\n")
    assert both(folder) == {"x/a.png": "red", "x/b.png": "blue", "y/c.png": "red"}


def test_metadata_in_folders_speaks_of_those_folders(folder):
    (folder / "x" / "metadata.csv").write_text("file_name,label\na.png,1\nb.png,2\n")
    (folder / "y" / "metadata.jsonl").write_text('\ufeff{"file_name": "./c.png", "label": 1, "text": "c"}\n\n')
    assert both(folder) == {"x/a.png": "1", "x/b.png": "2", "y/c.png": "1"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.csv", "file_name,text\nx/a.png,one\n"),
        ("metadata.csv", "file_name,label\nx/a.png,\nx/b.png,\n"),
        ("metadata.jsonl", '{"file_name": "x/a.png", "label": null}\n'),
    ],
)
def test_metadata_without_labels_says_that_there_are_none(folder, name, content):
    (folder / name).write_text(content)
    assert both(folder) is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metadata.csv", "file_name,label\nx/a.png,1\n", "2 of 3 images have no label (x/b.png, y/c.png)"),
        ("metadata.csv", "file_name,label\nx/a.png,1\nx/b.png,\n", "line 3: 1 of 2 rows have no label"),
        ("metadata.csv", "file_name,label\nx/a.png\n", "line 2: 1 fields, but 2 columns"),
        ("metadata.csv", "file_name,label\n,1\n", "line 2: there is no file_name"),
        ("metadata.csv", "file_name,label\nx/a.png,1\nx/a.png,2\n", "gives x/a.png two labels"),
        ("metadata.jsonl", '{"file_name": "x/a.png", "label": [1]}', "line 1: a label is a number or a text"),
        ("metadata.jsonl", '{"file_name": "x/a.png", "label": 1}\n3', "line 2: expected an object"),
        ("metadata.jsonl", '{"file_name": "x/a.png", "label": 1}\n{"label": 1}', "line 2: there is no file_name"),
        ("metadata.jsonl", "{", "cannot be read as JSON"),
        ("dataset.json", '{"labels": [["gone\\u202e.png", 1]]}', r"1 of 1 listed paths are no image there (gone\u202e"),
        ("dataset.json", "[" * 100_000, "cannot be read as JSON"),
    ],
)
def test_what_does_not_fit_is_said_with_file_and_line(folder, name, content, message):
    (folder / name).write_text(content)
    with pytest.raises(DataError) as caught:
        load(folder)
    assert name in str(caught.value)
    assert message in str(caught.value)


def parts(source):
    examples, _ = read_folder(source) if source.is_dir() else read_images(open_archive(source))
    return dict(zip([identity.split("#")[0] for identity in examples.ids], examples.parts, strict=True))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.csv", "file_name,split\nx/a.png,train\nx/b.png,Test\ny/c.png,dev\n"),
        ("x/../metadata.jsonl", "".join(f'{{"file_name": "{n}.png", "split": "{s}"}}\n' for n, s in
                                       (("x/a", "training"), ("x/b", "test"), ("y/c", "validation")))),
    ],
)  # fmt: skip
def test_a_column_of_splits_gives_the_splits(folder, name, content):
    (folder / name).write_text(content)
    expected = {"x/a.png": "train", "x/b.png": "test", "y/c.png": "valid"}
    assert parts(folder) == parts(in_a_zip(folder)) == expected


def test_a_column_of_splits_goes_before_folders_and_beside_other_labels(folder, tmp_path):
    (folder / "x").rename(folder / "train")
    (folder / "y").rename(folder / "test")
    assert parts(folder) == {"train/a.png": "train", "train/b.png": "train", "test/c.png": "test"}
    (folder / "metadata.csv").write_text("file_name,split\ntrain/a.png,test\ntrain/b.png,train\ntest/c.png,train\n")
    expected = {"train/a.png": "test", "train/b.png": "train", "test/c.png": "train"}
    assert parts(folder) == expected
    (folder / "dataset.json").write_text('{"labels": [["train/a.png", 1], ["train/b.png", 0], ["test/c.png", 1]]}')
    assert parts(folder) == expected
    assert named(folder) == {"train/a.png": "1", "train/b.png": "0", "test/c.png": "1"}
    (tmp_path / "mine.csv").write_text("path,label\ntrain/a.png,p\ntrain/b.png,q\ntest/c.png,q\n")
    assert read_folder(folder, labels=tmp_path / "mine.csv")[0].parts == tuple(expected[n] for n in sorted(expected))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file_name,split\nx/a.png,train\nx/b.png,holdout\n", "line 3: a split is train, valid or test, not 'holdout'"),
        ("file_name,split\nx/a.png,train\nx/b.png,\n", "line 3: a split is train, valid or test, not ''"),
        ("file_name,split\nx/a.png,train\nx/a.png,test\n", "gives x/a.png two splits"),
        ("file_name,split\nx/a.png,train\n", "2 of 3 images have no split (x/b.png, y/c.png)"),
    ],
)
def test_splits_that_do_not_fit_are_said(folder, content, message):
    (folder / "metadata.csv").write_text(content)
    with pytest.raises(DataError) as caught:
        load(folder)
    assert message in str(caught.value)


def test_dataset_json_in_a_wrapping_folder_is_used(folder, tmp_path):
    rows = [["x/a.png", 3], ["x/b.png", 0], ["y/c.png", 3]]
    (folder / "dataset.json").write_text(json.dumps({"labels": rows}))
    (tmp_path / "outer").mkdir()
    (tmp_path / "outer" / "README.txt").write_text("about")
    folder.rename(tmp_path / "outer" / "inner")
    assert both(tmp_path / "outer") == {"inner/x/a.png": "3", "inner/x/b.png": "0", "inner/y/c.png": "3"}
