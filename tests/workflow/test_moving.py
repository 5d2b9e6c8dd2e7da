"""A run directory on another device: only what is finished, only if it replays there, and nothing is said before."""

from __future__ import annotations

import json

import pytest

from gansift.errors import ReplayError, UsageError
from gansift.training.devices import check_device
from gansift.workflow import place, stages
from gansift.workflow.config import load, moved
from gansift.workflow.request import requested
from tiny_run import gansift

# A device that is everywhere, and that nothing can be computed on.
ELSEWHERE = "meta"
SMALL = {"for_this_model": True, "steps": 6, "seeds": 2, "width": 4, "horizons": "all", "latents": 20, "jobs": 1}


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch):
    """That device taken for one that computes."""
    for module in (stages, place):
        monkeypatch.setattr(
            module, "check_device", lambda device: None if device == ELSEWHERE else check_device(device)
        )


@pytest.fixture
def trained(tmp_path):
    directory, config = stages.prepare(requested(["normal-1d"], SMALL), tmp_path)
    stages.work(directory, config, "train", config.way, quiet=True)
    return directory


def _device(directory):
    return json.loads(directory.config.read_text())["device"]


def test_a_run_that_is_not_finished_is_not_moved(tmp_path):
    directory, config = stages.prepare(requested(["normal-1d"], SMALL), tmp_path)
    with pytest.raises(UsageError, match=r"seeds 0, 1 of .* are not trained to their end"):
        stages.move(directory, config, ELSEWHERE, None)
    assert _device(directory) == "cpu"


def test_a_run_that_drifts_stays_where_it_was(trained, monkeypatch):
    def drifted(*arguments):
        raise ReplayError("off by 1e-3")

    monkeypatch.setattr(stages.Seed, "train", drifted)
    config = load(trained.config)
    with pytest.raises(ReplayError):
        stages.move(trained, config, ELSEWHERE, None)
    with pytest.raises(ReplayError):
        stages.prepare(requested(["normal-1d"], SMALL | {"device": ELSEWHERE}), trained.root)
    assert _device(trained) == "cpu"


def test_a_run_that_replays_is_moved_and_stays_there(trained, monkeypatch):
    opened = []
    monkeypatch.setattr(stages.Seed, "train", lambda seed: opened.append((seed.number, seed.place.config)))
    changed = stages.move(trained, load(trained.config), ELSEWHERE, True)
    assert [(seed, config.device, config.accept_drift) for seed, config in opened] == [
        (0, ELSEWHERE, True),
        (1, ELSEWHERE, True),
    ]
    assert load(trained.config) == changed
    assert (moved(changed, SMALL).device, moved(changed, SMALL).accept_drift) == (ELSEWHERE, True)
    back = moved(changed, SMALL | {"device": "cpu", "accept_drift": False})
    assert (back.device, back.accept_drift) == ("cpu", False)


def test_a_device_that_is_not_there_is_refused_and_nothing_changes(trained):
    for verb in ("score", "cleanse", "verify", "report"):
        with pytest.raises(UsageError, match="the device warp cannot be used here"):
            gansift(verb, trained.root, "--device", "warp")
    assert _device(trained) == "cpu"


def test_a_run_is_on_the_processor_unless_told_otherwise():
    config = stages.resolved(requested(["normal-1d"], SMALL)).config
    assert (config.device, config.accept_drift) == ("cpu", False)
