"""Seeds side by side in processes of their own, with progress for the person who waits."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from logging.handlers import QueueHandler
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from gansift.errors import GansiftError
from gansift.workflow.config import Way
from gansift.workflow.seeds import work_on_seed

_log = logging.getLogger(__name__)

Tick = Callable[[float], None]

# Set in each worker process by `_start_worker`: where progress and log records go, and whether to begin anything more.
_news: Any = None
_stopped: Any = None


def run_seeds(root: Path, seeds: Sequence[int], last: str, way: Way, work: float, jobs: int, quiet: bool) -> None:
    """Do the work of all seeds up to the stage ``last``.

    Args:
        root: run directory, with its configuration.
        seeds: training seeds.
        last: ``train``, ``score``, ``cleanse`` or ``verify``.
        way: how the run is cleansed.
        work: all the work, in training steps, for the progress bar.
        jobs: processes; 1 works in this one.
        quiet: show no progress.

    Raises:
        GansiftError: the first failure of a seed, once the other running seeds have ended.
    """
    with progress(f"{last} {len(seeds)} seed{'s' if len(seeds) > 1 else ''}", work, quiet) as tick:
        if jobs == 1 or len(seeds) == 1:
            for seed in seeds:
                work_on_seed(root, seed, last, way, tick)
        else:
            _in_processes(root, seeds, last, way, min(jobs, len(seeds)), tick)


def _in_processes(root: Path, seeds: Sequence[int], last: str, way: Way, jobs: int, tick: Tick) -> None:
    # Fresh interpreters: forking a process in which torch has started threads can hang.
    context = multiprocessing.get_context("spawn")
    news, stopped = context.Queue(), context.Event()
    with ProcessPoolExecutor(jobs, context, _start_worker, (news, stopped)) as pool:
        futures = [pool.submit(_work, root, seed, last, way) for seed in seeds]
        try:
            _relay(news, futures, tick)
            for future in futures:
                if not future.cancelled():
                    future.result()
        except BrokenProcessPool as error:
            raise GansiftError(
                "a worker process died (killed, or out of memory?). Everything finished is kept: run the same command "
                "again, with --jobs 1 if memory is short."
            ) from error
        finally:
            stopped.set()  # for the seed that the pool has queued ahead and no longer cancels
            pool.shutdown(wait=True, cancel_futures=True)


def _start_worker(news: Any, stopped: Any) -> None:
    global _news, _stopped
    _news, _stopped = news, stopped
    # Without a reader (another seed has failed) the pipe fills up; a worker must not wait for it at its end.
    news.cancel_join_thread()
    logger = logging.getLogger("gansift")
    logger.addHandler(QueueHandler(news))
    logger.setLevel(logging.INFO)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """End this worker as soon as its parent was killed, so that no two commands ever work on one directory."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work(root: Path, seed: int, last: str, way: Way) -> None:
    if not _stopped.is_set():
        work_on_seed(root, seed, last, way, _news.put)


def _relay(news: Any, futures: Sequence[Future[Any]], tick: Tick) -> None:
    """Pass on progress and log records until every seed has ended; once one failed, those not begun are given up."""
    while not all(future.done() for future in futures):
        _pass_on(news, tick)
        if any(future.done() and not future.cancelled() and future.exception() for future in futures):
            for future in futures:
                future.cancel()
    while _pass_on(news, tick):  # what was sent last
        pass


def _pass_on(news: Any, tick: Tick) -> bool:
    """Whether there was something within a moment."""
    try:
        one = news.get(timeout=0.2)
    except queue.Empty:
        return False
    if isinstance(one, logging.LogRecord):
        logging.getLogger(one.name).handle(one)
    else:
        tick(one)
    return True


@contextmanager
def progress(title: str, work: float, quiet: bool) -> Iterator[Tick]:
    """A bar with the time left on a terminal; a line in the log every tenth elsewhere."""
    console = Console(stderr=True)
    if quiet:
        yield lambda amount: None
        return
    if not console.is_terminal:
        yield _LoggedProgress(title, work)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=round(work))
        yield lambda amount: bar.advance(task, amount)


class _LoggedProgress:
    """Progress in the log, a line for every tenth of the work."""

    def __init__(self, title: str, work: float) -> None:
        self._title = title
        self._work = max(work, 1.0)
        self._done = 0.0
        self._started = time.monotonic()

    def __call__(self, amount: float) -> None:
        before = int(10 * self._done / self._work)
        self._done += amount
        share = self._done / self._work
        if int(10 * share) > before and share <= 1:
            left = (time.monotonic() - self._started) * (1 - share) / share
            _log.info("%s: %d %%, about %d s left", self._title, round(100 * share), round(left))
