"""Progress for the person who waits: a bar on a terminal, lines in the log elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_log = logging.getLogger(__name__)

#: Called with the amount of work done since the last call, in a unit that all pieces of work share.
Tick = Callable[[float], None]


def unseen(amount: float) -> None:
    """Progress that nobody looks at."""


@contextmanager
def progress(title: str, work: float, quiet: bool) -> Iterator[Tick]:
    """A bar with the time left on a terminal; a line in the log every tenth elsewhere."""
    console = Console(stderr=True)
    if quiet:
        yield unseen
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
