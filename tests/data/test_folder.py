import os
import shutil
import sys

import numpy as np
import pytest
import torch
from picture_files import pixels, save, sha256
from PIL import Image

from gansift.data import SPLITS, load, read_folder
from gansift.data import pixels as decoders
from gansift.errors import DataError


def pieces(splits):
    """Relative path -> split."""
    return {identity.split("#")[0]: part for part in SPLITS for identity in getattr(splits, part).ids}


def test_ids_are_path_and_content_in_bytewise_order(tmp_path):
    names = ["b.png", "B.png", "a b.png", "a.png", "sub/deep/ä.png", "sub/z.png", "a.png.png", "a.png!.png"]
    files = {name: save(tmp_path / name, pixels(number)) for number, name in enumerate(names)}
    examples, skipped = read_folder(tmp_path)
    expected = sorted((f"{name}#{sha256(path)[:12]}" for name, path in files.items()), key=str.encode)
    assert examples.ids == tuple(expected)
    assert examples.paths == tuple(str(files[identity.split("#")[0]]) for identity in expected)
    assert examples.hashes == tuple(sha256(files[identity.split("#")[0]]) for identity in expected)
    assert skipped == ()


def test_an_id_is_the_same_for_ever(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "white.pgm").write_bytes(b"P5 1 1 255\n\xff")
    examples, _ = read_folder(tmp_path)
    assert examples.ids == ("x/white.pgm#7af26974e5d9",)
    assert examples.x.tolist() == [[[[1.0]]]]


def test_ids_and_splits_do_not_depend_on_where_the_folder_lies_or_how_it_is_named(faces, tmp_path, monkeypatch):
    shutil.copytree(faces, tmp_path / "elsewhere")
    monkeypatch.chdir(faces)
    here, there = load("."), load(str(tmp_path / "elsewhere") + os.sep)
    assert here.name == "faces"
    assert here.train.digest() == there.train.digest()
    assert here.test.ids == there.test.ids
    assert all(os.path.isabs(path) and os.path.isfile(path) for path in here.train.paths)


def test_pixels_come_back_unchanged(faces):
    examples, _ = read_folder(faces)
    assert examples.x.shape == (40, 1, 6, 5)
    assert examples.x.dtype == torch.float32
    back = ((examples.x + 1) * 127.5).round().numpy()
    assert np.array_equal(back[:, 0], np.stack([pixels(number) for number in range(40)]))


def test_one_colour_image_makes_all_rgb(faces):
    colour = pixels(99, 6, 5, 3)
    save(faces / "z.png", colour)
    examples, _ = read_folder(faces)
    back = ((examples.x + 1) * 127.5).round().numpy()
    assert np.array_equal(back[-1], colour.transpose(2, 0, 1))
    assert np.array_equal(back[3], np.stack([pixels(3)] * 3))


def test_a_file_that_comes_or_goes_moves_no_other(faces):
    before = pieces(load(faces, seed=4))
    save(faces / "05a.png", pixels(100))
    save(faces / "sub" / "new.png", pixels(101))
    after = pieces(load(faces, seed=4))
    assert {name: after[name] for name in before} == before
    (faces / "00.png").unlink()
    gone = pieces(load(faces, seed=4))
    assert gone == {name: part for name, part in after.items() if name != "00.png"}


def test_copies_under_other_names_are_in_the_same_split(faces):
    before = pieces(load(faces))
    for number in range(40):
        (faces / "copies").mkdir(exist_ok=True)
        shutil.copy(faces / f"{number:02d}.png", faces / "copies" / f"again{number:02d}.png")
    splits = load(faces)
    after = pieces(splits)
    for number in range(40):
        assert after[f"copies/again{number:02d}.png"] == after[f"{number:02d}.png"] == before[f"{number:02d}.png"]
    assert not set(splits.train.hashes) & {*splits.valid.hashes, *splits.test.hashes}


def test_hidden_files_archives_leftovers_and_other_files_are_passed_over(faces):
    examples, _ = read_folder(faces)
    names = (".hidden.png", "._00.png", ".cache/x.png", "__MACOSX/x.png", "sub/__MACOSX/x.png", "notes.txt", "png")
    drives = ("@eaDir/00.png/x.jpg", "#recycle/x.png", ".@__thumb/x.png", "@Recycle/x.png", "$RECYCLE.BIN/x.png")
    for name in (*names, *drives):
        (faces / name).parent.mkdir(exist_ok=True, parents=True)
        (faces / name).write_bytes(b"junk")
    assert read_folder(faces)[0].digest() == examples.digest()


@pytest.mark.parametrize("suffix", ["png", "JPG", "Jpeg", "webp", "bmp", "gif", "tif", "tiff", "ppm", "avif"])
def test_all_suffixes_are_read_in_any_case(tmp_path, suffix):
    save(tmp_path / f"a.{suffix}", pixels(0))
    assert len(read_folder(tmp_path)[0]) == 1


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "JFIF"])
def test_what_browsers_call_a_jpeg_is_read_and_counts(faces, suffix):
    before = len(read_folder(faces)[0])
    Image.fromarray(pixels(77)).save(faces / f"more.{suffix}", "JPEG")
    assert len(read_folder(faces)[0]) == before + 1


@pytest.mark.parametrize("name", ["a.heic", "a.jpg", "a.HEIF"])
def test_photographs_that_cannot_be_read_are_named_with_what_to_install_whatever_they_are_called(
    faces, name, monkeypatch
):
    monkeypatch.setattr(decoders, "formats", lambda: ("PNG", "JPEG"))
    (faces / name).write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(40))
    with pytest.raises(DataError, match=rf"{name} is HEIC, AVIF or alike.*pip install 'gansift\[heif\]'"):
        load(faces)


def test_photographs_of_a_kind_that_is_never_read_are_named_and_not_passed_over(faces):
    (faces / "a.cr2").write_bytes(b"II*\x00" + bytes(40))
    with pytest.raises(DataError, match=r"1 of 41 images .* cannot be used:\n.*a\.cr2"):
        load(faces)


def test_subfolders_are_classes_if_all_images_are_in_two_or_more(tmp_path):
    for number, name in enumerate(["dog/1.png", "cat/deep/2.png", "cat/3.png"]):
        save(tmp_path / name, pixels(number))
    examples, _ = read_folder(tmp_path)
    assert examples.class_names == ("cat", "dog")
    by_name = {
        identity.split("#")[0]: int(label) for identity, label in zip(examples.ids, examples.labels, strict=True)
    }
    assert by_name == {"dog/1.png": 1, "cat/deep/2.png": 0, "cat/3.png": 0}
    save(tmp_path / "stray.png", pixels(9))
    assert read_folder(tmp_path)[0].labels is None


def test_one_subfolder_is_no_class(tmp_path):
    save(tmp_path / "only" / "a.png", pixels(0))
    save(tmp_path / "only" / "b.png", pixels(1))
    examples, _ = read_folder(tmp_path)
    assert (examples.labels, examples.class_names) == (None, None)


def test_an_odd_size_names_the_image_both_sizes_and_what_to_do(faces):
    odd = save(faces / "17.png", pixels(0, 8, 9))
    with pytest.raises(DataError) as caught:
        load(faces)
    message = str(caught.value)
    assert f"{odd} is 9x8 pixels" in message
    assert "39 of 40 images are 5x6" in message
    assert "--size N centre-crops and resizes all" in message
    assert "--skip-bad goes on without" in message


def test_size_makes_all_images_square_and_of_one_size(faces):
    save(faces / "17.png", pixels(0, 8, 9))
    splits = load(faces, size=4)
    assert splits.train.shape == (1, 4, 4)
    assert sum(len(getattr(splits, part)) for part in SPLITS) == 40
    assert splits.train.digest() != load(faces, size=3).train.digest()


def spoil(path, how):
    if how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_bytes(b"hello, I am no image")
    elif how == "truncated":
        save(path, pixels(0, 64, 64))
        path.write_bytes(path.read_bytes()[:800])
    elif how == "animated":
        frames = [pixels(number, 6, 5, 3) for number in range(2)]
        Image.fromarray(frames[0]).save(path, save_all=True, append_images=[Image.fromarray(frames[1])])
    elif how == "link":
        path.unlink()
        path.symlink_to(path.with_name("nowhere.png"))
    elif how == "pipe":
        path.unlink()
        os.mkfifo(path)


REASONS = {
    "empty": "is empty (0 bytes)",
    "text": "is not an image in a format that can be read",
    "truncated": "is damaged or cut short",
    "animated": "is animated or has several pages (2 frames)",
    "link": "is a broken link or no regular file",
    "pipe": "is a broken link or no regular file",
}


@pytest.mark.parametrize("how", REASONS)
def test_an_unusable_image_is_named_with_its_reason(faces, how):
    bad = faces / "11.png"
    spoil(bad, how)
    with pytest.raises(DataError) as caught:
        load(faces)
    message = str(caught.value)
    assert message.startswith(f"1 of 40 images in {faces} cannot be used:\n  {bad} {REASONS[how]}")
    assert "--skip-bad goes on without" in message
    assert "--size" not in message


def test_an_image_that_may_not_be_read_is_named(faces, monkeypatch):
    bad = faces / "11.png"
    real = type(bad).read_bytes

    def refuse(path):
        if path == bad:
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(type(bad), "read_bytes", refuse)
    with pytest.raises(DataError, match=rf"{bad} cannot be read \(Permission denied\)"):
        load(faces)


def test_five_unusable_images_are_listed_and_the_rest_counted(faces):
    for number in range(10, 18):
        spoil(faces / f"{number}.png", "empty")
    with pytest.raises(DataError) as caught:
        load(faces)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"8 of 40 images in {faces} cannot be used:"
    assert lines[1:6] == [f"  {faces / f'{number}.png'} is empty (0 bytes)" for number in range(10, 15)]
    assert lines[6] == "  and 3 more"


def test_skip_bad_leaves_out_exactly_the_unusable_and_lists_them(faces):
    before = pieces(load(faces))
    save(faces / "03.png", pixels(0, 9, 9))
    spoil(faces / "20.png", "truncated")
    spoil(faces / "31.png", "empty")
    splits = load(faces, skip_bad=True)
    left_out = {"03.png", "20.png", "31.png"}
    assert pieces(splits) == {name: part for name, part in before.items() if name not in left_out}
    assert [path for path, _ in splits.skipped] == [str(faces / name) for name in sorted(left_out)]
    reasons = [reason for _, reason in splits.skipped]
    assert reasons[0] == "is 9x9 pixels (width x height), but 37 of 38 images are 5x6"
    assert reasons[1].startswith("is damaged or cut short")
    assert reasons[2] == "is empty (0 bytes)"


def test_skip_bad_with_nothing_left_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"(?s)1 of 1 images .*a\.png is empty \(0 bytes\)\nNo image is left"):
        read_folder(tmp_path, skip_bad=True)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize(
    ("name", "reason"), [(b"a\nb.png", "has a line break in its name"), (b"\xff.png", "has a name that is not UTF-8")]
)
def test_names_that_no_list_could_hold_are_refused(faces, name, reason):
    save(faces / "00.png", pixels(0))
    (faces / "00.png").rename(os.fsdecode(os.fsencode(faces) + b"/" + name))
    with pytest.raises(DataError, match=reason) as caught:
        load(faces)
    str(caught.value).encode("utf-8")
    assert len(load(faces, skip_bad=True).skipped) == 1


def test_a_link_to_a_folder_above_ends(faces):
    examples, _ = read_folder(faces)
    (faces / "loop").symlink_to(faces)
    assert read_folder(faces)[0].digest() == examples.digest()


def test_folders_full_of_links_to_one_another_are_each_read_once_under_their_own_path(tmp_path):
    names = [f"{number:02d}" for number in range(12)]  # as paths, 12! and more
    for number, name in enumerate(names):
        save(tmp_path / name / "a.png", pixels(number))
        for other in names:
            if other != name:
                (tmp_path / name / f"to{other}").symlink_to(tmp_path / other)
    examples, _ = read_folder(tmp_path)
    assert [identity.split("#")[0] for identity in examples.ids] == [f"{name}/a.png" for name in names]


def test_of_links_to_one_folder_elsewhere_the_first_by_name_is_followed(tmp_path):
    save(tmp_path / "elsewhere" / "x.png", pixels(1))
    (tmp_path / "in").mkdir()
    for name in ("b", "c", "a"):
        (tmp_path / "in" / name).symlink_to(tmp_path / "elsewhere")
    examples, _ = read_folder(tmp_path / "in")
    assert [identity.split("#")[0] for identity in examples.ids] == ["a/x.png"]


def test_a_linked_folder_is_read(faces, tmp_path):
    save(tmp_path / "other" / "x.png", pixels(50))
    (faces / "linked").symlink_to(tmp_path / "other")
    assert "linked/x.png" in pieces(load(faces))


def test_an_empty_folder_and_one_without_images_are_told_apart(tmp_path):
    with pytest.raises(DataError, match=rf"the folder {tmp_path} is empty\. Images are files that end in \.png, "):
        load(tmp_path)
    (tmp_path / "a.svg").write_bytes(b"1")
    with pytest.raises(DataError, match=r"holds 1 file but no image \(found: \.svg\)"):
        load(tmp_path)
    (tmp_path / "b.TXT").write_bytes(b"1")
    (tmp_path / "README").write_bytes(b"1")
    with pytest.raises(
        DataError, match=rf"{tmp_path} holds 3 files but no image \(found: \.svg, \.txt, no suffix\)\. Images are"
    ):
        load(tmp_path)


def test_a_folder_that_cannot_be_looked_into_is_named(faces, monkeypatch):
    (faces / "locked").mkdir()
    real = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError) as caught:
        load(faces)
    assert f"{faces / 'locked'} is a folder that cannot be read (Permission denied)" in str(caught.value)
    assert "--skip-bad goes on without" in str(caught.value)
    splits = load(faces, skip_bad=True)
    assert sum(len(getattr(splits, part)) for part in SPLITS) == 40
    assert splits.skipped == ((str(faces / "locked"), "is a folder that cannot be read (Permission denied)"),)


def test_too_few_images_for_three_splits_is_an_error(tmp_path):
    save(tmp_path / "two" / "a.png", pixels(0))
    save(tmp_path / "two" / "b.png", pixels(1))
    with pytest.raises(DataError, match=r"two has 2 images, and none of them falls into the \w+ split.* Add images"):
        load(tmp_path / "two")


def test_folders_named_like_splits_are_the_splits_and_nobody_trains_on_the_test_images(tmp_path):
    for number in range(24):
        part, kind = ("train", "train", "val", "Test")[number % 4], ("cat", "dog", "dog ")[number % 3]
        save(tmp_path / "pets" / part / kind / f"{number:02d}.png", pixels(number))
    splits = load(tmp_path / "pets")
    for part, folder in (("train", "train/"), ("valid", "val/"), ("test", "Test/")):
        examples = getattr(splits, part)
        assert all(identity.startswith(folder) for identity in examples.ids)
        assert examples.class_names == ("cat", "dog")
        assert len(set(examples.labels.tolist())) == 2
    assert list(map(len, (splits.train, splits.valid, splits.test))) == [12, 6, 6]
    assert splits.notes == ("pets has train and valid and test of its own: train 12, valid 6, test 6",)


def test_a_wrapping_folder_hides_no_classes(faces, tmp_path):
    for number in range(6):
        save(tmp_path / "in" / "pets" / ("cat" if number % 2 else "dog") / f"{number}.png", pixels(number))
    assert read_folder(tmp_path / "in")[0].class_names == ("cat", "dog")


def test_one_image_beside_the_classes_is_left_out_and_named_but_its_size_spoils_nothing(tmp_path):
    for number in range(12):
        save(tmp_path / ("cat" if number % 2 else "dog") / f"{number}.png", pixels(number))
    save(tmp_path / "cover.png", pixels(99, 30, 20, 3))
    examples, skipped = read_folder(tmp_path)
    assert examples.class_names == ("cat", "dog")
    assert examples.shape == (1, 6, 5)
    assert skipped == (
        (str(tmp_path / "cover.png"), "lies beside the folders that are the classes, so it has no class"),
    )


def test_stylegans_numbered_folders_are_no_classes(tmp_path):
    for number in (0, 1, 1000, 1001):
        save(tmp_path / f"{number // 1000:05d}" / f"img{number:08d}.png", pixels(number))
    assert read_folder(tmp_path)[0].labels is None
