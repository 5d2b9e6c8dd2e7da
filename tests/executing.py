"""An executor that pretends, and tasks so small that many can be done: what tests of spreading share."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gansift.spread.executors import Outcome


class WorkerDiedError(Exception):
    """What a future raises whose worker died."""


@dataclass
class Pretending:
    """Ends tasks in a random order, and writes the files that they would write.

    Attributes:
        write: puts the files of a task where they belong.
        size: tasks at the same time.
        stop_after: so many tasks are begun, then the command is interrupted.
        outcomes: of the tries of a task, one after the other, by its text; done without error if nothing is said.
    """

    write: Callable[[Any], None]
    size: int = 3
    stop_after: int = 10**9
    outcomes: dict[str, list[Any]] = field(default_factory=dict)

    def __post_init__(self):
        self.begun, self.running, self.random = [], {}, random.Random(0)

    def submit(self, task, tick):
        assert task.ready(), f"{task} was begun too early"
        assert not task.done(), f"{task} was done twice"
        assert task not in self.running.values()
        assert len(self.running) < self.size
        if len(self.begun) == self.stop_after:
            raise KeyboardInterrupt
        self.begun.append(task)
        future = Future()
        self.running[future] = task
        if len(self.running) == self.size:
            self._end_one()
        return future

    def relay(self, tick):
        if self.running:
            self._end_one()

    def _end_one(self):
        future = self.random.choice(list(self.running))
        task = self.running.pop(future)
        tries = self.outcomes.get(str(task), [])
        outcome = tries.pop(0) if tries else Outcome(1.0)
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
            return
        if outcome.error is None:
            self.write(task)
        future.set_result(outcome)

    def died(self, error):
        return isinstance(error, WorkerDiedError)


@dataclass(frozen=True)
class Touch:
    """Writes a file; pickled, it goes to any process.

    Attributes:
        path: of the file, whose name names the task.
        needs: files of others that have to be there before.
        unless: a file that makes the task needless.
        work: what is done before the file is written, called with the number of tasks at the same time and the tick.
    """

    path: Path
    needs: tuple[Path, ...] = ()
    unless: Path | None = None
    work: Callable[[int, Callable[[float], None]], object] | None = None

    def __str__(self):
        return self.path.name

    def __call__(self, size, tick):
        if self.work is not None:
            self.work(size, tick)
        self.path.touch()

    def ready(self):
        return all(need.exists() for need in self.needs)

    def done(self):
        return self.path.exists() or (self.unless is not None and self.unless.exists())

    def phase(self):
        return "touching"

    def missing(self):
        return self.path

    def ended(self, seconds):
        with open(self.path.with_name("seconds"), "a") as file:
            file.write(f"{self} {seconds}\n")


def tick_ten_times(size, tick):
    for _ in range(10):
        tick(1.0)


def wait_for(paths, seconds=30.0):
    """Wait until files are there, which another process writes."""
    end = time.monotonic() + seconds
    while not all(path.exists() for path in paths):
        assert time.monotonic() < end, f"one of {paths} was not written"
        time.sleep(0.01)
