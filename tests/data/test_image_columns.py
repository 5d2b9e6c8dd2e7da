"""Columns of label files beside the label: what a person says of images, kept beside x where --group asks for it."""

import io
import json
import logging
import zipfile

import pytest
from picture_files import pixels, save
from PIL import Image

from gansift.data import groups_of, load
from gansift.data.survey import Roles, survey
from gansift.errors import DataError, UsageError

CAMERAS = ["canon", "nikon", ""]
NAMES = [f"{'ab'[number % 2]}/{number:02d}.png" for number in range(30)]
CAMERA = {name: CAMERAS[number % 3] for number, name in enumerate(NAMES)}


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(NAMES):
        save(tmp_path / "photos" / name, pixels(number))
    return tmp_path / "photos"


def write_csv(path, names=NAMES, header="file_name,camera"):
    path.write_text("\n".join([header, *(f"{name},{CAMERA[name]}" for name in names)]))
    return path


def cameras(splits):
    """The category of every image by its name, over all splits."""
    return {
        identity.split("#")[0]: part.columns["camera"].names[value]
        for part in (splits.train, splits.valid, splits.test)
        for identity, value in zip(part.ids, part.columns["camera"].values.tolist(), strict=True)
    }


WANTED = {name: camera or "?" for name, camera in CAMERA.items()}


def test_a_column_of_metadata_csv_is_kept_beside_the_images(folder):
    write_csv(folder / "metadata.csv")
    splits = load(folder, group=["camera"])
    assert cameras(splits) == WANTED
    assert splits.train.labels is None


def test_a_column_is_read_where_dataset_json_has_the_labels(folder):
    write_csv(folder / "metadata.csv")
    (folder / "dataset.json").write_text(json.dumps({"labels": [[name, 7] for name in NAMES]}))
    splits = load(folder, group=["camera"])
    assert cameras(splits) == WANTED
    assert splits.train.class_names == ("7",)


def test_objects_of_metadata_jsonl_are_read_like_rows(folder):
    lines = [json.dumps({"file_name": name, "camera": CAMERA[name] or None, "box": [1]}) for name in NAMES]
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    assert cameras(load(folder, group=["camera"])) == WANTED
    with pytest.raises(DataError, match=r"no label file .* its columns are camera"):
        load(folder, group=["box"])


def test_files_in_several_folders_say_it_together(folder):
    for part in "ab":
        names = [name for name in NAMES if name.startswith(part)]
        rows = [f"{name.removeprefix(part + '/')},{CAMERA[name]}" for name in names]
        (folder / part / "metadata.csv").write_text("\n".join(["file_name,camera", *rows]))
    assert cameras(load(folder, group=["camera"])) == WANTED


def test_an_archive_says_the_same(folder, tmp_path):
    write_csv(folder / "metadata.csv")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, path.relative_to(folder))
    assert cameras(load(tmp_path / "photos.zip", group=["camera"])) == WANTED


def test_the_label_file_that_is_given_goes_before_that_of_the_folder(folder, tmp_path):
    write_csv(folder / "metadata.csv", header="file_name,lens")
    rows = [f"{name},cat,{CAMERA[name]}" for name in NAMES]
    (tmp_path / "own.csv").write_text("\n".join(["path,label,camera", *rows]))
    splits = load(folder, labels=tmp_path / "own.csv", group=["camera"])
    assert cameras(splits) == WANTED
    assert splits.train.class_names == ("cat",)
    with pytest.raises(DataError, match="--group lens"):
        load(folder, labels=tmp_path / "own.csv", group=["lens"])


def test_a_column_of_a_parquet_file_is_read(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    encoded = []
    for number in range(len(NAMES)):
        file = io.BytesIO()
        Image.fromarray(pixels(number)).save(file, "PNG")
        encoded.append({"bytes": file.getvalue(), "path": None})
    columns = {"image": encoded, "label": [1] * len(NAMES), "camera": [CAMERA[name] or None for name in NAMES]}
    parquet.write_table(arrow.table(columns), tmp_path / "t.parquet")
    splits = load(tmp_path / "t.parquet", group=["camera"])
    assert cameras(splits) == {f"t.parquet/{row:06d}": WANTED[name] for row, name in enumerate(NAMES)}


def test_every_value_is_a_kind(folder):
    write_csv(folder / "metadata.csv")
    train = load(folder, group=["camera"]).train
    kinds = groups_of(train)
    for camera in ("canon", "nikon", "?"):
        named = [identity.split("#")[0] for identity in (train.ids[row] for row in kinds[f"camera {camera}"])]
        assert named == [name for name in (one.split("#")[0] for one in train.ids) if WANTED[name] == camera]


def test_an_image_that_the_file_does_not_list_is_named(folder):
    write_csv(folder / "metadata.csv", NAMES[1:])
    with pytest.raises(DataError, match=r"1 of 30 images have no camera \(a/00.png\)"):
        load(folder, group=["camera"])


def test_a_column_that_nobody_has_is_refused_with_those_there_are(folder):
    write_csv(folder / "metadata.csv")
    with pytest.raises(DataError, match=r"--group lens: .* its columns are camera"):
        load(folder, group=["lens"])


def test_a_folder_without_label_files_says_that_there_is_no_column(folder):
    with pytest.raises(DataError, match="there is none"):
        load(folder, group=["camera"])


def test_roles_that_only_tables_have_are_refused(folder):
    with pytest.raises(UsageError, match="images take --group alone"):
        load(folder, label="camera")


def test_a_column_in_which_every_image_differs_is_said_to_make_no_kinds(folder, caplog, monkeypatch):
    monkeypatch.setattr("gansift.data.images.MOST_KINDS", 2)
    write_csv(folder / "metadata.csv")
    with caplog.at_level(logging.WARNING):
        load(folder, group=["camera"])
    assert "the column camera has 3 values, too many" in caplog.text


def test_a_survey_counts_a_column_and_speaks_of_others(folder):
    write_csv(folder / "metadata.csv")
    found = survey(folder)
    assert any("the column camera: --group NAME" in sentence for sentence in found["next"])
    found = survey(folder, roles=Roles(group=("camera",)))
    assert found["groups"] == {"camera": {"canon": 10, "nikon": 10, "?": 10}}
    assert "--group camera" in found["command"]
    assert not any("--group NAME" in sentence for sentence in found["next"])


def test_which_column_is_taken_for_the_label_is_said_once(folder, tmp_path, caplog):
    rows = [f"{name},cat,{CAMERA[name]}" for name in NAMES]
    (tmp_path / "own.csv").write_text("\n".join(["path,class,camera", *rows]))
    with caplog.at_level(logging.WARNING):
        load(folder, labels=tmp_path / "own.csv", group=["camera"])
    assert sum("is taken for the label" in line for line in caplog.messages) == 1
