"""Going back in little room: every step once, in reverse, with the fewest steps run and no more held than allowed."""

from __future__ import annotations

import gc
from functools import lru_cache

import pytest

from gansift.training.reversal import in_reverse, steps_run


class Held:
    """A state or record that knows how many of its kind are alive."""

    alive = 0

    def __init__(self, number):
        self.number = number
        Held.alive += 1

    def __del__(self):
        Held.alive -= 1


@pytest.mark.parametrize("room", [1, 2, 3, 5, 8, 40])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 24, 40])
def test_every_step_comes_once_in_reverse_within_the_room_and_the_announced_work(length, room):
    gc.collect()
    run, most, base = 0, 0, Held.alive
    first = Held(100)

    def forward(state, number):
        nonlocal run, most
        assert state.number == number
        run += 1
        after = Held(number + 1)
        most = max(most, Held.alive - base)
        return state, after  # the record holds the state before the step, as a real one does

    numbers = []
    for record in in_reverse(forward, first, 100, 100 + length, room):
        numbers.append(record.number)
        del record
    assert numbers == list(range(99 + length, 99, -1))
    assert run == steps_run(length, room)
    # Besides the first state and the one that a step is just making.
    assert most - 2 <= room


@lru_cache(None)
def _fewest(length, room):
    """By trying every place for the next kept state."""
    if length <= room:
        return length
    if room == 1:
        return length + _fewest(length - 1, 1)
    return min(m + _fewest(length - m, room - 1) + _fewest(m, room) for m in range(1, length))


@pytest.mark.parametrize("room", range(1, 7))
def test_no_other_schedule_runs_fewer_steps(room):
    assert [steps_run(length, room) for length in range(1, 40)] == [_fewest(length, room) for length in range(1, 40)]


def test_little_room_costs_little():
    assert steps_run(316, 316) == 316
    assert steps_run(316, 36) < 2 * 316
    assert steps_run(316, 12) < 3 * 316
