"""Going back through steps that only run forwards: what to keep on the way, and what to compute again.

With room for few states, some are kept, and from each of them the steps up to the next are run again when they are
needed. Which ones to keep is decided by dynamic programming for the fewest steps run, the exact counterpart of the
binomial schedules of Griewank and Walther (2000, "Revolve"). Here a step that is run leaves what its adjoint reads (the
states before its moves), so a stretch that fits is run once only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TypeVar

import numpy as np

_State = TypeVar("_State")
_Record = TypeVar("_Record")


def in_reverse(
    forward: Callable[[_State, int], tuple[_Record, _State]], state: _State, begin: int, end: int, room: int
) -> Iterator[_Record]:
    """The records of the steps ``end - 1`` down to ``begin``, with the fewest steps run for that room.

    Args:
        forward: one step: from the state before it and its number to its record and the state after it.
        state: before step ``begin``; held by the caller.
        begin: the first step.
        end: the step after the last.
        room: how many states and records may be held at a time besides ``state``, at least 1.
    """
    length = end - begin
    if length <= room:
        records = []
        for number in range(begin, end):
            record, state = forward(state, number)
            records.append(record)
        del state, record
        while records:
            yield records.pop()
        return
    middle = begin + int(_plan(length, room)[1][room, length])
    later = state
    for number in range(begin, middle):
        later = forward(later, number)[1]
    # With room for one, the state in the middle takes it until the steps after it are done.
    yield from in_reverse(forward, later, middle, end, max(1, room - 1))
    del later
    yield from in_reverse(forward, state, begin, middle, room)


def steps_run(length: int, room: int) -> int:
    """How many steps `in_reverse` runs to go back through ``length`` of them."""
    return length if length <= room else int(_plan(length, room)[0][room, length])


@lru_cache(maxsize=4)
def _plan(length: int, room: int) -> tuple[np.ndarray, np.ndarray]:
    """The fewest steps run, and the step to keep for that, by room and length; shape (room + 1, length + 1) each."""
    cost = np.zeros((room + 1, length + 1), dtype=np.int64)
    keep = np.zeros((room + 1, length + 1), dtype=np.int64)
    for having in range(1, room + 1):
        cost[having, : having + 1] = np.arange(having + 1)
        for steps in range(having + 1, length + 1):
            middles = np.arange(1, steps)
            if having == 1:
                middles = middles[-1:]
            after = cost[max(1, having - 1), steps - middles]
            total = middles + after + cost[having, middles]
            best = int(total.argmin())
            cost[having, steps], keep[having, steps] = total[best], middles[best]
    return cost, keep
