"""The guard: what is certain not to fit is refused before anything is done, with what to change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gansift.errors import UsageError
from gansift.files import in_words
from gansift.training.memory import state_bytes
from gansift.workflow import fits, stages
from gansift.workflow.config import Way
from gansift.workflow.directory import RunDirectory
from gansift.workflow.fits import check_fits, disk_needed, memory_needed
from gansift.workflow.jobs import pipeline, to_do
from gansift.workflow.seed import Seed
from gansift.workflow.states import brought_back, recorded, sizes
from tiny_run import invoke, request

ITD = Way("itd", False)
# Whole-run horizons, so that scoring holds more states than training.
SETTINGS = {
    "source": "normal-1d", "steps": 60, "seeds": 3, "horizons": "all", "remove": "5", "latents": 50, "width": 4,
    "jobs": 2, "verify": 3, "baselines": "none",
}  # fmt: skip


def _place(**changes):
    return stages.resolved(request(SETTINGS | changes))


def _needed(place, folder, last="cleanse"):
    of_states, config = sizes(place), place.config
    plan = place.plan(ITD)
    left = to_do(RunDirectory(folder), plan, pipeline(plan, last))
    return disk_needed(of_states, left), memory_needed(config, of_states, left)


def test_the_disk_is_that_of_the_states_that_training_records(tmp_path):
    place = _place()
    directory, _ = stages.prepare(request(SETTINGS), tmp_path)
    seeds = [Seed(directory, place, seed) for seed in range(3)]
    runs = [seed.run for seed in seeds]
    held = [(run.checkpoints.numbers(), state_bytes(run.state(0))) for run in runs]
    assert _needed(place, tmp_path / "new")[0] == sum(len(numbers) * size for numbers, size in held)
    assert _needed(place, tmp_path)[0] == 0


@pytest.mark.parametrize("steps", [1, 4, 9, 60, 64])
@pytest.mark.parametrize("room", [None, 1, 3])
def test_what_is_brought_back_is_what_going_back_does(tmp_path, steps, room):
    """Against a real run whose steps are counted."""
    place = _place(steps=steps)
    directory, _ = stages.prepare(request(SETTINGS | {"steps": steps}), tmp_path)
    run = Seed(directory, place, 0).run
    assert len(run.checkpoints.numbers()) == recorded(steps)
    size = sizes(place).record
    counted = replace(run, memory=None if room is None else room * size)
    made = []
    trace = counted.step.trace
    counted.step.trace = lambda *arguments: made.append(1) or trace(*arguments)
    for longest in {1, max(1, steps // 2), steps}:
        made.clear()
        assert len(list(counted.reversed(steps - longest))) == longest
        assert brought_back(steps, longest, room).run == len(made)


def test_jobs_and_memory_are_what_the_states_need(tmp_path):
    two = _needed(_place(), tmp_path)[1]
    assert _needed(_place(jobs=1), tmp_path)[1] == two / 2
    assert _needed(_place(jobs=9), tmp_path)[1] == two * 3 / 2  # no more jobs than seeds
    assert _needed(_place(), tmp_path, "train")[1] < two
    scoring = _needed(_place(), tmp_path, "score")[1]
    assert _needed(_place(memory="1KiB"), tmp_path, "score")[1] < scoring


def test_too_little_disk_is_refused_with_what_is_needed_and_there(tmp_path, monkeypatch):
    place = _place()
    needed = _needed(place, tmp_path)[0]
    monkeypatch.setattr(fits, "available_memory", lambda: None)
    monkeypatch.setattr(fits, "free_disk", lambda path: needed)
    check_fits(RunDirectory(tmp_path), place.plan(ITD), place, "verify")
    monkeypatch.setattr(fits, "free_disk", lambda path: needed - 1)
    with pytest.raises(UsageError, match=r"checkpoints need .* of disk, and .* are free at .*--outdir.*--steps"):
        check_fits(RunDirectory(tmp_path), place.plan(ITD), place, "train")


@pytest.mark.parametrize(
    ("share", "settings", "advice"),
    [
        (0.9, {}, "They fit with --jobs 1"),
        (0.9, {"jobs": 1, "remove": "5", "from_start": False}, "They fit with --memory"),
        (0.001, {}, "--jobs 1, a small --memory, smaller networks .--width. and batches .--batch., fewer --steps"),
    ],
)
def test_too_little_memory_is_refused_with_the_flag_that_helps(
    tmp_path, monkeypatch, share, settings, advice
):  # fmt: skip
    place = _place(**settings)
    needed = _needed(place, tmp_path, "score")[1]
    monkeypatch.setattr(fits, "available_memory", lambda: needed)
    check_fits(RunDirectory(tmp_path), place.plan(ITD), place, "score")
    monkeypatch.setattr(fits, "available_memory", lambda: int(share * needed))
    with pytest.raises(UsageError, match=f"jobs hold together need {in_words(needed)} of memory, and .*{advice}"):
        check_fits(RunDirectory(tmp_path), place.plan(ITD), place, "score")


def test_what_a_system_does_not_say_or_a_device_holds_refuses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(fits, "available_memory", lambda: None)
    place = _place()
    check_fits(RunDirectory(tmp_path), place.plan(ITD), place, "verify")
    monkeypatch.setattr(fits, "available_memory", lambda: 0)
    elsewhere = replace(place, config=replace(place.config, device="cuda"))
    check_fits(RunDirectory(tmp_path), elsewhere.plan(ITD), elsewhere, "verify")


@pytest.mark.parametrize("verb", [["run"], ["run", "--until", "train"], ["run", "--dry-run"]])
def test_the_verbs_refuse_before_any_work(tmp_path, monkeypatch, verb):
    monkeypatch.setattr(fits, "free_disk", lambda path: 10)
    flags = [part for key, value in SETTINGS.items() if key != "source" for part in (f"--{key}", str(value))]
    done = invoke([verb[0], "normal-1d", "--outdir", str(tmp_path), *flags, *verb[1:]])
    assert isinstance(done.exception, UsageError)
    assert not (tmp_path / "seeds").exists()


def test_amounts_are_said_in_the_largest_unit():
    assert [in_words(amount) for amount in (7, 2048, 1.5 * 1024**3)] == ["7 bytes", "2 KiB", "1.5 GiB"]
