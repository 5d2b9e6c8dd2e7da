import json
import tracemalloc
import zipfile

import pytest
from picture_files import pixels, save

from gansift.data import SPLITS, load, read_folder
from gansift.data.archive import open_archive
from gansift.data.images import read_images
from gansift.errors import DataError


def pack(target, folder, mode="w"):
    """A zip of all files of a folder."""
    with zipfile.ZipFile(target, mode, zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return target


def read(path, **options):
    return read_images(open_archive(path), **options)


def relative(examples):
    return [identity.split("#")[0] for identity in examples.ids]


def test_an_archive_gives_what_its_folder_gives(faces, tmp_path):
    save(faces / "cat" / "deep" / "a.png", pixels(77))
    for name in (".hidden.png", "__MACOSX/x.png", "notes.txt"):
        (faces / name).parent.mkdir(exist_ok=True)
        (faces / name).write_bytes(b"junk")
    folder, archive = load(faces), load(pack(tmp_path / "faces.zip", faces))
    assert archive.name == "faces.zip"
    for part in SPLITS:
        assert getattr(archive, part).digest() == getattr(folder, part).digest()
        assert (getattr(archive, part).x == getattr(folder, part).x).all()
        assert set(getattr(archive, part).paths) == {""}


def test_class_folders_are_classes_and_a_dataset_json_goes_before_them(tmp_path):
    for number, name in enumerate(["x/1.png", "y/2.png"]):
        save(tmp_path / "in" / name, pixels(number))
    assert read(pack(tmp_path / "a.zip", tmp_path / "in"))[0].class_names == ("x", "y")
    (tmp_path / "in" / "dataset.json").write_text(json.dumps({"labels": [["x/1.png", 7], ["y/2.png", 5]]}))
    examples, _ = read(pack(tmp_path / "b.zip", tmp_path / "in"))
    assert (examples.class_names, examples.labels.tolist()) == (("5", "7"), [1, 0])


def test_entries_that_would_lead_out_are_named_and_nothing_is_ever_written(faces, tmp_path):
    archive = pack(tmp_path / "faces.zip", faces)
    outside = ["../out.png", "/abs.png", "C:/x.png", "sub/../../up.png", "..\\back.png", "C:\\y.png"]
    with zipfile.ZipFile(archive, "a") as file:
        for name in outside:
            file.writestr(name, (faces / "00.png").read_bytes())
    before = sorted(path for path in tmp_path.rglob("*"))
    with pytest.raises(DataError, match=r"6 of 46 images in .*faces\.zip cannot be used") as caught:
        load(archive)
    assert "has a path that leads out of the archive" in str(caught.value)
    splits = load(archive, skip_bad=True)
    assert len(splits.skipped) == 6
    assert splits.train.digest() == load(faces).train.digest()
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_encrypted_and_bomb_sized_entries_are_refused_before_they_are_unpacked(faces, tmp_path, monkeypatch):
    monkeypatch.setattr("gansift.data.archive._MOST_BYTES", 5000)
    archive = pack(tmp_path / "faces.zip", faces)
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb.png", bytes(5001))
        file.writestr("locked.png", (faces / "00.png").read_bytes())
    content = bytearray(archive.read_bytes())
    header = content.rindex(b"PK\x01\x02")  # of the last entry in the directory; its flags are 8 bytes further
    content[header + 8] |= 1
    archive.write_bytes(content)
    _, skipped = read(archive, skip_bad=True)
    assert [reason.split(" ")[:2] for _, reason in skipped] == [["unpacks", "to"], ["is", "encrypted;"]]


def test_an_entry_that_unpacks_to_more_than_it_says_is_damaged(tmp_path):
    save(tmp_path / "in" / "a.png", pixels(0))
    save(tmp_path / "in" / "b.png", pixels(1))
    archive = pack(tmp_path / "x.zip", tmp_path / "in")
    content = bytearray(archive.read_bytes())
    header = content.rindex(b"PK\x01\x02")
    content[header + 24 : header + 28] = (20).to_bytes(4, "little")
    archive.write_bytes(content)
    examples, ((path, reason),) = read(archive, skip_bad=True)
    assert relative(examples) == ["a.png"]
    assert path == str(archive / "b.png")
    assert reason.startswith("cannot be unpacked")


def test_an_entry_that_hides_a_bomb_behind_a_small_size_takes_no_more_memory_than_it_says(tmp_path):
    save(tmp_path / "in" / "a.png", pixels(0))
    archive = pack(tmp_path / "x.zip", tmp_path / "in")
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb.png", bytes(64 * 2**20))
    content = bytearray(archive.read_bytes())
    header = content.rindex(b"PK\x01\x02")
    content[header + 24 : header + 28] = (1000).to_bytes(4, "little")
    archive.write_bytes(content)
    tracemalloc.start()
    examples, ((path, reason),) = read(archive, skip_bad=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (relative(examples), path) == (["a.png"], str(archive / "bomb.png"))
    assert reason.startswith("cannot be unpacked")
    assert peak < 4 * 2**20


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packing_that_cannot_be_undone_in_steps_is_refused_by_name(faces, tmp_path, method):
    archive = pack(tmp_path / "faces.zip", faces)
    with zipfile.ZipFile(archive, "a", method) as file:
        file.writestr("bomb.png", bytes(1000))
    examples, skipped = read(archive, skip_bad=True)
    assert len(examples) == 40
    ((path, reason),) = skipped
    assert path == str(archive / "bomb.png")
    assert reason.startswith("is packed in an unusual way")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_entries_of_one_name_the_last_is_read_and_the_others_named(faces, tmp_path):
    archive = pack(tmp_path / "faces.zip", faces)
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("03.png", (faces / "04.png").read_bytes())
    examples, skipped = read(archive, skip_bad=True)
    assert examples.hashes[3] == examples.hashes[4]
    assert len(examples) == 40
    assert skipped == (
        (str(archive / "03.png"), "is in the archive more than once; only the last of that name is read"),
    )


def test_a_damaged_entry_is_named_and_the_rest_is_read(faces, tmp_path):
    archive = pack(tmp_path / "faces.zip", faces)
    with zipfile.ZipFile(archive) as file:
        start = file.getinfo("07.png").header_offset
    content = bytearray(archive.read_bytes())
    content[start + 45] ^= 255
    archive.write_bytes(content)
    examples, ((path, reason),) = read(archive, skip_bad=True)
    assert (len(examples), path) == (39, str(archive / "07.png"))
    assert reason.startswith("cannot be unpacked")


@pytest.mark.parametrize("content", [b"", b"1", b"PK\x05\x06" + bytes(10)])
def test_what_is_no_zip_is_said_so(tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.zip is no zip file, or it is damaged"):
        load(tmp_path / "x.zip")


def test_an_archive_without_images_says_what_is_in_it(faces, tmp_path):
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as file:
        file.write(pack(tmp_path / "inner.zip", faces), "inner.zip")
    with pytest.raises(DataError, match=r"the archive .*outer\.zip holds 1 file but no image \(found: \.zip\)"):
        load(tmp_path / "outer.zip")


def test_an_archive_cut_anywhere_never_crashes(tmp_path):
    for number in range(3):
        save(tmp_path / "in" / f"{number}.png", pixels(number))
    whole = pack(tmp_path / "x.zip", tmp_path / "in").read_bytes()
    for end in range(0, len(whole), 7):
        (tmp_path / "cut.zip").write_bytes(whole[:end])
        with pytest.raises(DataError, match=r"cut\.zip"):
            load(tmp_path / "cut.zip", skip_bad=True)


def test_folder_and_archive_share_ids(faces, tmp_path):
    assert read(pack(tmp_path / "a.zip", faces))[0].ids == read_folder(faces)[0].ids
