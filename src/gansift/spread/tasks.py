"""Tasks spread over an executor: each as soon as what it needs is there, again if its worker died, never twice."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from gansift.errors import GansiftError
from gansift.progress import Tick
from gansift.spread.executors import Executor, Here, Outcome, Workers, side_by_side
from gansift.spread.processes import Processes

_log = logging.getLogger(__name__)

# How often a task is begun whose workers die.
_TRIES = 3
# Seconds until a file that another machine wrote must be seen here; network file systems take up to a minute.
_PATIENCE = 90.0


class Task(Protocol):
    """A call whose results are files. It is hashable, and its text names it in messages."""

    def __call__(self, size: int, tick: Tick) -> object:
        """Do the work and write the files, in any process, as one of ``size`` tasks at the same time."""

    def ready(self) -> bool:
        """Whether everything that it reads is there."""

    def done(self) -> bool:
        """Whether there is nothing left to do."""

    def phase(self) -> str:
        """What kind of work it is, in a word or two, for the person who waits."""

    def missing(self) -> Path:
        """A file that it should have written and that is not there."""

    def ended(self, seconds: float) -> None:
        """Told in this process, with the time that it took, when it has ended by itself."""


@contextmanager
def executor(workers: Workers, most: int) -> Iterator[Executor]:
    """The executor for workers of a kind.

    Args:
        workers: where work is done.
        most: how many tasks could be done at the same time.

    Raises:
        GansiftError: if the cluster cannot be used.
    """
    chosen: Executor
    if workers.cluster is not None:
        from gansift.spread.cluster import Cluster  # Ray is wanted only here

        chosen = Cluster(workers.cluster, workers)
    else:
        size = side_by_side(workers.jobs, most)
        chosen = Processes(size) if size > 1 else Here()
    try:
        yield chosen
    finally:
        chosen.close()


def run_tasks(
    tasks: Sequence[Task], executor: Executor, tick: Tick, name: Callable[[str], object] = lambda phase: None
) -> None:
    """Do all tasks that are not done yet.

    A task is done when its files are there, so whatever stops this function, the next call goes on from the files.

    Args:
        tasks: with those that they need, unless these are done; begun in this order where needs allow.
        executor: that does them.
        tick: told of the progress.
        name: told what is running, whenever that changes.

    Raises:
        GansiftError: the first failure of a task, once the other running ones have ended.
    """
    waiting = [task for task in tasks if not task.done()]
    running: dict[Future[Outcome], Task] = {}
    deaths: Counter[Task] = Counter()
    failure: GansiftError | None = None
    while running or (waiting and failure is None):
        ready = [task for task in waiting if task.ready()]
        assert running or ready or failure, "a task needs what none of the tasks gives"
        for task in ready[: executor.size - len(running)] if failure is None else []:
            waiting.remove(task)
            if not task.done():  # what it needs may have shown that there is nothing to do
                name(_phases([*running.values(), task]))
                running[executor.submit(task, tick)] = task
        ended, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
        executor.relay(tick)
        for future in ended:
            task = running.pop(future)
            if running:
                name(_phases(running.values()))
            error = future.exception()
            if error is None:
                outcome = future.result()
                problem = outcome.error or _unseen(task)
                task.ended(outcome.seconds)
            elif executor.died(error):
                deaths[task] += 1
                problem = _dead(task, error) if deaths[task] == _TRIES else None
                if problem is None:
                    _log.warning("%s: its worker died (killed, or out of memory?); it is done again", task)
                    waiting.insert(0, task)
            else:
                raise error
            failure = failure or problem
    executor.relay(tick)
    if failure is not None:
        raise failure


def _phases(running: Iterable[Task]) -> str:
    """What goes on: one task by its name, several by kind."""
    tasks = list(running)
    if len(tasks) == 1:
        return str(tasks[0])
    kinds = Counter(task.phase() for task in tasks)
    return ", ".join(f"{kind} ({count} at once)" if count > 1 else kind for kind, count in kinds.items())


def _dead(task: Task, error: BaseException) -> GansiftError:
    said = str(error).partition("\n")[0]
    return GansiftError(
        f"{task}: {_TRIES} workers died of it (killed, or out of memory?). The last: {said} Everything "
        "finished is kept: run the same command again, with a smaller --jobs if memory is short."
    )


def _unseen(task: Task) -> GansiftError | None:
    """What is wrong if a finished task's file does not show up here."""
    end = time.monotonic() + _PATIENCE
    while not task.done():
        if time.monotonic() > end:
            return GansiftError(
                f"{task} is done, but {task.missing()} cannot be seen here. All machines of a cluster must share "
                "the file system of the run directory, under the same path."
            )
        time.sleep(0.1)
    return None
