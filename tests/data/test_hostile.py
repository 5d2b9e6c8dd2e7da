"""A folder and an archive with everything in them that people, programs and attackers leave lying about."""

import json
import os
import shutil
import socket
import sys
import zipfile

import numpy as np
import pytest
from picture_files import pixels, save
from PIL import Image
from test_pixels import declared

from gansift import cli
from gansift.data import SPLITS, load
from gansift.errors import DataError
from tiny_run import invoke

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names"),
    pytest.mark.filterwarnings("error"),
]

GOOD = 30
HEBREW, TURNED = "שלום.png", "turn\u202egnp.png"


def broken(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def hostile(tmp_path):
    """The folder, names of its good images, and of what is bad in it, as shown, with the start of the reason."""
    folder = tmp_path / "hostile"
    good = [*(f"{number:02d}.png" for number in range(GOOD)), HEBREW, TURNED, "\x1b[31m.png", "deep/er/a.png"]
    for number, name in enumerate(good):
        save(folder / name, pixels(number))
    whole = (folder / "00.png").read_bytes()
    large = save(tmp_path / "large.png", pixels(0, 64, 64)).read_bytes()
    frames = [Image.fromarray(pixels(number, 6, 5, 3)) for number in range(2)]
    frames[0].save(folder / "animated.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(np.zeros((6, 5), dtype=np.float32)).save(folder / "float.tif")
    broken(folder / "zero.png", b"")
    broken(folder / "cut.png", large[: len(large) // 2])
    broken(folder / "text.jpg", b"<html>404</html>")
    broken(folder / "script.png", b"%!PS-Adobe-3.0 EPSF-3.0\n")
    broken(folder / "bomb.png", declared(50_000, 50_000))
    broken(folder / "bomb2.png", declared(9_000, 9_000))
    broken(folder / "line\nbreak.png", whole)
    broken(folder / os.fsdecode(b"\xff\xfe.png"), whole)
    save(folder / "odd.png", pixels(0, 7, 7))
    (folder / "loop").symlink_to(folder)
    (folder / "deep" / "up").symlink_to(folder / "deep")
    (folder / "self.png").symlink_to(folder / "self.png")
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "folder.png").mkdir()
    here = os.getcwd()
    os.chdir(folder)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.png")
    os.chdir(here)
    for name in ("locked/in.png", "secret.png"):
        save(folder / name, pixels(500))
    for name in (".hidden.png", "__MACOSX/._00.png", "notes.txt", "nested.zip", "Thumbs.db", "heic.heic"):
        broken(folder / name, b"junk")
    bad = {
        "heic.heic": "is not an image",
        "animated.gif": "is animated", "float.tif": "has 32-bit pixels", "zero.png": "is empty",
        "cut.png": "is damaged or cut short", "text.jpg": "is not an image", "script.png": "is not an image",
        "bomb.png": "declares more pixels", "bomb2.png": "declares 9000x9000 pixels, more",
        r"line\nbreak.png": "has a line break", "\ufffd\ufffd.png": "has a name that is not UTF-8",
        "odd.png": "is 7x7 pixels", "self.png": "is a broken link", "gone.png": "is a broken link",
        "pipe.png": "is a broken link", "socket.png": "is a broken link", "locked": "is a folder that cannot be read",
        "secret.png": "cannot be read (Permission denied)",
    }  # fmt: skip
    return folder, good, bad


@pytest.fixture
def nobody(monkeypatch):
    """What a person without rights meets; these tests may be run by one who has all of them."""
    scandir, read_bytes = os.scandir, type(cli.Path()).read_bytes

    def refused_folder(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    def refused_file(path):
        if path.name == "secret.png":
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(os, "scandir", refused_folder)
    monkeypatch.setattr(type(cli.Path()), "read_bytes", refused_file)


def everything(folder):
    """Every path below, with what it is and when it was changed."""
    return {path: (path.lstat().st_mode, path.lstat().st_mtime_ns) for path in sorted(folder.rglob("*"))}


def ids(splits):
    return sorted(identity for part in SPLITS for identity in getattr(splits, part).ids)


def test_no_good_image_is_lost_every_bad_one_is_named_and_nothing_is_written(hostile, nobody, tmp_path):
    folder, good, bad = hostile
    before = everything(tmp_path)
    splits = load(folder, skip_bad=True)
    assert [identity.split("#")[0] for identity in ids(splits)] == sorted(good)
    found = {path.removeprefix(f"{folder}/"): reason for path, reason in splits.skipped}
    assert set(found) == set(bad)
    assert all(found[name].startswith(bad[name]) for name in bad), found
    assert all(path.isprintable() and reason.isprintable() for path, reason in splits.skipped)
    assert everything(tmp_path) == before


def test_without_leave_to_skip_it_stops_and_what_it_says_can_be_printed(hostile, nobody):
    folder, good, bad = hostile
    with pytest.raises(DataError) as caught:
        load(folder)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{len(bad)} of {len(good) + len(bad)} images in {folder} cannot be used:"
    assert all(line.isprintable() for line in lines)


def test_the_same_in_an_archive(hostile, tmp_path):
    folder, good, _ = hostile
    whole = (folder / "00.png").read_bytes()
    archive = tmp_path / "hostile.zip"
    lost = {"self.png", "gone.png", "pipe.png", "socket.png"}  # what is no file cannot be packed
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            relative = str(path.relative_to(folder))
            if path.is_file() and path.name not in lost and os.fsencode(relative).isascii():
                file.write(path, relative)
        for name in (HEBREW, TURNED, "../up.png", "/abs.png", "a/../../b.png"):
            file.writestr(
                name, (folder / name).read_bytes() if (folder / name).is_file() and ".." not in name else whole
            )
        file.writestr("outer/inner.zip", b"PK\x05\x06" + bytes(18))
        file.writestr("bomb.zip.png", bytes(2**20))
    shutil.rmtree(folder / "locked")
    before = everything(tmp_path)
    splits = load(archive, skip_bad=True)
    found = {path.removeprefix(f"{archive}/"): reason for path, reason in splits.skipped}
    outside = {name for name, reason in found.items() if reason == "has a path that leads out of the archive"}
    assert outside == {"../up.png", "abs.png", "a/../../b.png"}
    assert set(good) <= {identity.split("#")[0] for identity in ids(splits)}
    assert all(path.isprintable() for path in found)
    assert everything(tmp_path) == before
    assert not (tmp_path.parent / "up.png").exists()


def test_the_command_line_looks_at_all_of_it_and_names_what_is_bad(hostile, nobody):
    folder, good, bad = hostile
    done = invoke(["data", str(folder), "--json"])
    found = json.loads(done.output)
    assert done.exit_code == 0
    assert found["usable"] == len(good)
    assert {path.removeprefix(f"{folder}/") for path, _ in found["bad"]} == set(bad)
    done = invoke(["data", str(folder)])
    assert all(line.isprintable() for line in done.output.splitlines())
