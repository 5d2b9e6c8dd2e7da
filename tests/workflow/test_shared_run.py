"""Workers with a share each leave the same bytes in a run directory as one process does."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tiny_run
from gansift import lock
from gansift.errors import GansiftError
from gansift.spread.share import OthersLeftError

NEW_MODELS = [
    "--steps", "8", "--scoring-seeds", "3", "--choosing-seeds", "2", "--judging-seeds", "2", "--remove", "5,10",
    "--latents", "50", "--width", "4", "--jobs", "1", "--batch", "20", "--baselines", "density", "--quiet",
]  # fmt: skip
KINDS = {"this model": tiny_run.FLAGS, "new models": NEW_MODELS}
# What says how long things took, and by whom they were done.
TIMED = ("log.txt", "seconds.json", "report.json", "report.json.sha256", "report.html")


def _run(folder, flags, *more):
    return tiny_run.gansift("run", "normal-1d", "--outdir", folder, *flags, *more)


def _bytes(folder):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        path.relative_to(folder): path.read_bytes()
        for path in files
        if path.name not in TIMED and not path.name.startswith(".lock")
    }


@pytest.mark.parametrize("flags", KINDS.values(), ids=KINDS)
def test_workers_that_take_turns_end_with_the_bytes_of_one_process(flags, tmp_path):
    whole, shared = tmp_path / "whole", tmp_path / "shared"
    assert _run(whole, flags).exit_code == 0
    turns = open_ends = 0
    finished = set()
    while len(finished) < 2:
        share = f"{turns % 2 + 1}/2"
        turns += 1
        assert turns < 30
        try:
            assert _run(shared, flags, "--share", share).exit_code == 0
            finished.add(share)
        except OthersLeftError:
            open_ends += 1
    assert open_ends >= 2  # neither did the work of the other
    assert _bytes(shared) == _bytes(whole)


def test_a_command_line_with_a_share_exits_with_4_while_others_have_work(tmp_path):
    flags = [*NEW_MODELS, "--until", "train", "--share", "1/2"]
    done = subprocess.run(
        [sys.executable, "-m", "gansift.cli", "run", "normal-1d", "--outdir", tmp_path, *flags],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert "1 of 2 jobs (to train 3 seeds) are left to other shares" in done.stderr
    assert "Traceback" not in done.stderr


def test_shares_work_side_by_side_but_not_beside_one_that_takes_all_nor_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_PATIENCE", 0.1)
    with lock.one_of_several_writers(tmp_path, ".lock-1-of-2"), lock.one_of_several_writers(tmp_path, ".lock-2-of-2"):
        with pytest.raises(GansiftError, match="in use"), lock.only_writer(tmp_path):
            pytest.fail("one that takes all was let in")
        with pytest.raises(GansiftError, match="in use"), lock.one_of_several_writers(tmp_path, ".lock-1-of-2"):
            pytest.fail("the same share was let in twice")
    with (
        lock.only_writer(tmp_path),
        pytest.raises(GansiftError, match="in use"),
        lock.one_of_several_writers(tmp_path, ".lock-1-of-2"),
    ):
        pytest.fail("a share was let in")


def test_a_share_leaves_what_others_are_writing(tmp_path):
    assert _run(tmp_path, NEW_MODELS, "--until", "train").exit_code == 0
    writing = tmp_path / "seeds/0/.values.json.123.tmp"
    writing.write_text("half")
    assert _run(tmp_path, NEW_MODELS, "--until", "train", "--share", "1/1").exit_code == 0
    assert writing.exists()
    assert _run(tmp_path, NEW_MODELS, "--until", "train").exit_code == 0
    assert not writing.exists()
