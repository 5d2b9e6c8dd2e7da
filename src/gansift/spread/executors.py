"""Where tasks are done: what every executor is and shares, and the one that is this process."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from logging.handlers import QueueHandler
from pathlib import Path
from typing import NamedTuple, Protocol

from gansift.errors import GansiftError
from gansift.progress import Tick

# Seconds between messages of progress.
_BETWEEN = 0.2

#: Work that any process can do: it is pickled, and called with how many are at work at the same time, and with a tick
#: that is told of the progress.
Call = Callable[[int, Tick], object]


class Outcome(NamedTuple):
    """How a call ended.

    Attributes:
        seconds: the time that it took.
        error: what the user has to mend; None if there was no such error.
    """

    seconds: float
    error: GansiftError | None = None


@dataclass(frozen=True)
class Workers:
    """Where work is done, and what each piece of it may take.

    Attributes:
        jobs: the most pieces of work at the same time; None for as many as there is room for.
        cluster: the address of a Ray cluster; None for this machine.
        processors: the processors of each piece of work.
        gpus: the GPUs of each piece of work, which it has for itself on a cluster.
        shared: a file that every machine of a cluster has to see as this one does.
    """

    jobs: int | None
    cluster: str | None
    processors: int
    gpus: int
    shared: Path


class Executor(Protocol):
    """Does calls, several at the same time.

    Attributes:
        size: the most calls at the same time.
    """

    size: int

    def submit(self, call: Call, tick: Tick) -> Future[Outcome]:
        """Begin a call; never more than ``size`` of them at a time."""

    def relay(self, tick: Tick) -> None:
        """Pass on the progress, and what was logged, since the last call of this method."""

    def died(self, error: BaseException) -> bool:
        """Whether a future's exception says that the worker died, so that the work may be begun again."""

    def close(self) -> None:
        """End the workers; work that goes on is stopped, and nothing else is lost."""


def side_by_side(jobs: int | None, most: int) -> int:
    """How many pieces of work go on at the same time on this machine.

    Args:
        jobs: how many are wanted; None for one on each processor.
        most: how many there are at the most.
    """
    return min(jobs or os.cpu_count() or 1, most)


def attempt(call: Call, size: int, tick: Tick) -> Outcome:
    """Do a call in this process, as one of ``size`` at the same time.

    Args:
        call: the work.
        size: how many calls go on at the same time.
        tick: told of the progress.
    """
    start, error = time.monotonic(), None
    try:
        call(size, tick)
    except GansiftError as problem:
        error = problem
    return Outcome(time.monotonic() - start, error)


class Here:
    """One call after the other, in this process."""

    size = 1

    def submit(self, call: Call, tick: Tick) -> Future[Outcome]:
        """Do the call."""
        future: Future[Outcome] = Future()
        future.set_result(attempt(call, self.size, tick))
        return future

    def relay(self, tick: Tick) -> None:
        """Nothing: progress went to the call's own ``tick``."""

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
