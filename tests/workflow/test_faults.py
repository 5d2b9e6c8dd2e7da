"""A second command, a disk that fills up, a folder that cannot be written to: said clearly, and nothing is lost."""

from __future__ import annotations

import os
import resource
import shutil
from contextlib import contextmanager

import pytest
from kills import results

from gansift import lock
from gansift.errors import GansiftError
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
