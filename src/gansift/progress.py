"""Progress for the person who waits: a bar on a terminal or in a notebook, lines of text elsewhere."""

from __future__ import annotations

import html
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_log = logging.getLogger(__name__)

_T = TypeVar("_T", bound=Callable[..., None])

#: Called with the amount of work done since the last call, in a unit that all pieces of work share.
Tick = Callable[[float], None]

# Seconds between two pictures of a bar in a notebook: each is a message to the browser.
_BETWEEN = 0.2


class Bar(Protocol):
    """What shows progress: it is called as a `Tick`."""

    def __call__(self, amount: float) -> None:
        """So much more is done."""

    def name(self, phase: str) -> None:
        """Say what is worked on from now on."""

    def end(self) -> None:
        """Say that all is done."""


@contextmanager
def progress(title: str, work: float, quiet: bool) -> Iterator[Bar]:
    """A bar with the time left on a terminal or in a notebook; a line in the log every tenth elsewhere."""
    with _bar(title, work, quiet, _log.info) as bar:
        yield bar


@contextmanager
def watched(asked: _T | bool | None, title: str, work: float, amount: Callable[..., float] = lambda *_: 1.0) -> Any:
    """What to call after every step, for the argument ``progress`` of a function.

    Args:
        asked: that argument: a function, which is called as it is; True for a bar; False or None for nothing.
        title: what the bar says.
        work: how much there is to do.
        amount: from what the function would be called with to how much of the work that is.

    Yields:
        The function to call, or None.
    """
    if callable(asked) or not asked:
        yield asked or None
        return
    with _bar(title, work, False, lambda line: print(line, file=sys.stderr)) as bar:
        yield lambda *said: bar(amount(*said))
        bar.end()  # a sweep may be done before all steps that it was given


@contextmanager
def _bar(title: str, work: float, quiet: bool, say: Callable[[str], object]) -> Iterator[Bar]:
    console = Console(stderr=True)
    if quiet:
        yield _Unseen()
    elif _in_notebook():
        bar = _Notebook(title, work)
        try:
            yield bar
        finally:
            bar.draw()  # how far it came, also if it failed
    elif not console.is_terminal:
        yield _Lines(title, work, say)
    else:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console, transient=True) as shown:
            yield _Terminal(title, work, shown)


class _Unseen:
    """Progress that nobody looks at."""

    def __call__(self, amount: float) -> None:
        pass

    def name(self, phase: str) -> None:
        pass

    def end(self) -> None:
        pass


#: For whoever does not look.
unseen = _Unseen()


class _Terminal:
    """A bar of `rich`."""

    def __init__(self, title: str, work: float, shown: Progress) -> None:
        self._shown = shown
        self._task = shown.add_task(title, total=round(work))

    def __call__(self, amount: float) -> None:
        self._shown.advance(self._task, amount)

    def name(self, phase: str) -> None:
        self._shown.update(self._task, description=phase)

    def end(self) -> None:
        pass  # the bar goes away


class _Timed:
    """What is done, and how long the rest may take."""

    def __init__(self, title: str, work: float) -> None:
        self._title = title
        self._work = max(work, 1.0)
        self._done = 0.0
        self._started = time.monotonic()

    def name(self, phase: str) -> None:
        self._title = phase

    @property
    def _share(self) -> float:
        return self._done / self._work

    def __str__(self) -> str:
        spent = time.monotonic() - self._started
        left = f", about {round(spent * (1 - self._share) / self._share)} s left" if 0 < self._share < 1 else ""
        return f"{self._title}: {round(100 * self._share)} %{left}"


class _Lines(_Timed):
    """A line for every tenth of the work."""

    def __init__(self, title: str, work: float, say: Callable[[str], object]) -> None:
        super().__init__(title, work)
        self._say = say

    def end(self) -> None:
        if self._share < 1:
            self._done = self._work
            self._say(str(self))

    def __call__(self, amount: float) -> None:
        before = int(10 * self._share)
        self._done += amount
        if int(10 * self._share) > before and self._share <= 1:
            self._say(str(self))


class _Notebook(_Timed):
    """A bar of plain HTML, which needs no extension of the notebook."""

    def __init__(self, title: str, work: float) -> None:
        super().__init__(title, work)
        from IPython.display import display

        self._drawn = time.monotonic()
        self._place = display(self, display_id=True)

    def __call__(self, amount: float) -> None:
        self._done += amount
        if time.monotonic() - self._drawn > _BETWEEN:
            self.draw()

    def end(self) -> None:
        self._done = self._work

    def draw(self) -> None:
        """Show how far it is now."""
        self._drawn = time.monotonic()
        self._place.update(self)

    def _repr_html_(self) -> str:
        return f'<progress value="{self._done:g}" max="{self._work:g}"></progress> {html.escape(str(self))}'


def _in_notebook() -> bool:
    """Whether cells of a notebook show what is displayed; IPython on a terminal has a bar like any terminal."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")
