"""Calls side by side in processes of this machine."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from typing import Any

from gansift.progress import Tick
from gansift.spread.executors import Call, Outcome, attempt, gathered, logged


class Processes:
    """Calls side by side in processes of this machine.

    Args:
        size: the most calls at the same time.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._workers: list[_Worker] = []

    def submit(self, call: Call, tick: Tick) -> Future[Outcome]:
        """Hand the call to an idle worker, or to a new one."""
        for worker in [worker for worker in self._workers if worker.idle]:
            with suppress(BrokenProcessPool):
                return worker.submit(call, self.size)
            worker.close()
            self._workers.remove(worker)
        self._workers.append(_Worker())
        return self._workers[-1].submit(call, self.size)

    def relay(self, tick: Tick) -> None:
        """Pass on what the workers reported and logged."""
        for worker in self._workers:
            worker.relay(tick)

    def died(self, error: BaseException) -> bool:
        """Whether the worker's process ended in the middle of the call."""
        return isinstance(error, BrokenProcessPool)

    def close(self) -> None:
        """Stop all workers."""
        for worker in self._workers:
            worker.close()


class _Worker:
    """One process, in a pool of its own: its death is known to be that of its call, and leaves the others alone."""

    def __init__(self) -> None:
        # A fresh interpreter: forking a process in which torch has started threads can hang.
        context = multiprocessing.get_context("spawn")
        # Both ways: progress and log records come in, and the worker ends when this end is closed, if only because this
        # process died.
        self._line, theirs = context.Pipe()
        self._pool = ProcessPoolExecutor(1, context, _start, (theirs,))
        self._future: Future[Outcome] | None = None

    @property
    def idle(self) -> bool:
        return self._future is None or self._future.done()

    def submit(self, call: Call, size: int) -> Future[Outcome]:
        with _uninterrupted():  # which starts the process
            self._future = self._pool.submit(_attempt, call, size)
        return self._future

    def relay(self, tick: Tick) -> None:
        while self._line.poll():
            one = self._line.recv()
            if isinstance(one, logging.LogRecord):
                logging.getLogger(one.name).handle(one)
            else:
                tick(one)

    def close(self) -> None:
        self._line.close()
        self._pool.shutdown(wait=True, cancel_futures=True)


# Set in a worker's process by `_start`: its line to the parent.
_line: Any = None


def _start(line: Any) -> None:
    global _line
    _line = line
    os.dup2(2, 1)  # what a person's code prints is no result
    threading.Thread(target=_end_with, args=(line,), daemon=True).start()
    # Ctrl-C goes to all processes; a worker can end at any moment, since files are written whole or not at all.
    signal.signal(signal.SIGINT, lambda *_: os._exit(1))
    _mask("SIG_UNBLOCK")


def _end_with(line: Any) -> None:
    """End this worker when its parent closes the line or dies, so that no two ever do the same work."""
    with suppress(EOFError, OSError):
        line.recv()
    os._exit(1)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back, also from a process that is started here until `_start` lets it through."""
    _mask("SIG_BLOCK")
    try:
        yield
    finally:
        _mask("SIG_UNBLOCK")


def _mask(how: str) -> None:
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        signal.pthread_sigmask(getattr(signal, how), {signal.SIGINT})


def _attempt(call: Call, size: int) -> Outcome:
    with gathered(_line.send) as tick, logged(_line.send):
        return attempt(call, size, tick)
