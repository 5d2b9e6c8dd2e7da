import json
import os
import sys

import numpy as np
import pytest
from picture_files import pixels, save, sha256

from gansift.data import load
from gansift.data.image_tables import open_tables
from gansift.data.images import read_images
from gansift.errors import DataError, UsageError

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

COUNT = 20


@pytest.fixture
def encoded(tmp_path):
    return [save(tmp_path / "png" / f"{number}.png", pixels(number)).read_bytes() for number in range(COUNT)]


def write(path, images, labels=None, names=None, structs=True, **options):
    columns = {"image": [{"bytes": content, "path": "x.png"} for content in images] if structs else images}
    if labels is not None:
        columns["label"] = labels
    table = pyarrow.table(columns)
    if names is not None:
        features = {"label": {"names": names, "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(exist_ok=True, parents=True)
    parquet.write_table(table, path, **options)
    return path


def read(path, **options):
    return read_images(open_tables(path.parent, [path.name]), **options)


@pytest.mark.parametrize("structs", [True, False])
def test_rows_become_examples_with_the_hash_of_their_files(encoded, tmp_path, structs):
    examples, skipped = read(write(tmp_path / "t.parquet", encoded, structs=structs))
    expected = [sha256(tmp_path / "png" / f"{number}.png") for number in range(COUNT)]
    assert examples.ids == tuple(f"t.parquet/{row:06d}#{name[:12]}" for row, name in enumerate(expected))
    assert examples.hashes == tuple(expected)
    back = ((examples.x + 1) * 127.5).round().numpy()
    assert np.array_equal(back[:, 0], np.stack([pixels(number) for number in range(COUNT)]))
    assert (examples.labels, skipped, set(examples.paths)) == (None, (), {""})


@pytest.mark.parametrize(
    ("labels", "names", "classes"),
    [
        ([0, 1] * 10, None, ("0", "1")),
        (["b", "a"] * 10, None, ("a", "b")),
        ([0, 1] * 10, ["dog", "cat"], ("cat", "dog")),
        (pyarrow.array(["b", "a"] * 10).dictionary_encode(), None, ("a", "b")),
    ],
)
def test_labels_are_integers_strings_or_names_of_classes(encoded, tmp_path, labels, names, classes):
    examples, _ = read(write(tmp_path / "t.parquet", encoded, labels, names))
    assert examples.class_names == classes
    first, second = (examples.class_names[label] for label in examples.labels.tolist()[:2])
    written = list(labels.to_pylist() if hasattr(labels, "to_pylist") else labels)[:2]
    assert [first, second] == [names[label] if names else str(label) for label in written]


def test_a_folder_of_tables_is_one_source_and_images_go_before_tables(encoded, tmp_path):
    write(tmp_path / "data" / "train-1.parquet", encoded[:12], ["a"] * 12)
    write(tmp_path / "data" / "sub" / "train-2.parquet", encoded[12:], ["b"] * 8)
    splits = load(tmp_path / "data")
    ids = {*splits.train.ids, *splits.valid.ids, *splits.test.ids}
    assert len(ids) == COUNT
    assert {identity.split("/0")[0] for identity in ids} == {"train-1.parquet", "sub/train-2.parquet"}
    assert splits.name == "data"
    save(tmp_path / "data" / "a.png", pixels(0))
    with pytest.raises(DataError, match="data has 1 images"):
        load(tmp_path / "data")


@pytest.mark.parametrize(("labels", "names"), [([None] * COUNT, None), ([-1] * COUNT, ["a", "b"])])
def test_labels_that_nobody_knows_are_none(encoded, tmp_path, labels, names):
    assert read(write(tmp_path / "t.parquet", encoded, labels, names))[0].labels is None


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        ([1] * 19 + [None], None, r"1 of 20 rows in .* have no label, the first of them t\.parquet/000019"),
        ([0] * 19 + [7], ["a", "b"], "has the label 7, but names 2 classes"),
        ([0.5] * 20, None, "`label` must be integers or strings"),
    ],
)
def test_labels_of_another_kind_are_refused(encoded, tmp_path, labels, names, message):
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / "t.parquet", encoded, labels, names))


def test_unusable_rows_are_named_and_skipped(encoded, tmp_path):
    images = [*encoded, b"", b"junk", None]
    path = write(tmp_path / "t.parquet", images)
    with pytest.raises(DataError, match=r"3 of 23 images in .*\n.*t\.parquet/000020 is empty"):
        load(path)
    examples, skipped = read(path, skip_bad=True)
    assert len(examples) == COUNT
    assert [name.rpartition("/")[2] for name, _ in skipped] == ["000020", "000021", "000022"]
    assert "a path alone is not followed" in skipped[2][1]


def test_a_damaged_file_or_part_of_one_is_passed_over_and_the_rest_is_kept(encoded, tmp_path):
    write(tmp_path / "data" / "a.parquet", encoded[:10])
    (tmp_path / "data" / "b.parquet").write_bytes(b"PAR1 junk")
    torn = write(tmp_path / "data" / "c.parquet", encoded[10:], row_group_size=5, compression="none")
    content = bytearray(torn.read_bytes())
    start = parquet.ParquetFile(torn).metadata.row_group(0).column(0).data_page_offset
    content[start : start + 20] = b"\xff" * 20
    torn.write_bytes(content)
    splits = load(tmp_path / "data", skip_bad=True)
    assert sum(map(len, (splits.train, splits.valid, splits.test))) == 10 + 5
    assert "is no Parquet file, or it is damaged" in splits.skipped[0][1]
    assert all("its part of the table is damaged" in reason for _, reason in splits.skipped[1:])
    assert len(splits.skipped) == 1 + 5


@pytest.mark.parametrize("columns", [{"image": ["a.png"]}, {"image": [{"path": "a.png"}]}])
def test_a_table_without_images_says_what_it_has(tmp_path, columns):
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=rf"has the columns {next(iter(columns))} .*it needs `image`"):
        load(tmp_path / "t.parquet")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_among_tables_is_named_and_not_waited_for(encoded, tmp_path):
    folder = write(tmp_path / "tables" / "a.parquet", encoded).parent
    os.mkfifo(folder / "b.parquet")
    splits = load(folder, skip_bad=True)
    assert splits.skipped == ((str(folder / "b.parquet"), "is a broken link or no regular file"),)
    assert len({*splits.train.ids, *splits.valid.ids, *splits.test.ids}) == len(encoded)


def test_without_pyarrow_the_extra_is_named(encoded, tmp_path, monkeypatch):
    path = write(tmp_path / "t.parquet", encoded)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"needs pyarrow .*pip install 'gansift\[table\]'"):
        load(path)


def test_a_label_file_does_not_go_with_a_table(encoded, tmp_path):
    with pytest.raises(UsageError, match="--labels goes with a folder or zip of images"):
        load(write(tmp_path / "t.parquet", encoded), labels="x.csv")


def test_a_column_of_splits_gives_the_splits(encoded, tmp_path):
    path, own = tmp_path / "t.parquet", ["train", "validation", "test", "Train"] * 5
    parquet.write_table(pyarrow.table({"image": encoded, "split": own}), path)
    examples, _ = read(path)
    assert examples.parts == ("train", "valid", "test", "train") * 5
    for column, message in ((["train"] * 19 + ["x"], "row 19: a split is train, valid or test, not x"),
                            (["train"] * 19 + [None], "1 of 20 rows in .* have no split")):  # fmt: skip
        parquet.write_table(pyarrow.table({"image": encoded, "split": column}), path)
        with pytest.raises(DataError, match=message):
            read(path)


def test_files_that_are_named_after_splits_hold_them(encoded, tmp_path):
    for part, images in (("train", encoded[:12]), ("validation", encoded[12:16]), ("test", encoded[16:])):
        write(tmp_path / "data" / f"{part}-00000-of-00001.parquet", images)
    splits = load(tmp_path / "data")
    for part, rows in (("train", range(12)), ("valid", range(12, 16)), ("test", range(16, 20))):
        assert {*getattr(splits, part).hashes} == {sha256(tmp_path / "png" / f"{row}.png") for row in rows}
    (tmp_path / "data" / "test-00000-of-00001.parquet").rename(tmp_path / "data" / "more.parquet")
    assert load(tmp_path / "data").notes == ()


@pytest.mark.parametrize("name", ["labels", "Label", "class", "category"])
def test_labels_under_another_usual_name_are_used_with_the_names_of_their_classes(encoded, tmp_path, name, caplog):
    table = pyarrow.table({"image": encoded, name: [0, 1] * 10, "boxes": [[1, 2]] * 20})
    features = {name: {"names": ["dog", "cat"], "_type": "ClassLabel"}}
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, tmp_path / "t.parquet")
    examples, _ = read(tmp_path / "t.parquet")
    assert examples.class_names == ("cat", "dog")
    assert ("is taken for the label" in caplog.text) == (name != "Label")


@pytest.mark.parametrize(
    "metadata",
    ["{", '{"info": {}}', '{"info": {"features": {"label": {"names": [1, 2]}}}}', '{"info": {"features": []}}'],
)
def test_damaged_names_of_classes_are_said(encoded, tmp_path, metadata, caplog):
    table = pyarrow.table({"image": encoded, "label": [0, 1] * 10}).replace_schema_metadata({"huggingface": metadata})
    parquet.write_table(table, tmp_path / "t.parquet")
    examples, _ = read(tmp_path / "t.parquet")
    assert examples.class_names == ("0", "1")
    assert "classes are called by their numbers" in caplog.text


def test_two_columns_of_one_name_are_refused(encoded, tmp_path):
    table = pyarrow.Table.from_arrays(
        [pyarrow.array(encoded)] + [pyarrow.array([0, 1] * 10)] * 2, ["image", "label", "label"]
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"t\.parquet .* more than one is called 'label'"):
        read(tmp_path / "t.parquet")
