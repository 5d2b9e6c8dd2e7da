"""From a configuration to its data: images are decoded once for all jobs of a run, inside the run directory."""

from __future__ import annotations

import numpy as np
import pytest
from gansift.workflow.build import load_data, workplace
from PIL import Image

from gansift.data import images
from gansift.workflow import build, stages
from gansift.workflow.config import merge


@pytest.fixture
def given(tmp_path):
    noise = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    for number in range(40):
        Image.fromarray(noise.integers(0, 256, (9, 9), dtype=np.uint8)).save(tmp_path / "in" / f"{number}.png")
    small = {"size": 8, "resize": "stretch-box", "seeds": 1, "steps": 4, "batch": 4, "latents": 20, "width": 4}
    return merge({"source": str(tmp_path / "in"), "horizons": "all", "remove": "1", **small}, None)


def test_jobs_decode_nothing_again_and_everything_lies_in_the_run_directory(given, tmp_path, monkeypatch):
    directory, config = stages.prepare(given, tmp_path / "run")
    assert [path.suffix for path in directory.cache.iterdir()] == [".npy"]
    assert {path.name for path in tmp_path.iterdir()} == {"in", "run"}
    fresh = load_data(given)
    monkeypatch.setattr(images, "decode", lambda *options: pytest.fail("decoded again"))
    monkeypatch.setattr(build, "build_metrics", lambda *given: (None, None))  # takes seconds, and decodes nothing
    place = workplace(config, directory.cache)
    assert place.splits.train.digest() == fresh.train.digest()
    assert (place.splits.train.x == fresh.train.x).all()


def test_a_dry_run_keeps_nothing(given, tmp_path):
    stages.describe(given, tmp_path / "run")
    assert not (tmp_path / "run").exists()
