"""From a request to its data: images are decoded once for all jobs of a run, inside the run directory."""

from __future__ import annotations

import logging
import os

import numpy as np
import pytest
from PIL import Image

from gansift import training
from gansift.data import images
from gansift.errors import TrainingError, UsageError
from gansift.workflow import place, stages
from gansift.workflow.place import load_data, place_of
from gansift.workflow.request import requested


@pytest.fixture
def given(tmp_path):
    noise = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    for number in range(40):
        Image.fromarray(noise.integers(0, 256, (9, 9), dtype=np.uint8)).save(tmp_path / "in" / f"{number}.png")
    small = {"size": 8, "resize": "stretch-box", "seeds": 1, "steps": 4, "batch": 4, "latents": 20, "width": 4}
    return requested([str(tmp_path / "in")], {"horizons": "all", "remove": "1", **small})


def test_jobs_decode_nothing_again_and_everything_lies_in_the_run_directory(given, tmp_path, monkeypatch):
    directory, config = stages.prepare(given, tmp_path / "run")
    assert [path.suffix for path in directory.cache.iterdir()] == [".npy"]
    assert {path.name for path in tmp_path.iterdir()} == {"in", "run"}
    fresh = load_data(given.sources, given.general).only.train
    place._built.cache_clear()
    monkeypatch.setattr(images, "decode", lambda *options: pytest.fail("decoded again"))
    found = place_of(config, directory.cache).data.only.train
    assert found.digest() == fresh.digest()
    assert (found.x == fresh.x).all()


def test_a_dry_run_keeps_nothing(given, tmp_path):
    stages.describe(given, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_another_question_or_machine_loads_nothing_again_and_another_training_does(given, tmp_path):
    config = stages.resolved(given).config
    first = place_of(config)
    asked = place_of(
        config.having({"metric": "kid", "latents": 30, "seeds": 3, "for_this_model": True, "horizons": "1", "jobs": 5})
    )
    assert asked.data is first.data
    assert (asked.asked, asked.plan().seeds) == ("kid@30", range(3))
    assert place_of(config.having({"split_seed": 1})).data is not first.data


def test_the_usual_batch_is_no_larger_than_the_data_and_one_that_is_given_is_refused(given):
    few = requested(given.sources, {"size": 8, "width": 4})
    found = stages.resolved(few)
    assert found.config.batch == len(found.train["data"]) < 40
    with pytest.raises(TrainingError, match="a batch of 50 cannot be drawn"):
        stages.resolved(requested(given.sources, {"size": 8, "width": 4, "batch": 50}))


def test_a_run_directory_whose_path_is_not_utf8_is_refused_before_anything_is_done(given, tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    with pytest.raises(UsageError, match="is not UTF-8"):
        stages.describe(given, folder)
    place = stages.resolved(given)
    with pytest.raises(UsageError, match="is not UTF-8"):
        training.train(place.game(0), place.train, steps=1, outdir=folder, **place.training)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"horizons": "1", "verify": 3}, "--horizons, --verify: only the question of this very model"),
        ({"for_this_model": True, "judging_seeds": 3}, "--judging-seeds: only the question of new models"),
        ({"judging_seeds": 3, "steps": 4}, ""),
        ({"for_this_model": True, "horizons": "1"}, ""),
    ],
)
def test_settings_that_only_the_other_question_has_are_said(flags, said, caplog):
    asked = requested(["normal-1d"], flags)
    with caplog.at_level(logging.WARNING):
        place.resolve(asked, load_data(asked.sources, asked.general))
    warned = [line for line in caplog.messages if "only the question" in line]
    assert bool(warned) == bool(said)
    assert all(said in line for line in warned)
