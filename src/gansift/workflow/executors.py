"""Where jobs are done: what every executor is and shares, and the one that is this process."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from logging.handlers import QueueHandler
from pathlib import Path
from typing import NamedTuple, Protocol

from gansift.errors import GansiftError
from gansift.workflow.config import Config
from gansift.workflow.directory import RunDirectory
from gansift.workflow.jobs import Job
from gansift.workflow.place import place_of
from gansift.workflow.progress import Tick

# Seconds between messages of progress.
_BETWEEN = 0.2


class Outcome(NamedTuple):
    """How a job ended.

    Attributes:
        seconds: that it took.
        error: what the user has to mend; None if the job is done.
    """

    seconds: float
    error: GansiftError | None = None


class Executor(Protocol):
    """Does jobs of one run directory.

    Attributes:
        size: jobs at the same time.
    """

    size: int

    def submit(self, job: Job, tick: Tick) -> Future[Outcome]:
        """Begin a job whose needs are met; never more than ``size`` at a time."""

    def relay(self, tick: Tick) -> None:
        """Pass on the progress, and what was logged, since the last call."""

    def died(self, error: BaseException) -> bool:
        """Whether a future's exception says that the worker died, so that the job may be begun again."""

    def close(self) -> None:
        """End the workers; a job that is running is stopped, and loses no more than its own work."""


def attempt(root: Path, config: Config, job: Job, size: int, tick: Tick) -> Outcome:
    """Do a job in this process, as one of ``size`` at the same time.

    Args:
        root: run directory.
        config: of the run, with what is asked of it now.
        job: to do.
        size: jobs at the same time.
        tick: told of the progress.
    """
    start, error = time.monotonic(), None
    directory = RunDirectory(root)
    try:
        job.run(directory, place_of(replace(config, jobs=size), directory.cache), tick)
    except GansiftError as problem:
        error = problem
    return Outcome(time.monotonic() - start, error)


class Here:
    """One job after the other, in this process."""

    size = 1

    def __init__(self, root: Path, config: Config) -> None:
        self._root, self._config = root, config

    def submit(self, job: Job, tick: Tick) -> Future[Outcome]:
        """Do the job."""
        future: Future[Outcome] = Future()
        future.set_result(attempt(self._root, self._config, job, 1, tick))
        return future

    def relay(self, tick: Tick) -> None:
        """Nothing: progress went to the job's own ``tick``."""

    def died(self, error: BaseException) -> bool:
        """Never: this process would have died too."""
        return False

    def close(self) -> None:
        """Nothing."""


@contextmanager
def gathered(send: Callable[[float], object]) -> Iterator[Tick]:
    """Progress in few messages: a training step takes less time than a message to another machine."""
    amount, sent = 0.0, time.monotonic()

    def tick(more: float) -> None:
        nonlocal amount, sent
        amount += more
        if time.monotonic() - sent > _BETWEEN:
            send(amount)
            amount, sent = 0.0, time.monotonic()

    yield tick
    send(amount)


@contextmanager
def logged(send: Callable[[logging.LogRecord], object]) -> Iterator[None]:
    """What is logged inside is sent on, to where it is known where it goes."""
    logger, handler = logging.getLogger("gansift"), _Sent(send)  # type: ignore[arg-type]
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Sent(QueueHandler):
    """Hands log records on, ready to be pickled."""

    def enqueue(self, record: logging.LogRecord) -> None:
        self.queue(record)  # type: ignore[operator]
