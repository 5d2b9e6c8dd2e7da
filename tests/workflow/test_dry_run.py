"""A dry run refuses what the run refuses."""

from __future__ import annotations

import pytest

from gansift.errors import TrainingError
from tiny_run import run


def test_a_dry_run_refuses_a_directory_of_another_run_and_shows_the_plan_of_the_same_one(tmp_path):
    folder = tmp_path / "run"
    run(folder, "--until", "train")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(TrainingError, match=r"holds a run with other settings: steps \(8 there, 9 now\)"):
        run(folder, "--steps", "9", "--dry-run")
    assert "3 training seeds" in run(folder, "--seeds", "3", "--dry-run").stdout
    (folder / "manifest.csv").write_text(before[folder / "manifest.csv"].decode().replace(",train,", ",test,", 1))
    with pytest.raises(TrainingError, match="the data are not those"):
        run(folder, "--dry-run")
    (folder / "manifest.csv").write_bytes(before[folder / "manifest.csv"])
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
