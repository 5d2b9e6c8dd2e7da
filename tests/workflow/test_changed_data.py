"""A run whose data changed is left as it is, byte for byte, by every verb; several data sets go all the way."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from gansift.errors import GansiftError
from gansift.files import read_json
from gansift.workflow import place
from tiny_run import gansift

TINY = [
    "--for-this-model", "--steps", 4, "--seeds", 2, "--batch", 10, "--horizons", "all", "--remove", "3", "--verify", 0,
    "--baselines", "none", "--jobs", 1, "--quiet",
]  # fmt: skip

IMAGES = ["--width", 4, "--features", "autoencoder", "--latents", 20]


def _images(folder, count, first=0):
    noise = np.random.default_rng(first)
    folder.mkdir(exist_ok=True)
    for number in range(first, first + count):
        Image.fromarray(noise.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / f"{number}.png")


def _files(folder):
    """Everything but the lock and the cache of decoded images, which may be deleted at any time."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "cache"]
    return {path: path.read_bytes() for path in paths if path.name != ".lock"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    _images(folder / "in", 60)
    assert gansift("run", folder / "in", "--outdir", folder / "run", *TINY, *IMAGES).exit_code == 0
    return folder


def _added(source):
    _images(source, 4, first=1000)


def _gone(source):
    (source / "7.png").unlink()


def _overwritten(source):
    Image.new("L", (8, 8), 255).save(source / "7.png")


@pytest.mark.parametrize("change", [_added, _gone, _overwritten])
def test_a_run_whose_data_changed_is_left_byte_for_byte_and_goes_on_once_they_are_back(made, tmp_path, change):
    source, kept = made / "in", tmp_path / "kept"
    shutil.copytree(source, kept)
    (decided := tmp_path / "d.csv").write_text("id,decision\n0.png,remove\n")
    before = _files(made / "run")
    change(source)
    try:
        for verb in (
            ["report"], ["evaluate"], ["evaluate", "--metric", "kid"], ["score"], ["score", "--metric", "kid"],
            ["cleanse"], ["cleanse", "--decisions", decided], ["verify"], ["audit"], ["run"],
            ["doctor", "--quick"], ["estimate"], ["export", "--format", "weights"],
        ):  # fmt: skip
            name, *flags = verb
            arguments = {
                "audit": ["copies", made / "run"],
                "export": [made / "run", tmp_path / "weights"],
                "run": [source, "--outdir", made / "run", *TINY, *IMAGES],
            }.get(name, [made / "run"])
            place._built.cache_clear()  # every command is a process of its own
            with pytest.raises(GansiftError, match=r"the data are not those|differs|changed|gone|no longer"):
                gansift(name, *arguments, *flags)
            assert _files(made / "run") == before, verb
        _export(made, tmp_path / "out", change)
        assert _files(made / "run") == before
    finally:
        shutil.rmtree(source)
        shutil.copytree(kept, source)
        place._built.cache_clear()
    assert gansift("report", made / "run").exit_code == 0
    unchanged = {path for path in before if "seeds" in path.parts}
    assert {path: before[path] for path in unchanged} == {path: _files(made / "run")[path] for path in unchanged}


def _export(made, out, change):
    """Images that were added are no part of the run; anything else that changed is refused."""
    place._built.cache_clear()
    if change is _added:
        gansift("export", made / "run", out)
        assert not [path for path in out.rglob("*.png") if path.stem.startswith("100")]
    else:
        with pytest.raises(GansiftError, match=r"7\.png"):
            gansift("export", made / "run", out)
        assert not out.exists()


def test_two_data_sets_of_unequal_size_end_with_a_page(tmp_path):
    draw = np.random.default_rng(0)
    for name, count in (("source", 120), ("target", 48)):
        x = draw.normal(size=(count, 2)).astype(np.float32)
        np.savez(tmp_path / f"{name}.npz", x=x, y=np.arange(count) % 2)
    sets = [f"{name}={tmp_path}/{name}.npz" for name in ("source", "target")]
    done = gansift("run", *sets, "--game", "dann", "--outdir", tmp_path / "run", *TINY, "--json")
    assert done.exit_code == 0
    report = read_json(tmp_path / "run/report.json")
    assert report["source"]["train"] > 60
    assert (tmp_path / "run/report.html").stat().st_size > 10_000
    listed = [line for name in ("kept", "removed") for line in (tmp_path / f"run/{name}.txt").read_text().split()]
    assert {line.partition(":")[0] for line in listed} == {"source", "target"}
    assert len(listed) == report["source"]["train"]
    for path in tmp_path.glob("run/seeds/*/retrained/*.json"):
        assert all(row["validation"] is not None for row in read_json(path))
