"""A run's history as trackers get it."""

from __future__ import annotations

import json
import sys
import types

import pytest

from gansift.errors import GansiftError, UsageError
from gansift.report.tracking import find_tracker, track

RESULT = {
    "settings": {"steps": 40}, "steps": 40, "removed": 3,
    "test": {"before": 9.0, "after": None, "change": -0.5},
}  # fmt: skip


@pytest.fixture
def run_dir(tmp_path):
    folder = tmp_path / "pets"
    folder.mkdir()
    lines = [
        {"seed": 0, "step": 0, "loss/d": 1.5, "fid/validation": None},
        {"seed": 0, "step": 40, "fid/validation": 9},
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "report.json").write_text(json.dumps(RESULT))
    return folder


@pytest.fixture
def tracker(monkeypatch):
    module = types.ModuleType("recorder")
    module.calls = []
    module.init = lambda **given: module.calls.append(("init", given))
    module.log = lambda values, step: module.calls.append((step, values))
    module.finish = lambda: module.calls.append(("finish", None))
    monkeypatch.setitem(sys.modules, "recorder", module)
    return module


def test_a_tracker_gets_every_number_at_its_step_and_is_ended(run_dir, tracker):
    assert track(run_dir, find_tracker("recorder"), project="mine") == 2
    assert tracker.calls == [
        ("init", {"project": "mine", "name": "pets", "config": {"steps": 40}}),
        (0, {"seed": 0, "loss/d": 1.5}),
        (40, {"seed": 0, "fid/validation": 9}),
        (40, {"result/test_before": 9.0, "result/test_change": -0.5, "result/removed": 3.0}),
        ("finish", None),
    ]


def test_a_tracker_that_fails_is_said_to(run_dir, tracker):
    def full(values, step):
        raise OSError("no space left")

    tracker.log = full
    with pytest.raises(GansiftError, match="the tracker failed: OSError: no space left"):
        track(run_dir, tracker)


def test_what_is_no_tracker_or_has_no_history_is_named(run_dir, tracker, monkeypatch):
    with pytest.raises(UsageError, match="no tracker 'not_there' here"):
        find_tracker("not_there")
    with pytest.raises(UsageError, match="json is no tracker: it has no function init and no function log and no"):
        find_tracker("json")
    (run_dir / "metrics.jsonl").write_text("{")
    with pytest.raises(GansiftError, match=r"metrics.jsonl is damaged .* writes it anew"):
        track(run_dir, tracker)
    (run_dir / "metrics.jsonl").unlink()
    with pytest.raises(GansiftError, match=r"cannot be read .*; `gansift report .*pets` writes it"):
        track(run_dir, tracker)
    assert tracker.calls == []


def test_trackio_takes_it(run_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    pytest.importorskip("trackio")
    assert track(run_dir, find_tracker("trackio")) == 2
    assert any((tmp_path / "trackio").rglob("*.db"))
