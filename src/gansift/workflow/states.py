"""How many states a run records, and brings back to be scored: what its disk, memory and time depend on."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from gansift.cleansing.replicas import stack_size
from gansift.training.memory import bytes_of, state_bytes
from gansift.training.reversal import steps_run
from gansift.training.state import readout
from gansift.training.step import Step
from gansift.training.train import settings_for, usual_stride
from gansift.workflow.config import Config
from gansift.workflow.place import Place


class Sizes(NamedTuple):
    """What the states of a configuration take, in bytes.

    Attributes:
        state: the size of every number that a step reads and writes.
        record: the size of what the adjoint of one step needs beyond the state before it.
        readout: the size of the parameters that a metric reads.
        stack: the number of replicas that are retrained together; 1 where each is retrained alone.
    """

    state: int
    record: int
    readout: int
    stack: int


class BroughtBack(NamedTuple):
    """What going back through the last steps of a run takes.

    Attributes:
        run: the number of steps that are run again.
        held: the number of records of steps in memory at the same time.
        stretches: the number of pairs of checkpoints that are loaded.
    """

    run: int
    held: int
    stretches: int


def sizes(place: Place) -> Sizes:
    """The sizes of a run's states, without a step being made."""
    step = step_of(replace(place, config=replace(place.config, device="cpu")), count=place.config.batch)
    state = step.initial()
    read = {player: {"read": value} for player, value in readout(state).items()}
    return Sizes(state_bytes(state), step.record_bytes(state), state_bytes(read), stack_size(step))


def step_of(place: Place, count: int | None = None) -> Step:
    """The step of a run, of any seed; with the first ``count`` examples of each data set alone, if given."""
    game, data = place.game(0), place.train
    if count is not None:
        data = {name: part.subset(range(count)) for name, part in data.items()}
    return Step(game, data, settings_for(game, data, **place.training, steps=place.config.steps, seed=0))


def recorded(steps: int, left: int | None = None) -> int:
    """States that training over so many steps records, or that it still has to when so many of them are left."""
    done = 0 if left is None else steps - left
    return len({number for number in (*range(0, steps, usual_stride(steps)), steps) if number > done or not done})


def brought_back(steps: int, longest: int, room: int | None) -> BroughtBack:
    """Going back through the last ``longest`` of ``steps`` steps, with room for so many records, or None for all.

    What `training.trajectory.Run.reversed` does for a run on disk; of 2 or 3 steps, all of them kept, it runs fewer.
    """
    stride, first, end = usual_stride(steps), steps - longest, steps
    again = held = stretches = 0
    while end > first:
        checkpoint = (end - 1) // stride * stride
        begin = max(checkpoint, first)
        fitting = end - begin if room is None else room
        again += begin - checkpoint + steps_run(end - begin, fitting)
        held = max(held, min(fitting, end - begin))
        stretches += 1
        end = checkpoint
    return BroughtBack(again, held, stretches)


def retrained(horizon: int, replicas: int, stack: int) -> int:
    """States held while the last ``horizon`` steps are retrained several times, ``stack`` of them together."""
    return recorded(horizon) if stack == 1 else 2 * min(replicas, stack)


def room(config: Config, record: int) -> int | None:
    """How many records of a step the allowed memory of one job holds; None for no limit."""
    allowed = job_memory(config)
    return None if allowed is None else max(1, allowed // record)


def job_memory(config: Config) -> int | None:
    """The share of ``--memory`` that is one job's, in bytes; None for no limit."""
    return None if config.memory is None else bytes_of(config.memory) // config.job_count
