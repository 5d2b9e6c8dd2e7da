"""A recorded run: enough to bring back the state at every step exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from sys import float_info

from torch import Tensor

from gansift.errors import ReplayError, UsageError
from gansift.games.trained import Trained
from gansift.notebook import table
from gansift.training.checkpoints import Checkpoints, last_kept
from gansift.training.memory import state_bytes
from gansift.training.reversal import in_reverse
from gansift.training.state import PARAMETERS, Gradients, State, checksum, readout
from gansift.training.step import Step


@dataclass(frozen=True)
class Recorded:
    """One step as the adjoint consumes it.

    Attributes:
        number: of the step.
        before: the state before each of its moves.
        gradients: for each move, the gradient of every player that moved; None where they were not asked for, or
            neither kept nor computed by a replay.
        eve: the state before the game's event, or None if it has none.
    """

    number: int
    before: list[State]
    gradients: Gradients | None = None
    eve: State | None = None


@dataclass(frozen=True)
class Run:
    """A trained run.

    Attributes:
        step: the pure step, with game, data and settings.
        weights: one weight per example over all data sets, shape (N,), in the order of ``ids``.
        start: number of the first recorded step; above 0 where training was redone from step T - K on.
        checkpoints: recorded states, the first at ``start`` and the last at ``steps``.
        outdir: the run directory, or None for a run in memory.
        memory: bytes that states brought back at the same time may take; None holds those between two checkpoints.
        accept_drift: a replay need not give the recorded bits; it starts anew from every checkpoint.
        end: number of steps after which the run is looked at (see `until`); None for all of them.
    """

    step: Step
    weights: Tensor
    start: int
    checkpoints: Checkpoints
    outdir: Path | None = None
    memory: int | None = None
    accept_drift: bool = False
    end: int | None = None

    def __repr__(self) -> str:
        settings = self.step.settings
        return (
            f"Run({type(self.step.game).__name__}, steps {self.start} to {self.steps}, {len(self.ids)} examples, seed "
            f"{settings.seed}, {self.outdir or 'in memory'})"
        )

    def _repr_html_(self) -> str:
        """What was trained, in a notebook."""
        settings = self.step.settings
        sizes = [
            f"{name}: {sum(parameter.numel() for parameter in module.parameters()):,} parameters"
            for name, module in self.step.game.players.items()
        ]
        rows = [
            ("players", "; ".join(sizes)),
            ("training examples", "; ".join(f"{name}: {len(x):,}" for name, x in self.step.x.items())),
            ("steps", f"{self.start:,} to {self.steps:,} ({self.steps / self.epoch:.3g} epochs)"),
            ("seed", settings.seed),
            ("removal", settings.removal),
            ("recorded states", len(self.checkpoints.numbers())),
            ("kept in", self.outdir or "memory"),
        ]
        return table(f"Run of {type(self.step.game).__name__}", ("", ""), rows)

    @property
    def name(self) -> str:
        """Where scores come from: the run directory's name and a hash of its configuration, or ``memory``."""
        if self.outdir is None:
            return "memory"
        digest = hashlib.sha256((self.outdir / "config.json").read_bytes()).hexdigest()
        return f"{self.outdir.name}-{digest[:8]}"

    @property
    def steps(self) -> int:
        """Number of steps of the whole run, T; of a run that is cut short (`until`) those before the cut."""
        return self.step.settings.steps if self.end is None else self.end

    @property
    def ids(self) -> tuple[str, ...]:
        """The training examples' ids; with several data sets ``<data set>:<id>``."""
        return self.step.ids

    @property
    def epoch(self) -> float:
        """Steps in one epoch."""
        return self.step.epoch

    def until(self, number: int) -> Run:
        """The same run, cut short after ``number`` steps: what was trained until then, with its history.

        Learning rates and all else that depends on the length of the training stay those of the whole run, so this is
        its prefix, and not a shorter training.

        Raises:
            UsageError: if the run does not have so many steps.
        """
        if not self.start < number <= self.steps:
            raise UsageError(f"a run of steps {self.start} to {self.steps} cannot be cut after step {number}")
        return replace(self, end=number)

    def state(self, number: int) -> State:
        """The state before step ``number`` (``steps`` for the last one), replayed from the nearest checkpoint.

        A checkpoint that is damaged or missing is named in the log, computed again from the one before it (the first
        from the seed), and kept again.

        Raises:
            UsageError: if the run does not reach that step.
            ReplayError: if a checkpoint that is computed again is not what was recorded.
        """
        if not self.start <= number <= self.steps:
            raise UsageError(f"step {number} is not in this run, which goes from {self.start} to {self.steps}")
        store, device = self.checkpoints, self.step.settings.device
        nearest, state = last_kept(store, self.start, number, self.step.initial, device)
        kept = set(store.numbers())
        for past in range(nearest, number):
            state = self.step(state, past, self.weights)
            if past + 1 in kept:
                store.save(past + 1, state)
        return state

    def reversed(self, first: int, gradients: bool = False) -> Iterator[Recorded]:
        """The steps from the last down to ``first``, each with the states before its moves.

        With ``gradients`` also with those of its moves, where the step is replayed or they were kept.

        What is between two checkpoints is replayed; where ``memory`` is too small to hold it, parts of it several
        times (`in_reverse`), so that memory does not grow with the length of the run.

        Raises:
            ReplayError: if a replayed state is not bit for bit the recorded one, naming the step, unless drift was
                accepted.
        """
        known = {self.start, *self.checkpoints.numbers()}
        end = self.steps
        while end > first:
            begin = max(number for number in known if number < end)
            yield from self._between(begin, max(begin, first), end, gradients)
            end = begin

    def _between(self, checkpoint: int, first: int, end: int, gradients: bool) -> Iterator[Recorded]:
        """The steps ``end - 1`` down to ``first``, from the checkpoints before and after them."""
        state, last = self.state(checkpoint), self.state(end)
        # Where every state was kept nothing is replayed, but for the last step, which shows that the code is the same.
        if end - checkpoint == 1 and end < self.steps and (known := self.step.before_moves(state, last)) is not None:
            yield Recorded(checkpoint, known, self.checkpoints.gradients(end) if gradients else None)
            return
        expected = checksum(last)
        del last

        def forward(state: State, number: int) -> tuple[Recorded, State]:
            traced = self.step.trace(state, number, self.weights)
            if number + 1 == end and not self.accept_drift and checksum(traced.after) != expected:
                raise ReplayError(
                    f"replaying steps {checkpoint} to {end} did not give the recorded state at step {end}. The run was "
                    "recorded with other code, another number of threads or another device; train it again here. Of a "
                    "run recorded elsewhere that may be accepted (accept_drift=True, --accept-drift)."
                )
            return Recorded(number, traced.before, traced.gradients if gradients else None, traced.eve), traced.after

        for number in range(checkpoint, first):
            state = forward(state, number)[1]
        yield from in_reverse(forward, state, first, end, self._room(state, gradients) or end - first)

    def drift(self) -> float:
        """How far off a replay of the last steps, as many as between two checkpoints or more, is here; 0: same bits.

        The largest difference of a player's parameters, relative to their length.
        """
        last = self.state(self.steps)
        numbers = self.checkpoints.numbers()
        stride = numbers[1] - numbers[0]
        begin = max(number for number in numbers if number <= self.steps - stride)
        state = self.state(begin)
        for number in range(begin, self.steps):
            state = self.step(state, number, self.weights)
        if checksum(state) == checksum(last):
            return 0.0
        return max(_distance(state[player][PARAMETERS], slots[PARAMETERS]) for player, slots in last.items())

    def _room(self, state: State, gradients: bool) -> int | None:
        """How many steps' records, or states, the memory has room for; None for no limit."""
        if self.memory is None:
            return None
        kept = self.checkpoints.held(state_bytes(state))
        return max(1, (self.memory - kept) // self.step.record_bytes(state, gradients))

    def trained(self, number: int | None = None) -> Trained:
        """The players as read out (averaged where an average is kept) before step ``number``, by default at the end.

        The run itself can be given to a metric; this is what the metric asks it for.
        """
        state = self.state(self.steps if number is None else number)
        return Trained(self.step.game, readout(state), self.weights)


def _distance(found: Tensor, expected: Tensor) -> float:
    """Length of the difference relative to that of what was expected; at least the least number above 0."""
    relative = float((found - expected).double().norm() / expected.double().norm())
    return max(relative, float_info.min)
