"""Processes of this machine: a worker that is killed costs its own call's work and nothing else."""

from __future__ import annotations

import logging
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from executing import Touch, tick_ten_times, wait_for
from gansift.errors import GansiftError
from gansift.spread.executors import Here
from gansift.spread.processes import Processes
from gansift.spread.tasks import run_tasks


@dataclass(frozen=True)
class DiesOnce:
    """Kills its process in the middle of its work, the first time."""

    died: Path

    def __call__(self, size, tick):
        if not self.died.exists():
            self.died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        tick_ten_times(size, tick)


@dataclass(frozen=True)
class Waits:
    """Goes on once the other task is at work, too."""

    own: Path
    other: Path

    def __call__(self, size, tick):
        self.own.touch()
        wait_for([self.other])
        self.own.with_name(f"{self.own.name}-size-{size}").touch()


@dataclass(frozen=True)
class Faulty:
    """Has a mistake in its code, or in what the user asks for."""

    error: Exception

    def __call__(self, size, tick):
        raise self.error


def _die(size, tick):
    os.kill(os.getpid(), signal.SIGKILL)


def _log_it(size, tick):
    logging.getLogger("gansift.far.away").warning("said by process %d", os.getpid())


@pytest.fixture
def two():
    processes = Processes(2)
    yield processes
    processes.close()


def test_two_tasks_go_on_at_the_same_time_in_other_processes(two, tmp_path):
    a, b = tmp_path / "a-begun", tmp_path / "b-begun"
    tasks = [Touch(tmp_path / "a", work=Waits(a, b)), Touch(tmp_path / "b", work=Waits(b, a))]
    run_tasks(tasks, two, lambda amount: None)
    assert len(list(tmp_path.glob("*-begun-size-2"))) == 2


@pytest.mark.parametrize("kind", [Here, lambda: Processes(2)], ids=["here", "processes"])
def test_all_progress_arrives_wherever_it_was_made(kind, tmp_path):
    chosen, amounts = kind(), []
    run_tasks([Touch(tmp_path / str(row), work=tick_ten_times) for row in range(3)], chosen, amounts.append)
    chosen.close()
    assert sum(amounts) == 30


def test_a_killed_workers_task_is_done_again_and_no_other(two, tmp_path, caplog):
    tasks = [Touch(tmp_path / "unlucky", work=DiesOnce(tmp_path / "died")), Touch(tmp_path / "lucky")]
    run_tasks(tasks, two, lambda amount: None)
    assert all(task.done() for task in tasks)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["unlucky"]


def test_a_task_that_kills_every_worker_is_named_and_the_others_land(two, tmp_path):
    other = Touch(tmp_path / "other")
    with pytest.raises(GansiftError, match="deadly: 3 workers died of it"):
        run_tasks([Touch(tmp_path / "deadly", work=_die), other], two, lambda amount: None)
    assert other.done()


def test_what_a_worker_logs_is_logged_here(two, tmp_path, caplog):
    run_tasks([Touch(tmp_path / "talking", work=_log_it)], two, lambda amount: None)
    (record,) = caplog.records
    assert record.name == "gansift.far.away"
    assert record.getMessage() != f"said by process {os.getpid()}"


def test_a_tasks_own_errors_come_back_as_they_are(two, tmp_path):
    for error in (GansiftError("lower the learning rate"), ZeroDivisionError("a mistake")):
        with pytest.raises(type(error), match=str(error)):
            run_tasks([Touch(tmp_path / "faulty", work=Faulty(error))], two, lambda amount: None)
