"""Tasks are begun when what they need is there, never twice, and again if their worker died."""

from __future__ import annotations

from pathlib import Path

import pytest

from executing import Pretending, Touch, WorkerDiedError
from gansift.errors import GansiftError
from gansift.spread import tasks as tasks_file
from gansift.spread.executors import Here, Outcome, Workers
from gansift.spread.processes import Processes
from gansift.spread.tasks import executor, run_tasks


@pytest.fixture
def tasks(tmp_path):
    """Two layers of tasks on four first ones; the last of all is not wanted where ``0-there`` is."""
    first = [Touch(tmp_path / f"{number}-first") for number in range(4)]
    second = [Touch(tmp_path / f"{number}-second", (first[number].path,)) for number in range(4)]
    both = tuple(one.path for one in second[:2])
    return [*first, *second, Touch(tmp_path / "last", both, unless=tmp_path / "0-there")]


def _write(task):
    task.path.touch()


def _run(tasks, pretending):
    run_tasks(tasks, pretending, lambda amount: None)


def test_every_task_is_done_once_after_what_it_needs(tasks, tmp_path):
    pretending = Pretending(_write)
    _run(tasks, pretending)
    assert sorted(map(str, pretending.begun)) == sorted(map(str, tasks))
    assert sorted((tmp_path / "seconds").read_text().split("\n")) == sorted(["", *(f"{one} 1.0" for one in tasks)])


@pytest.mark.parametrize("stop_after", range(0, 9, 2))
def test_stopped_at_any_moment_the_next_call_does_the_rest(tasks, stop_after):
    first = Pretending(_write, stop_after=stop_after)
    with pytest.raises(KeyboardInterrupt):
        _run(tasks, first)
    finished = [task for task in first.begun if task.done()]
    second = Pretending(_write)
    _run(tasks, second)
    assert all(task.done() for task in tasks)
    assert not set(finished) & set(second.begun)
    assert len(finished) + len(second.begun) == len(tasks)


def test_what_runs_is_named_one_task_by_itself_and_several_by_kind(tmp_path):
    names = []
    alone = Touch(tmp_path / "alone")
    run_tasks([alone], Here(), lambda amount: None, names.append)
    assert names == ["alone"]
    first = [Touch(tmp_path / f"{number}-first") for number in range(2)]
    last = Touch(tmp_path / "last", tuple(one.path for one in first))
    names.clear()
    run_tasks([*first, last], Pretending(_write), lambda amount: None, names.append)
    assert "touching (2 at once)" in names
    assert names[-1] == "last"


def test_what_others_made_needless_is_not_begun(tasks):
    def write(task):
        task.path.touch()
        task.path.with_name("0-there").touch()

    pretending = Pretending(write)
    _run(tasks, pretending)
    assert tasks[:-1] == sorted(pretending.begun, key=tasks.index)


def test_after_a_failure_nothing_more_is_begun_and_the_running_ones_land(tasks):
    pretending = Pretending(_write, outcomes={"1-first": [Outcome(0.0, GansiftError("NaN in the first one"))]})
    with pytest.raises(GansiftError, match="NaN in the first one"):
        _run(tasks, pretending)
    assert not pretending.running
    assert [str(task) for task in pretending.begun if not task.done()] == ["1-first"]
    assert len(pretending.begun) < 6
    _run(tasks, Pretending(_write))


def test_a_task_whose_worker_died_is_begun_again(tasks, caplog):
    deaths = {"2-first": [WorkerDiedError(), WorkerDiedError()], "last": [WorkerDiedError()]}
    pretending = Pretending(_write, outcomes=deaths)
    _run(tasks, pretending)
    assert len(pretending.begun) == len(tasks) + 3
    assert all(task.done() for task in tasks)
    assert caplog.text.count("2-first: its worker died") == 2


def test_a_task_that_three_workers_die_of_is_named_and_what_is_done_is_kept(tasks):
    pretending = Pretending(_write, outcomes={"2-first": [WorkerDiedError("no memory")] * 3})
    with pytest.raises(GansiftError, match=r"2-first: 3 workers died of it .* no memory .* smaller --jobs"):
        _run(tasks, pretending)
    assert pretending.begun.count(tasks[2]) == 3
    assert not pretending.running
    again = Pretending(_write)
    _run(tasks, again)
    assert tasks[2] in again.begun
    assert tasks[0] not in again.begun


def test_a_fault_in_the_code_is_raised_as_it_is(tasks):
    with pytest.raises(ZeroDivisionError):
        _run(tasks, Pretending(_write, outcomes={"0-first": [ZeroDivisionError()]}))


def test_a_result_that_stays_on_another_machine_is_refused(tasks, monkeypatch):
    monkeypatch.setattr(tasks_file, "_PATIENCE", 0.2)
    with pytest.raises(GansiftError, match=r"-first cannot be seen here.*must share the file system"):
        _run(tasks, Pretending(lambda task: None))


@pytest.mark.parametrize(("jobs", "most", "kind", "size"), [(1, 9, Here, 1), (3, 1, Here, 1), (3, 2, Processes, 2)])
def test_one_task_at_a_time_needs_no_other_process(jobs, most, kind, size):
    with executor(Workers(jobs, None, 1, 0, Path("config.json")), most) as chosen:
        assert type(chosen) is kind
        assert chosen.size == size
