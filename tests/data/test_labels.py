import json

import pytest
from picture_files import pixels, save

from gansift.data import load, read_folder
from gansift.data.labels import number_labels
from gansift.errors import DataError, GansiftError


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(["a.png", "b.png", "sub/c.png"]):
        save(tmp_path / "folder" / name, pixels(number))
    return tmp_path / "folder"


def named(examples):
    return {
        identity.split("#")[0]: examples.class_names[label]
        for identity, label in zip(examples.ids, examples.labels.tolist(), strict=True)
    }


def test_classes_are_numbered_by_value_if_all_are_integers_else_bytewise():
    labels, names = number_labels(["10", "9", "-1", "9"])
    assert (labels.tolist(), names) == ([2, 1, 0, 1], ("-1", "9", "10"))
    labels, names = number_labels(["10", "9", "b", "B"])
    assert (labels.tolist(), names) == ([0, 1, 3, 2], ("10", "9", "B", "b"))


@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_a_csv_file_gives_the_labels(folder, tmp_path, start):
    file = tmp_path / "labels.csv"
    file.write_text(start + 'path,label\nsub/c.png,"red, dark"\r\n./a.png,blue\nb.png,blue\n\n', encoding="utf-8")
    examples, _ = read_folder(folder, labels=file)
    assert named(examples) == {"a.png": "blue", "b.png": "blue", "sub/c.png": "red, dark"}
    assert examples.class_names == ("blue", "red, dark")


def test_a_dataset_json_gives_the_labels(folder, tmp_path):
    file = tmp_path / "dataset.json"
    file.write_text(json.dumps({"labels": [["b.png", 10], ["a.png", 3], ["sub/c.png", 3]]}))
    examples, _ = read_folder(folder, labels=file)
    assert named(examples) == {"a.png": "3", "b.png": "10", "sub/c.png": "3"}
    assert examples.class_names == ("3", "10")


def test_a_label_file_beats_the_subfolders_and_may_lie_in_the_folder(tmp_path):
    save(tmp_path / "x" / "1.png", pixels(0))
    save(tmp_path / "y" / "2.png", pixels(1))
    assert named(read_folder(tmp_path)[0]) == {"x/1.png": "x", "y/2.png": "y"}
    (tmp_path / "labels.csv").write_text("path,label\nx/1.png,q\ny/2.png,p\n")
    assert named(read_folder(tmp_path, labels=tmp_path / "labels.csv")[0]) == {"x/1.png": "q", "y/2.png": "p"}


def test_a_file_that_does_not_fit_counts_and_names_both_ways(folder, tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text("path,label\na.png,1\n" + "".join(f"no{number}.png,1\n" for number in range(7)))
    with pytest.raises(DataError) as caught:
        load(folder, labels=file)
    message = str(caught.value)
    assert f"label file {file} does not fit the folder {folder}" in message
    assert "2 of 3 images have no label (b.png, sub/c.png)" in message
    listed = "no0.png, no1.png, no2.png, no3.png, no4.png and 2 more"
    assert f"7 of 8 listed paths are no image there ({listed})" in message
    assert "relative to the folder, with forward slashes" in message


def test_an_image_that_is_skipped_may_but_need_not_have_a_label(folder, tmp_path):
    (folder / "b.png").write_bytes(b"")
    for line in ("", "b.png,2\n"):
        (tmp_path / "labels.csv").write_text("path,label\na.png,1\nsub/c.png,2\n" + line)
        examples, skipped = read_folder(folder, labels=tmp_path / "labels.csv", skip_bad=True)
        assert named(examples) == {"a.png": "1", "sub/c.png": "2"}
        assert len(skipped) == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("l.csv", b"", "must begin with the header path,label, not ''"),
        ("l.csv", b"camera,iso\na.png,1\n", "must begin with the header path,label, not 'camera,iso'"),
        ("l.csv", b"file;iso\na.png;1\n", "must begin with the header path,label, not 'file,iso'"),
        ("l.csv", b"a.png,1\nb.png,2\n", "must begin with the header path,label, not 'a.png,1'"),
        ("l.csv", b"path,label\na.png,1\nb.png\n", "line 3: expected a path and a label, got 'b.png'"),
        ("l.csv", b"path,label\na.png,\n", "line 2: expected a path and a label, got 'a.png,'"),
        ("l.csv", b"path,label\na.png,1\na.png,2\n", "gives a.png two labels, '1' and '2'"),
        ("l.csv", b"path,label\na.png,\xff\n", "cannot be read as UTF-8 CSV"),
        ("l.csv", b'path,label\n"a.png,1\n', "cannot be read as UTF-8 CSV"),
        ("l.json", b'{"labels": null}', "must hold"),
        ("l.json", b"[1]", "entry 0: expected"),
        ("l.json", b"3", "must hold"),
        ("l.json", b'{"labels": [["a.png", 1], ["b.png", null]]}', "entry 1: expected"),
        ("l.json", b'{"labels": [["a.png", [0, 1]]]}', "entry 0: expected"),
        ("l.json", b'{"labels": [["a.png", true]]}', "entry 0: expected"),
        ("l.json", b'{"labels": [["a.png"]]}', "entry 0: expected"),
        ("l.json", b"{", "cannot be read as JSON"),
    ],
)
def test_a_file_of_another_form_is_named_with_what_is_wrong(folder, tmp_path, name, content, message):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(GansiftError) as caught:
        load(folder, labels=file)
    assert str(file) in str(caught.value)
    assert message in str(caught.value)


def test_a_missing_label_file_is_named(folder, tmp_path):
    with pytest.raises(DataError, match=rf"label file {tmp_path / 'none.csv'} does not exist"):
        load(folder, labels=tmp_path / "none.csv")


@pytest.mark.parametrize(
    "content",
    [
        "path;label\na.png;p\nb.png;q\nsub/c.png;p\n",  # as spreadsheets in Europe write it
        "path\tlabel\na.png\tp\nb.png\tq\nsub/c.png\tp\n",
        "path, label\na.png, p\nb.png, q\nsub/c.png, p\n",
        "File_Name,Label\na.png,p\nb.png,q\nsub/c.png,p\n",
        "filename,class\na.png,p\nb.png,q\nsub/c.png,p\n",
        "iso,Class Name,image path\n1,p,a.png\n2,q,b.png\n3,p,sub/c.png\n",
        "labels,image\np,a.png\nq,b.png\np,sub/c.png\n",
        "path,class,label\na.png,x,p\nb.png,x,q\nsub/c.png,x,p\n",  # the usual name goes before another
    ],
)
@pytest.mark.parametrize("beside", [False, True])
def test_separators_and_usual_names_are_understood_in_files_that_are_given_and_found(folder, content, beside):
    file = folder / ("metadata.csv" if beside else "mine.csv")
    file.write_text(content)
    examples, _ = read_folder(folder, labels=None if beside else file)
    assert named(examples) == {"a.png": "p", "b.png": "q", "sub/c.png": "p"}


def test_a_name_that_is_only_taken_for_what_is_meant_is_said(folder, caplog):
    (folder / "metadata.csv").write_text("file;class\na.png;p\nb.png;q\nsub/c.png;p\n")
    read_folder(folder)
    assert "the column file is taken for the image" in caplog.text
    assert "the column class is taken for the label" in caplog.text


@pytest.mark.parametrize("name", ["dataset.json", "mine.json"])
def test_a_bare_list_of_labels_is_understood(folder, name):
    (folder / name).write_text('[["a.png", 0], ["b.png", 2], ["sub/c.png", 0]]')
    examples, _ = read_folder(folder, labels=None if name == "dataset.json" else folder / name)
    assert named(examples) == {"a.png": "0", "b.png": "2", "sub/c.png": "0"}


@pytest.mark.parametrize(
    ("name", "content"),
    [("metadata.csv", "picture nr;class\n1;p\n2;q\n"), ("metadata.jsonl", '{"nr": 1, "label": "p"}\n')],
)
def test_a_file_of_labels_that_names_no_files_is_an_error_that_shows_its_first_line(folder, name, content):
    (folder / name).write_text(content)
    with pytest.raises(DataError) as caught:
        load(folder)
    assert name in str(caught.value)
    assert content.splitlines()[0].replace(";", ",")[:10] in str(caught.value)


def test_what_is_no_file_of_labels_or_has_none_is_said(folder, caplog):
    (folder / "metadata.csv").write_text("file_name,text\na.png,one\n")
    (folder / "metadata.jsonl").write_text('{"camera": "leica"}\n')
    (folder / "dataset.json").write_text('{"version": 3}')
    assert read_folder(folder)[0].labels is None
    assert "no column of labels, so there are no classes: its columns are file_name, text" in caplog.text
    assert "metadata.jsonl has no field of file names and is passed over" in caplog.text
    assert "dataset.json is not StyleGAN's list of labels and is passed over" in caplog.text


def test_lists_of_labels_in_objects_are_those_of_boxes_and_no_classes(folder):
    (folder / "metadata.jsonl").write_text('{"file_name": "a.png", "labels": [1, 2]}\n')
    assert read_folder(folder)[0].labels is None
