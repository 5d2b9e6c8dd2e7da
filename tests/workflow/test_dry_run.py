"""A dry run refuses what the run refuses."""

from __future__ import annotations

import pytest

from gansift.errors import TrainingError, UsageError
from tiny_run import gansift, run


def test_a_dry_run_refuses_a_directory_of_another_run_and_shows_the_plan_of_the_same_one(tmp_path):
    folder = tmp_path / "run"
    run(folder, "--until", "train", "--horizons", "all")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(TrainingError, match=r"holds a run with other settings: steps \(8 there, 9 now\)"):
        run(folder, "--steps", "9", "--horizons", "all", "--dry-run")
    assert "3 training seeds" in run(folder, "--seeds", "3", "--horizons", "all", "--dry-run").stdout
    (folder / "manifest.csv").write_text(before[folder / "manifest.csv"].decode().replace(",train,", ",test,", 1))
    with pytest.raises(TrainingError, match="the data are not those"):
        run(folder, "--horizons", "all", "--dry-run")
    (folder / "manifest.csv").write_bytes(before[folder / "manifest.csv"])
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_horizons_that_are_longer_than_the_run_are_named_and_those_of_a_preset_are_not(tmp_path, caplog):
    run(tmp_path / "run", "--horizons", "0.1,3,900,all", "--dry-run")
    (said,) = [record.getMessage() for record in caplog.records if "--horizons" in record.getMessage()]
    assert "so 3, 900 are left out, and what is tried is 0.09589" in said
    assert said.endswith("the whole run")
    caplog.clear()
    gansift("run", "normal-1d", "--outdir", tmp_path / "run", "--for-this-model", "--steps", "8", "--dry-run")
    assert not [record for record in caplog.records if "--horizons" in record.getMessage()]


def test_a_private_training_is_planned_only_as_far_as_it_may_go(tmp_path):
    flags = ["digits", "--dp-epsilon", "8", "--steps", "4", "--seeds", "1", "--outdir", tmp_path / "run", "--dry-run"]
    with pytest.raises(UsageError, match="give --until train"):
        gansift("run", *flags)
    assert "Nothing was done" in gansift("run", *flags, "--until", "train").stdout
