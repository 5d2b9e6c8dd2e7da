import csv
import hashlib
import io
import json
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gansift import data
from gansift.data import DataSets, Examples, Splits, write_manifest
from gansift.data.columns import labelled
from gansift.data.csv_table import read_csv
from gansift.data.held_out import label_names
from gansift.data.labels import number_labels
from gansift.errors import GansiftError
from gansift.influence import Scores
from gansift.report import export, write_lists
from gansift.report.rows import write_rows

PARTS = ("train", "valid", "test")


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def made(ids, x, labels=None, paths=None, hashes=None):
    """Examples of one split; labels are names."""
    columns = {} if labels is None else labelled(*number_labels(list(labels)))
    return Examples(ids, x, columns, paths or ("",) * len(ids), hashes or tuple(sha256(i.encode()) for i in ids))


def made_run(run_dir, sets, removed):
    """A run directory with the manifest of these data and a list of removed ids."""
    write_manifest(run_dir / "manifest.csv", sets)
    (run_dir / "removed.txt").write_text("".join(f"{identity}\n" for identity in removed), encoding="utf-8")
    return run_dir


def pictures(folder, names, start=0, channels=()):
    """Files of other random pixels each."""
    for number, name in enumerate(names, start):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, *channels), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return folder


@pytest.fixture
def source(tmp_path):
    """Forty images in two folders, one of them with an odd name."""
    return pictures(tmp_path / "source", [f"{('a', 'b,ü')[number % 2]}/{number:02d}.png" for number in range(40)])


@pytest.fixture
def loaded(source):
    return DataSets(data=data.load(source))


@pytest.fixture
def folder_run(tmp_path, loaded):
    """A run on the folder; its third and fifth training example are removed."""
    ids = loaded.only.train.ids
    return made_run(tmp_path / "run", loaded, [ids[2], ids[4]])


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def expected_files(loaded, removed):
    """What a folder has to hold: path below it -> content."""
    return {
        f"{part}/{identity.partition('#')[0]}": Path(path).read_bytes()
        for part, examples in parts_of(loaded.only).items()
        for identity, path in zip(examples.ids, examples.paths, strict=True)
        if identity not in removed
    }


def parts_of(splits):
    return {part: getattr(splits, part) for part in PARTS}


def contents(splits, removed=()):
    """Pixels and class of every example of each split, in no order."""
    return {
        part: sorted(
            (image.numpy().tobytes(), label)
            for identity, image, label in zip(examples.ids, examples.x, label_names(examples), strict=True)
            if identity not in removed
        )
        for part, examples in parts_of(splits).items()
    }


@pytest.mark.parametrize("link", ["copy", "symlink", "hardlink"])
def test_the_folder_holds_the_kept_and_the_held_out_files_under_their_paths(tmp_path, source, loaded, folder_run, link):
    removed = (folder_run / "removed.txt").read_text().splitlines()
    clean = tmp_path / "deep" / "clean"
    assert export("folder", folder_run, clean, link=link, sets=loaded) == len(loaded.only.train) - 2
    assert files(clean) == expected_files(loaded, removed)
    one = next(iter((clean / "train" / "a").iterdir()))
    assert one.is_symlink() == (link == "symlink")
    assert os.path.samefile(one, source / "a" / one.name) == (link != "copy")
    assert [path.name for path in clean.parent.iterdir()] == ["clean"]


def test_lists_hold_training_ids_in_the_order_of_the_manifest(tmp_path, loaded, folder_run):
    ids = loaded.only.train.ids
    assert export("lists", folder_run, tmp_path / "lists") == len(ids) - 2
    lists = {name: text.decode().splitlines() for name, text in files(tmp_path / "lists").items()}
    assert lists == {"kept.txt": [*ids[:2], ids[3], *ids[5:]], "removed.txt": [ids[2], ids[4]]}


@pytest.mark.parametrize("format", ["lists", "folder"])
def test_an_empty_destination_is_filled_and_an_occupied_one_left_alone(tmp_path, source, loaded, folder_run, format):
    (tmp_path / "empty").mkdir()
    export(format, folder_run, tmp_path / "empty", sets=loaded)
    before = files(tmp_path / "empty")
    with pytest.raises(GansiftError, match="not empty"):
        export(format, folder_run, tmp_path / "empty", sets=loaded)
    assert files(tmp_path / "empty") == before
    one = source / "a/00.png"
    content = one.read_bytes()
    with pytest.raises(GansiftError, match="not a folder"):
        export(format, folder_run, one, sets=loaded)
    assert one.read_bytes() == content


def lies_in(loaded, part):
    """The path of an example of a split, which is not removed."""
    return next(iter(getattr(loaded.only, part).paths))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("how", ["gone", "overwritten"])
def test_an_image_that_is_gone_or_overwritten_is_named_and_nothing_is_left_behind(
    tmp_path, source, loaded, folder_run, part, how
):
    path = lies_in(loaded, part)
    if how == "gone":
        os.unlink(path)
    else:
        Image.fromarray(np.full((8, 8), 255, np.uint8)).save(path)
    for sets in (DataSets(data=data.load(source)), loaded):  # before the data are read, and between that and the copy
        with pytest.raises(GansiftError, match=os.path.basename(path)):
            export("folder", folder_run, tmp_path / "clean", sets=sets)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "source"]


def test_a_removed_image_may_be_gone_and_others_may_have_come(tmp_path, source, loaded, folder_run):
    removed = (folder_run / "removed.txt").read_text().splitlines()
    (source / removed[0].partition("#")[0]).unlink()
    pictures(source, ["a/new.png"], start=100)
    expected = expected_files(loaded, removed)
    export("folder", folder_run, tmp_path / "clean", sets=DataSets(data=data.load(source)))
    assert files(tmp_path / "clean") == expected


def test_a_path_in_the_manifest_is_never_followed(tmp_path, source, loaded, folder_run):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    manifest = folder_run / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(lies_in(loaded, "train"), str(secret)))
    export("folder", folder_run, tmp_path / "clean", sets=loaded)
    assert b"secret" not in files(tmp_path / "clean").values()
    manifest.write_text(f"{manifest.read_text()}secret.png#0,{secret},{sha256(b'secret')},data,train,a\n")
    with pytest.raises(GansiftError, match=r"'secret\.png#0' is not in the data"):
        export("folder", folder_run, tmp_path / "again", sets=loaded)
    assert not (tmp_path / "again").exists()


def test_a_failed_copy_leaves_nothing_behind(tmp_path, loaded, folder_run, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copystat", full)
    with pytest.raises(GansiftError, match="No space left"):
        export("folder", folder_run, tmp_path / "clean", sets=loaded)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "source"]


def test_ids_that_are_not_paths_fall_back_to_the_common_folder(tmp_path):
    source = pictures(tmp_path / "source", ["x/1.png", "y/1.png"])
    paths = tuple(str(source / name) for name in ("x/1.png", "y/1.png"))
    hashes = tuple(sha256(Path(path).read_bytes()) for path in paths)
    train = made(("id of x", "id of y"), torch.zeros(2, 1, 8, 8), paths=paths, hashes=hashes)
    sets = {"data": Splits("x", train, train.subset([]), train.subset([]))}
    export("folder", made_run(tmp_path / "run", sets, []), tmp_path / "clean", sets=sets)
    assert set(files(tmp_path / "clean")) == {"train/x/1.png", "train/y/1.png", "train/metadata.csv"}


HASH = "0123456789ab"


def only_train(train):
    return {"data": Splits("some", train, train.subset([]), train.subset([]))}


def test_examples_that_never_were_files_become_images_of_their_pixels(tmp_path):
    ids = ("digits/0000", f"digits/1#{HASH}", "digits/0002")
    x = torch.linspace(-1, 1, 3 * 64).reshape(3, 1, 8, 8)
    sets = only_train(made(ids, x, ["7", "3", "0"]))
    export("folder", made_run(tmp_path / "run", sets, ids[2:]), tmp_path / "clean", sets=sets)
    assert set(files(tmp_path / "clean")) == {"train/7/0000.png", "train/3/1.png"}
    back = np.asarray(Image.open(tmp_path / "clean/train/3/1.png"))
    assert np.array_equal(back, np.rint((x[1, 0].numpy() + 1) * 127.5).astype(np.uint8))
    with pytest.raises(GansiftError, match="not in the data"):
        export("folder", tmp_path / "run", tmp_path / "other")


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (("x/0.png", "y/0.jpg"), {"x/0.png", "y/0.png"}),  # of an archive
        (("x/0.png.held-out", "y/0.jpg"), {"x/0.png", "y/0.png"}),  # of one that was exported
        (("one.parquet/0", "two.parquet/0"), {"one.parquet/0.png", "two.parquet/0.png"}),
    ],
)
def test_what_came_out_of_archives_and_tables_keeps_its_place(tmp_path, ids, expected):
    sets = only_train(made(tuple(f"{i}#{HASH}" for i in ids), torch.zeros(2, 1, 2, 2)))
    export("folder", made_run(tmp_path / "run", sets, []), tmp_path / "clean", sets=sets)
    assert set(files(tmp_path / "clean")) == {f"train/{name}" for name in expected} | {"train/metadata.csv"}
    assert (tmp_path / "clean/train/metadata.csv").read_text().splitlines()[0] == "file_name"


def test_points_become_no_images(tmp_path):
    sets = only_train(made(("p/0",), torch.zeros(1, 2)))
    run = made_run(tmp_path / "run", sets, [])
    for format in ("folder", "zip"):
        with pytest.raises(GansiftError, match=r"points.*use npz"):
            export(format, run, tmp_path / "clean", sets=sets)


def test_nothing_is_written_outside_the_destination_or_twice(tmp_path):
    up = only_train(made(("a", "b"), torch.zeros(2, 1, 2, 2), ["../..", "../.."]))
    with pytest.raises(GansiftError, match="outside"):
        export("folder", made_run(tmp_path / "up", up, []), tmp_path / "clean", sets=up)
    twice = only_train(made(("a/1", f"a/1#{HASH}"), torch.zeros(2, 1, 2, 2)))
    with pytest.raises(GansiftError, match="two kept"):
        export("folder", made_run(tmp_path / "twice", twice, []), tmp_path / "clean", sets=twice)


LABELLED = ("by folder", "by a table", "by numbers with gaps", "none", "names with slashes")


def labelled_folder(tmp_path, how):
    """A folder of forty images, and the label file that goes with it."""
    names = [f"{('x', 'y', 'z')[number % 3]}/{number:02d}.png" for number in range(40)]
    source, table = pictures(tmp_path / "labelled", names), tmp_path / "labels.csv"
    label = {
        "by folder": None,
        "by a table": lambda number: ("one", "two")[number % 2],
        "by numbers with gaps": lambda number: (0, 1, 3)[number % 3],
        "none": None,
        "names with slashes": lambda number: ("a/b", "../c")[number % 2],
    }[how]
    if how == "none":
        (source / "dataset.json").write_text('{"labels": null}')
    if label is None:
        return source, None
    table.write_text("path,label\n" + "".join(f"{name},{label(number)}\n" for number, name in enumerate(names)))
    return source, table


@pytest.mark.parametrize("format", ["folder", "hf", "zip", "npz"])
@pytest.mark.parametrize("how", LABELLED)
def test_what_is_exported_trains_again_on_the_kept_examples_with_the_same_ones_held_out(tmp_path, format, how):
    source, table = labelled_folder(tmp_path, how)
    splits = data.load(source, labels=table, seed=5)
    sets, removed = DataSets(data=splits), splits.train.ids[::4]
    run = made_run(tmp_path / "run", sets, removed)
    clean = tmp_path / {"zip": "clean.zip", "npz": "clean.npz"}.get(format, "clean")
    export(format, run, clean, sets=sets, scores=made_scores(splits.train.ids))
    again = data.load(clean)
    assert contents(again) == contents(splits, removed)
    assert again.skipped == ()
    if format in ("folder", "hf"):
        assert {*again.valid.hashes} == {*splits.valid.hashes}
    if format == "zip" and how == "by numbers with gaps":
        with zipfile.ZipFile(clean) as archive:
            assert {label for _, label in json.loads(archive.read("dataset.json"))["labels"]} == {0, 1, 3}


@pytest.mark.parametrize("format", ["folder", "npz"])
def test_an_export_of_an_export_is_the_same(tmp_path, loaded, folder_run, format):
    once, twice = ((tmp_path / name).with_suffix({"npz": ".npz"}.get(format, "")) for name in ("once", "twice"))
    export(format, folder_run, once, sets=loaded)
    sets = DataSets(data=data.load(once))
    export(format, made_run(tmp_path / "second", sets, []), twice, sets=sets)
    assert contents(data.load(twice)) == contents(sets.only)
    if format == "folder":
        assert files(once) == files(twice)


@pytest.mark.parametrize("wrapper", ["", "pets/"])
def test_the_folders_of_the_sources_own_splits_are_not_put_into_others(tmp_path, wrapper):
    names = [f"{part}/{kind}/{number}.png" for number, part in enumerate(("train", "val", "test") * 6) for kind in "ab"]
    source = pictures(tmp_path / "source", [f"{wrapper}{name}" for name in names])
    sets = DataSets(data=data.load(source))
    export("folder", made_run(tmp_path / "run", sets, []), tmp_path / "clean", sets=sets)
    assert set(files(tmp_path / "clean")) == {name.replace("val/", "valid/") for name in names}
    assert contents(data.load(tmp_path / "clean")) == contents(sets.only)


def test_held_out_data_of_ones_own_are_exported_with_the_rest(tmp_path, source):
    pictures(tmp_path / "held", ["a/00.png", "a/01.png", "b,ü/02.png"], start=200)
    sets = DataSets(data=data.load(source, test=tmp_path / "held"))
    export("folder", made_run(tmp_path / "run", sets, []), tmp_path / "clean", sets=sets)
    assert contents(data.load(tmp_path / "clean")) == contents(sets.only)


@pytest.mark.parametrize("source", ["normal-2d", "digits"])
def test_points_and_built_in_images_train_again_from_arrays(tmp_path, source):
    splits = data.load(source)
    sets, removed = DataSets(data=splits), splits.train.ids[:100]
    export("npz", made_run(tmp_path / "run", sets, removed), tmp_path / "clean.npz", sets=sets)
    again = data.load(tmp_path / "clean.npz")
    for part in PARTS:
        kept = [row for row, identity in enumerate(getattr(splits, part).ids) if identity not in removed]
        before, after = getattr(splits, part).subset(kept), getattr(again, part)
        assert label_names(before) == label_names(after)
        if source == "digits":  # of seventeen grey levels, which eight bits hold up to rounding
            assert torch.allclose(before.x, after.x, rtol=0, atol=0.501 / 127.5)
        else:
            assert torch.equal(before.x, after.x)


def people(path, count, seed):
    """A table of one number, one whole number, a text with commas and gaps, a group and a label."""
    draw = np.random.default_rng(seed)
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("hours", "age", "job", "sex", "income"))
        for _ in range(count):
            job = ("cook", "clerk, chief", "")[draw.integers(3)]
            row = (
                draw.normal(40, 5),
                draw.integers(17, 90),
                job,
                "mf"[draw.integers(2)],
                ("hi", "lo")[draw.integers(2)],
            )
            table.writerow(row)
    return path


@pytest.mark.parametrize("tested", [False, True])
def test_rows_of_a_table_train_again_with_the_splits_they_had(tmp_path, tested):
    roles = data.Roles(label="income", group=("sex",))
    path, other = people(tmp_path / "people.csv", 80, 0), people(tmp_path / "more.csv", 9, 1)
    given = {"label": "income", "group": ["sex"]}
    splits = data.load(path, test=other if tested else None, **given)
    tables = {"data": [data.open_records(path, roles), *([data.open_records(other, roles)] if tested else [])]}
    sets, removed = DataSets(data=splits), splits.train.ids[:7]
    run = made_run(tmp_path / "run", sets, removed)
    assert export("csv", run, tmp_path / "clean.csv", sets=sets, tables=tables) == len(splits.train) - 7
    again = data.load(tmp_path / "clean.csv", **given)
    known = {
        (part, content_hash, identity)
        for part, examples in parts_of(splits).items()
        for content_hash, identity in zip(examples.hashes, examples.ids, strict=True)
        if identity not in removed
    }
    for part, examples in parts_of(again).items():
        assert sorted(examples.hashes) == sorted(content_hash for where, content_hash, _ in known if where == part)
        assert label_names(examples) == [
            label for identity, label in zip(getattr(splits, part).ids, label_names(getattr(splits, part)), strict=True)
            if identity not in removed
        ]  # fmt: skip
        assert set(examples.columns) == {"label", "sex"}
    with pytest.raises(GansiftError, match="are no rows of a table"):
        export("csv", run, tmp_path / "again.csv", sets=sets)
    assert not (tmp_path / "again.csv").exists()


def test_each_of_several_sets_has_a_folder_and_files_hold_one(tmp_path, source):
    other = pictures(tmp_path / "other", [f"{number}.png" for number in range(40)], start=300)
    sets = data.load_sets([f"a={source}", f"b={other}"])
    removed = [sets["a"].train.ids[0], sets["b"].train.ids[1]]
    run = made_run(tmp_path / "run", sets, removed)
    assert export("folder", run, tmp_path / "clean", sets=sets) == sum(map(len, sets.train.values())) - 2
    again = data.load_sets([f"a={tmp_path / 'clean/a'}", f"b={tmp_path / 'clean/b'}"])
    for name, splits in sets.items():
        assert contents(again[name]) == contents(splits, removed)
    with pytest.raises(GansiftError, match="one file holds one data set, and the run has 2: a, b"):
        export("npz", run, tmp_path / "clean.npz", sets=sets)


def test_an_unfinished_or_foreign_run_is_refused(tmp_path, loaded, folder_run):
    held_out = loaded.only.valid.ids[0]
    (folder_run / "removed.txt").write_text(f"{held_out}\n", encoding="utf-8")
    with pytest.raises(GansiftError, match="which is no training example"):
        export("lists", folder_run, tmp_path / "lists")
    (folder_run / "removed.txt").unlink()
    with pytest.raises(GansiftError, match="gansift cleanse"):
        export("lists", folder_run, tmp_path / "lists")
    with pytest.raises(GansiftError, match=r"nowhere/manifest\.csv cannot be read"):
        export("lists", tmp_path / "nowhere", tmp_path / "lists")
    (folder_run / "manifest.csv").write_text("id,path\n1,2\n", encoding="utf-8")
    with pytest.raises(GansiftError, match="has no column sha256"):
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
LEVELS = torch.arange(5 * 3 * 64).reshape(5, 3, 8, 8) % 256


def pixel_sets(labels=("cat", "dog", "cat", "dog", "cat")):
    """Four RGB images of two classes that never were files, to train on, and one to test with."""
    whole = made((*PIXEL_IDS, "cat/9"), (LEVELS / 127.5 - 1).float(), labels)
    return {"data": Splits("pixels", whole.subset(range(4)), whole.subset([]), whole.subset([4]))}


@pytest.fixture
def pixel_run(tmp_path):
    """A run on these, whose last training example is removed."""
    return made_run(tmp_path / "run", pixel_sets(), [PIXEL_IDS[3]])


def made_scores(ids=PIXEL_IDS, direction="lower"):
    values = np.resize(np.array([0.5, -0.25, 0.0, -1.5]), len(ids))
    return Scores(ids, values, "fid-x@9", direction, "itd", 3, 9, "fixed-denominator")


def test_an_archive_is_laid_out_as_stylegan_reads_it_and_holds_the_very_pixels(tmp_path, pixel_run):
    path = tmp_path / "clean.zip"
    assert export("zip", pixel_run, path, sets=pixel_sets()) == 3
    names = [f"00000/img0000000{k}.png" for k in range(3)]
    held_out = "00000/img00000003.png.held-out"
    with zipfile.ZipFile(path) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        labels = dict(json.loads(archive.read("dataset.json"))["labels"])
        assert labels == dict(zip([*names, held_out], (0, 1, 0, 0), strict=True))
        assert set(archive.namelist()) == {*labels, "dataset.json", "manifest.csv"}
        trained = [name for name in archive.namelist() if os.path.splitext(name)[1].lower() in Image.EXTENSION]
        assert trained == names  # what StyleGAN's trainers take for images
        for row, name in ((0, names[0]), (1, names[1]), (2, names[2]), (4, held_out)):
            image = np.asarray(Image.open(io.BytesIO(archive.read(name))))
            assert np.array_equal(image, np.moveaxis(LEVELS[row].numpy(), 0, -1))
        table = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode())))
    assert [row["id"] for row in table] == [*PIXEL_IDS[:3], "cat/9"]
    assert [row["label"] for row in table] == ["cat", "dog", "cat", "cat"]
    assert [row["split"] for row in table] == ["train"] * 3 + ["test"]
    export("zip", pixel_run, tmp_path / "again.zip", sets=pixel_sets())
    assert (tmp_path / "again.zip").read_bytes() == path.read_bytes()


def test_an_archive_without_labels_says_so(tmp_path):
    sets = pixel_sets(None)
    export("zip", made_run(tmp_path / "run", sets, []), tmp_path / "clean.zip", sets=sets)
    with zipfile.ZipFile(tmp_path / "clean.zip") as archive:
        assert json.loads(archive.read("dataset.json")) == {"labels": None}


def test_an_image_folder_has_a_row_for_every_file_and_scores_of_those_to_train_on(tmp_path, loaded, folder_run):
    scores, removed = made_scores(loaded.only.train.ids), (folder_run / "removed.txt").read_text().splitlines()
    export("hf", folder_run, tmp_path / "hf", sets=loaded, scores=scores)
    found = files(tmp_path / "hf")
    tables = {part: found.pop(f"{part}/metadata.csv").decode() for part in PARTS}
    assert found == expected_files(loaded, removed)
    value = dict(zip(scores.ids, scores.values.tolist(), strict=True))
    for part, table in tables.items():
        examples = getattr(loaded.only, part)
        assert list(csv.DictReader(io.StringIO(table))) == [
            {
                "file_name": (name := identity.partition("#")[0]),
                "label": name.partition("/")[0],
                "score": str(value[identity]) if part == "train" else "",
            }
            for identity in examples.ids
            if identity not in removed
        ]


@pytest.mark.parametrize(("direction", "ranks"), [("lower", [4, 2, 3, 1]), ("higher", [1, 3, 2, 4])])
def test_the_table_holds_every_example_and_scores_of_those_that_have_one(tmp_path, pixel_run, direction, ranks):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "scores.parquet"
    assert export("parquet", pixel_run, path, scores=made_scores(direction=direction)) == 3
    table = parquet.read_table(path)
    assert table.column_names == [
        "id", "path", "sha256", "index", "label", "score", "rank", "metric", "estimator", "set", "split", "removed",
    ]  # fmt: skip
    columns = table.to_pydict()
    assert columns["id"] == [*PIXEL_IDS, "cat/9"]
    assert columns["score"] == [0.5, -0.25, 0.0, -1.5, None]
    assert columns["rank"] == [*ranks, None]
    assert columns["index"] == [0, 1, 2, 3, 0]
    assert columns["label"] == ["cat", "dog", "cat", "dog", "cat"]
    assert columns["set"] == ["data"] * 5
    assert columns["split"] == ["train"] * 4 + ["test"]
    assert columns["removed"] == [False, False, False, True, False]
    assert set(columns["metric"]) == {"fid-x@9"}
    assert set(columns["estimator"]) == {"itd"}
    assert columns["sha256"] == [sha256(identity.encode()) for identity in (*PIXEL_IDS, "cat/9")]


def test_without_pyarrow_the_extra_is_named_and_nothing_is_written(tmp_path, pixel_run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(GansiftError, match=r"pip install 'gansift\[table\]'"):
        export("parquet", pixel_run, tmp_path / "scores.parquet", scores=made_scores())
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("format", ["hf", "parquet"])
def test_scores_that_are_missing_or_of_another_run_are_refused(tmp_path, pixel_run, format):
    with pytest.raises(GansiftError, match="gansift cleanse"):
        export(format, pixel_run, tmp_path / "out", sets=pixel_sets())
    with pytest.raises(GansiftError, match="not those of the training examples"):
        export(format, pixel_run, tmp_path / "out", sets=pixel_sets(), scores=made_scores(PIXEL_IDS[:2]))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("format", ["zip", "npz", "parquet"])
def test_a_file_that_is_there_is_left_alone(tmp_path, pixel_run, format):
    path = tmp_path / "mine"
    path.write_bytes(b"mine")
    with pytest.raises(GansiftError, match="not overwritten"):
        export(format, pixel_run, path, sets=pixel_sets(), scores=made_scores())
    assert path.read_bytes() == b"mine"
    with pytest.raises(GansiftError, match="not overwritten"):
        export(format, pixel_run, tmp_path, sets=pixel_sets(), scores=made_scores())


@pytest.mark.parametrize("format", ["zip", "parquet"])
def test_a_file_that_cannot_be_finished_is_not_there(tmp_path, pixel_run, monkeypatch, format):
    pytest.importorskip("pyarrow.parquet")

    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zipfile.ZipFile.writestr", full)
    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(GansiftError, match="No space left"):
        export(format, pixel_run, tmp_path / "out", sets=pixel_sets(), scores=made_scores())
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


FORMULA = "=HYPERLINK(1)"


@pytest.mark.parametrize("format", ["folder", "hf", "zip"])
def test_classes_and_ids_that_look_like_formulas_are_texts_in_tables_and_come_back(tmp_path, format):
    names = [f"{(FORMULA, '-b')[number % 2]}/{number:02d}.png" for number in range(40)]
    loaded = data.load_sets([str(pictures(tmp_path / "source", names))], seed=0)
    run = made_run(tmp_path / "run", loaded, [loaded.only.train.ids[0]])
    scores = made_scores(loaded.only.train.ids) if format == "hf" else None
    out = tmp_path / ("out.zip" if format == "zip" else "out")
    export(format, run, out, sets=loaded, scores=scores)
    again = data.load(str(out), seed=0)
    assert set(label_names(again.train)) == {FORMULA, "-b"}
    tables = [run / "manifest.csv", *(out.rglob("*.csv") if out.is_dir() else [])]
    for path in tables:
        with open(path, encoding="utf-8", newline="") as file:
            assert not [one for row in csv.reader(file) for one in row if one.startswith(("=", "-b", "@"))], path
    recorded = [row["id"] for row in data.read_manifest(run / "manifest.csv")]
    assert recorded == [identity for part in parts_of(loaded.only).values() for identity in part.ids]


def test_rows_with_texts_that_look_like_formulas_come_back_and_negative_numbers_are_numbers(tmp_path):
    cells = ["=1+1", "-b", "+c", "@d", "'e", "'=f", "-3 to 4"]
    lines = ["x,=kind", *(f"{-number / 7},{cells[number % 7]}" for number in range(70))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    records = data.open_records(tmp_path / "t.csv", data.Roles())
    write_rows(tmp_path / "out.csv", [(records, position, "train") for position in range(70)])
    with open(tmp_path / "out.csv", encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    assert header[1] == "'=kind"
    assert not [row for row in rows if row[1].startswith(("=", "-", "+", "@"))]
    again = read_csv(tmp_path / "out.csv")
    assert again["x"].values.tolist() == [-number / 7 for number in range(70)]
    before, after = ([kind.names[code] for code in kind.values] for kind in (records.table["=kind"], again["=kind"]))
    assert before == after


def test_a_list_that_is_not_in_utf_8_is_named(tmp_path, loaded, folder_run):
    (folder_run / "removed.txt").write_bytes(b"caf\xe9.png\n")
    with pytest.raises(GansiftError, match=r"removed\.txt is damaged: it is not in UTF-8"):
        export("lists", folder_run, tmp_path / "out")
