"""A second command, a disk that fills up, a folder that cannot be written to: said clearly, and nothing is lost."""

from __future__ import annotations

import os
import resource
import shutil
from contextlib import contextmanager

import pytest
import torch
from kills import results

from gansift import cli, lock
from gansift.errors import GansiftError
from gansift.training.checkpoints import DiskCheckpoints
from tiny_run import FLAGS, gansift, run


@pytest.mark.parametrize("verb", ["run", "score", "cleanse", "verify", "report", "audit"])
def test_a_run_directory_in_use_is_refused_by_every_verb_that_writes(folder, monkeypatch, verb):
    monkeypatch.setattr(lock, "_PATIENCE", 0.0)
    arguments = {"run": ["normal-1d", "--outdir", folder, *FLAGS], "audit": ["copies", folder]}.get(verb, [folder])
    refusal = rf"{folder} is in use: process {os.getpid()} on "
    with lock.only_writer(folder), pytest.raises(GansiftError, match=refusal):
        gansift(verb, *arguments)


def test_a_run_directory_in_use_can_be_read(folder, tmp_path):
    with lock.only_writer(folder):
        assert "validation" in gansift("evaluate", folder).output
        gansift("export", folder, tmp_path / "kept", "--format", "lists")
        assert run(folder, "--dry-run").exit_code == 0


def test_a_folder_that_holds_no_run_stays_untouched(tmp_path):
    with pytest.raises(GansiftError, match="holds no run"):
        gansift("score", tmp_path)
    assert not list(tmp_path.iterdir())


@contextmanager
def _files_up_to(size):
    """The kernel cuts longer ones short in the middle of a write, as a disk that fills up does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("verb", "gone", "size", "named"),
    [
        ("run", ["seeds/*/checkpoints"], 1000, r"step-00000000\.safetensors"),
        ("score", ["seeds/*/scores"], 20_000, r"itd-\d+\.csv"),
        ("cleanse", ["seeds/*/retrained"], 400, r"retrained/all@50-\d+-\w+\.json"),
        ("cleanse", ["verify", "report.html"], 1000, r"all@50-itd-.*\.json"),
    ],
)
def test_a_full_disk_is_named_and_with_more_room_the_same_command_ends_with_the_same_bytes(
    finished, folder, verb, gone, size, named
):
    for path in [path for pattern in gone for path in folder.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in (folder / "log.txt", *folder.glob("seeds/*/seconds.json")):
        path.unlink(missing_ok=True)
    arguments = ["normal-1d", "--outdir", folder, *FLAGS] if verb == "run" else [folder, "--quiet"]
    full = rf"cannot write {folder}/\S*{named}: File too large\. Free some space, or .* the same command goes on"
    with _files_up_to(size), pytest.raises(GansiftError, match=full):
        gansift(verb, *arguments)
    assert not list(folder.rglob("*.tmp"))
    gansift(verb, *arguments)
    run(folder)
    assert results(folder) == results(finished)


@pytest.mark.parametrize(("name", "verb"), [("scores", "score"), ("retrained", "cleanse"), ("checkpoints", "score")])
def test_a_folder_that_cannot_be_written_to_is_named_and_once_mended_the_same_command_goes_on(
    finished, folder, name, verb
):
    """Permissions do not stop root, which tests may run as; a file in the place of the folder stops everybody."""
    place = folder / "seeds/1" / name
    for spoilt in {place, folder / "seeds/1/scores"}:  # without scores there is something to do
        shutil.rmtree(spoilt)
    place.write_text("in the way")
    with pytest.raises(GansiftError, match=rf"cannot write {place}/\S+: .*the same command goes on"):
        gansift(verb, folder, "--quiet")
    place.unlink()
    gansift(verb, folder, "--quiet")
    run(folder)
    assert results(folder) == results(finished)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_damage_that_any_process_finds_is_in_the_log(finished, folder, jobs):
    damaged = folder / "seeds/1/checkpoints/step-00000008.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    shutil.rmtree(folder / "seeds/1/scores")  # so that there is something to do for which it is read
    run(folder, "--jobs", jobs)
    assert f"{damaged} is damaged" in (folder / "log.txt").read_text()
    assert results(folder) == results(finished)


def test_a_log_that_cannot_be_written_is_said_once_and_stops_nothing(folder, monkeypatch):
    monkeypatch.setattr(cli, "open_own", lambda path, flags: os.open("/dev/full", os.O_WRONLY))
    (folder / "seeds/0/seconds.json").write_text("damaged, which is logged")
    (folder / "seeds/1/seconds.json").write_text("damaged, which is logged")
    done = gansift("report", folder)
    assert done.exit_code == 0
    assert done.stderr.count("log.txt any more") == 1


@pytest.mark.parametrize("name", [".lock", "log.txt", "seeds/0/checkpoints/checksums.txt"])
@pytest.mark.parametrize("what", ["a link to a file", "a link to nothing", "a pipe"])
def test_a_fixed_name_that_is_no_file_of_its_own_is_refused_and_what_it_leads_to_stays(folder, tmp_path, name, what):
    path, other = folder / name, tmp_path / "thesis.txt"
    path.unlink()
    if what == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(other)
    if what == "a link to a file":
        other.write_text("years of work")
    if name.endswith("checksums.txt"):
        with pytest.raises(GansiftError, match=r"checksums\.txt is a"):
            DiskCheckpoints(path.parent).save(10_000, {"player": {"slot": torch.zeros(1)}})
    else:
        with pytest.raises(GansiftError, match=rf"{name} is a"):
            gansift("report", folder)
    assert other.exists() == (what == "a link to a file")
    assert not other.exists() or other.read_text() == "years of work"


def test_a_lock_file_that_holds_a_persons_text_is_never_emptied(folder, tmp_path):
    (other := tmp_path / "thesis.txt").write_text("years of work")
    (folder / ".lock").unlink()
    os.link(other, folder / ".lock")
    with pytest.raises(GansiftError, match=r"\.lock is no lock of gansift"):
        gansift("report", folder)
    assert other.read_text() == "years of work"


@pytest.mark.parametrize(
    "name", ["config.json", "manifest.csv", "report.json", "seeds/1/values/made.json", "cache/x.npy"]
)
def test_a_pipe_anywhere_in_a_run_is_refused_by_name_and_not_waited_for(folder, name):
    path = folder / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    for verb in ("report", "evaluate", "score"):
        with pytest.raises(GansiftError, match=rf"{path.name} is a pipe"):
            gansift(verb, folder)
