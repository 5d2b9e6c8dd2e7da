"""One of several workers that know nothing of each other, and share out tasks by their places in a list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from gansift.errors import GansiftError, UsageError

_T = TypeVar("_T")


class Share(NamedTuple):
    """Every ``workers``-th task, beginning with the ``number``-th.

    Attributes:
        number: from 1 to ``workers``.
        workers: how many there are.
    """

    number: int
    workers: int

    def of(self, tasks: Sequence[_T]) -> list[_T]:
        """Those of the tasks that are this worker's. All workers have to give the same list.

        >>> Share(2, 3).of("abcdefgh")
        ['b', 'e', 'h']
        """
        return list(tasks[self.number - 1 :: self.workers])

    @property
    def lock(self) -> str:
        """The name of the file that the worker locks, so that no share is done twice at the same time."""
        return f".lock-{self.number}-of-{self.workers}"

    def __str__(self) -> str:
        return f"{self.number}/{self.workers}"


class OthersLeftError(GansiftError):
    """This worker has done its share, and what follows needs what others have still to do."""


def parse_share(text: str) -> Share:
    """A share as a person writes it, such as ``2/8``.

    Raises:
        UsageError: for anything else.
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    share = Share(*map(int, match.groups())) if match else None
    if share is None or not 1 <= share.number <= share.workers:
        raise UsageError(f"--share {text}: give which of how many workers this is, from 1/8 to 8/8, say")
    return share
