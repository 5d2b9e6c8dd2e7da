import multiprocessing
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from picture_files import pixels, save

from gansift.data import images, load
from gansift.data.cache import PixelCache


@pytest.fixture
def decoded(monkeypatch):
    """The contents that were decoded so far."""
    seen = []
    real = images.decode

    def decode(content, *options):
        seen.append(content)
        return real(content, *options)

    monkeypatch.setattr(images, "decode", decode)
    return seen


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "run" / "cache"


def same(one, other):
    return all(
        getattr(one, part).digest() == getattr(other, part).digest()
        and bool((getattr(one, part).x == getattr(other, part).x).all())
        for part in ("train", "valid", "test")
    )


@pytest.mark.parametrize("options", [{}, {"size": 4}, {"size": 4, "resize": "pad-box"}])
def test_cached_pixels_are_those_that_would_be_decoded_and_nothing_is_decoded_twice(faces, cache, decoded, options):
    save(faces / "colour.png", pixels(99, 6, 5, 3))
    fresh = load(faces, **options)
    decoded.clear()
    assert same(load(faces, cache=cache, **options), fresh)
    assert len(decoded) == 41
    assert same(load(faces, cache=cache, **options), fresh)
    assert len(decoded) == 41


def test_one_changed_file_is_decoded_alone_and_a_renamed_one_not_at_all(faces, cache, decoded):
    load(faces, cache=cache)
    changed = save(faces / "07.png", pixels(1000))
    (faces / "08.png").rename(faces / "moved.png")
    decoded.clear()
    assert same(load(faces, cache=cache), load(faces))
    assert decoded[0] == changed.read_bytes()
    assert len(decoded) == 1 + 40  # the second load has no cache
    load(faces, cache=cache)
    assert len(decoded) == 1 + 40


def test_another_way_of_decoding_finds_nothing(faces, cache, decoded):
    for options in ({}, {"size": 4}, {"size": 5}, {"size": 4, "resize": "crop-box"}):
        decoded.clear()
        load(faces, cache=cache, **options)
        assert len(decoded) == 40
    decoded.clear()
    load(faces, cache=cache)
    assert not decoded


def test_pixels_are_mapped_and_not_read(faces, cache):
    load(faces, cache=cache)
    (path,) = cache.iterdir()
    found = PixelCache(cache, None, "crop-lanczos").get(load(faces).train.hashes[0])
    owners = [found]
    while getattr(owners[-1], "base", None) is not None:
        owners.append(owners[-1].base)
    assert any(isinstance(owner, np.memmap) for owner in owners)
    assert (found.dtype, found.shape) == (np.uint8, (6, 5))
    assert path.stat().st_size < 40 * (32 + 4 + 30) + 1000


@pytest.mark.parametrize("spoil", ["empty", "cut", "text", "header", "pickle", "name"])
def test_a_damaged_cache_is_ignored_and_written_anew(faces, cache, decoded, spoil):
    fresh = load(faces, cache=cache)
    (path,) = cache.iterdir()
    content = path.read_bytes()
    if spoil == "pickle":
        with open(path, "wb") as file:
            np.save(file, np.array([{"run": "me"}], dtype=object), allow_pickle=True)
    elif spoil == "name":
        path = path.rename(path.with_name(path.name.replace("6x5", "6xfive")))
    else:
        spoiled = {"empty": b"", "cut": content[:-1], "text": b"hello", "header": content[:9] + b"\xff" + content[10:]}
        path.write_bytes(spoiled[spoil])
    decoded.clear()
    assert same(load(faces, cache=cache), fresh)
    assert len(decoded) == 40
    assert same(load(faces, cache=cache), fresh)
    assert len(decoded) == 40


def test_of_a_cache_with_one_flipped_bit_one_image_is_decoded(faces, cache, decoded):
    fresh = load(faces, cache=cache)
    (path,) = cache.iterdir()
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)
    decoded.clear()
    assert same(load(faces, cache=cache), fresh)
    assert len(decoded) == 1


def test_bad_and_odd_images_are_not_kept_and_stay_what_they_are(faces, cache):
    save(faces / "odd.png", pixels(0, 9, 9))
    (faces / "bad.png").write_bytes(b"junk")
    first, second = (load(faces, cache=cache, skip_bad=True) for _ in range(2))
    assert first.skipped == second.skipped
    assert len(first.skipped) == 2
    assert len(list(cache.iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_said_and_stops_nothing(faces, tmp_path, caplog):
    (tmp_path / "file").write_bytes(b"")
    assert same(load(faces, cache=tmp_path / "file" / "cache"), load(faces))
    assert "images will be decoded again next time" in caplog.text


_FILL = """
import sys
import numpy as np
from pathlib import Path
from gansift.data.cache import PixelCache
images = {f"{number:064x}": np.zeros((128, 128), np.uint8) for number in range(60)}
PixelCache(Path("/mnt/cache"), None, "crop-lanczos").keep(images)
print("still here", sorted(Path("/mnt/cache").iterdir()))
"""


def test_a_full_disk_stops_nothing_and_leaves_nothing():
    own = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = "mount -t tmpfs -o size=300k none /mnt"
    if shutil.which("unshare") is None or subprocess.run([*own, mount], capture_output=True).returncode:
        pytest.skip("no small disk can be made here")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [*own, f'{mount} && exec "$0" -c "$1"', sys.executable, _FILL]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (0, "still here []\n"), done.stderr
    assert "images will be decoded again next time" in done.stderr


def _load_again_and_again(faces, cache, results):
    for _ in range(15):
        for path in cache.glob("pixels-*"):
            path.unlink(missing_ok=True)
        results.put(load(faces, cache=cache).train.x.sum().item())


def test_two_processes_may_write_at_once(faces, cache):
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    both = [context.Process(target=_load_again_and_again, args=(faces, cache, results)) for _ in range(2)]
    for process in both:
        process.start()
    found = [results.get(timeout=60) for _ in range(30)]
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert set(found) == {load(faces).train.x.sum().item()}
    assert [path.name for path in cache.iterdir() if not path.name.startswith("pixels-")] == []
