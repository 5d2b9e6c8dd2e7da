"""Several seeds of one game trained as one: every step computes R replicas at once.

Replicas differ in initial parameters, batches, random numbers and weights. Each draws the very numbers that it would
draw alone, and computes the same but for rounding; where networks are small that is several times faster, because the
interpreter is asked only once.

What a replica computes does not depend on what the others hold, but its last bits depend on the shape of the whole: on
how many replicas there are, and which of them it is. A run that was trained in a stack therefore records both, and is
replayed at its place in a stack of that size: beside the runs that it was trained with if they are replayed, too, else
beside copies of itself. So it is complete by itself, and comes back bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn, cast

import torch
from torch import Tensor, vmap

from gansift.data.examples import Examples
from gansift.errors import TrainingError
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.training.checkpoints import Checkpoints
from gansift.training.compiled import Call
from gansift.training.private import PrivateStep, private_players
from gansift.training.shards import WHOLE, Shard
from gansift.training.state import PARAMETERS, Gradients, State, is_finite, row_of, stacked
from gansift.training.step import Settings, Step, Trace
from gansift.training.trajectory import Run
from gansift.training.work import replicas_together
from gansift.training.written import Written

#: Parameters of all seeds that are trained together at most: 24 of the preset for digits. The sweep was fastest there,
#: by a little; training takes the same from 8 to 48 seeds (`benchmarks/stack.py --sizes`).
STACKED = 430_000
# By how much of its length a gradient in a stack may differ from that alone; the second is for gradients that are 0.
_ROUNDING, _ZERO = {torch.float32: 1e-3, torch.float64: 1e-6}, 1e-10


class BrokenError(TrainingError):
    """Some seeds of a stack broke down.

    Attributes:
        messages: what is said of each, by its place.
    """

    def __init__(self, messages: Mapping[int, str]) -> None:
        super().__init__("; ".join(messages.values()))
        self.messages = dict(messages)


class Member(Step):
    """The step of one run that was trained in a stack: computed at its place in a stack of that size."""

    #: What has been written down for stacks of this game and size, shared by all their members.
    written: Written | None = None

    def trace(self, state: State, number: int, weights: Tensor) -> Trace:
        """See `Step.trace`; replicas that differ only in their weights are stacked by themselves."""
        if weights.ndim > 1:
            return super().trace(state, number, weights)
        stack, place = Stack([self]), self.settings.place
        traced = stack.trace(stack.together([state]), number, stack.filled([weights]))
        return Trace(
            [_taken(before, place) for before in traced.before],
            _taken(traced.after, place),
            {player: loss[place] for player, loss in traced.losses.items()},
            _gradients_of(traced.gradients, place),
        )


class Stack(Step):
    """The step of several runs at once; what is (P,) or (N,) in a step of one is (R, P) or (R, N) here.

    Args:
        members: the steps of runs that differ only in seed and place; places that none of them has are filled with
            copies of the first.
    """

    #: Whether all replicas see the same batches and random numbers.
    shared = False

    def __init__(self, members: Sequence[Member]) -> None:
        first = members[0]
        vars(self).update(vars(first))  # game, data and layouts are those of every member
        self.members = list(members)
        self.places = [member.settings.place for member in members]
        size = first.settings.stack
        self._at = [self.places.index(place) if place in self.places else 0 for place in range(size)]
        # Runs of one seed share what they draw.
        self._distinct = list({member.settings.seed: member for member in members}.values())
        seeds = [member.settings.seed for member in self._distinct]
        self._drawn_by = [seeds.index(members[row].settings.seed) for row in self._at]
        known = [member.written for member in members if member.written is not None]
        written = known[0] if known else Written(self)
        for member in members:
            member.written = written
        self.compiled = written.of(self) if written.possible else None

    def redrawn(self, look: int) -> Stack:
        """See `Step.redrawn`."""
        return Stack([member.redrawn(look) for member in self.members])

    @property
    def first(self) -> tuple[Step, int]:
        """The step of one of the members, and its place."""
        return self.members[0], self.places[0]

    def filled(self, rows: Sequence[Tensor]) -> Tensor:
        """What belongs to each member, as a tensor with a row for each place."""
        return torch.stack([rows[row] for row in self._at])

    def together(self, states: Sequence[State]) -> State:
        """The states of the members as one."""
        return stacked([states[row] for row in self._at])

    def initial(self) -> State:
        """The state before the first step."""
        return self.together([member.initial() for member in self.members])

    def rows(self, number: int, turn: int) -> dict[str, Tensor]:
        """Rows of each data set in the batch of each place, (R, B)."""
        found = [member.rows(number, turn) for member in self._distinct]
        return {name: torch.stack([found[own][name] for own in self._drawn_by]) for name in self.x}

    def batch_weights(self, rows: Mapping[str, Tensor], weights: Tensor) -> dict[str, Tensor]:
        """See `Step.batch_weights`; each row of ``weights``, (R, N), belongs to one place."""
        return {name: weights.gather(-1, self.offsets[name] + index).to(self.dtype) for name, index in rows.items()}

    def losses(
        self,
        number: int,
        player: str,
        turn: int,
        rows: Mapping[str, Tensor],
        parameters: Mapping[str, Tensor],
        batch_weights: Mapping[str, Tensor],
        shard: Shard = WHOLE,
    ) -> Tensor:
        """A player's loss at each place, (R,)."""
        draws = [member.draw(number, player, turn, shard) for member in self._distinct]
        by = torch.tensor(self._drawn_by, device=self.settings.device)

        def loss(
            by: Tensor,
            rows: Mapping[str, Tensor],
            parameters: Mapping[str, Tensor],
            batch_weights: Mapping[str, Tensor],
        ) -> Tensor:
            draw = _StackedDraw(draws, by)
            return self.loss(number, player, turn, rows, parameters, batch_weights, shard, draw)  # type: ignore[arg-type]

        return vmap(loss)(by, rows, parameters, batch_weights)

    def drawn(self, number: int, player: str, turn: int, calls: Sequence[Call]) -> list[Tensor]:
        """What a player's loss draws at each place if these are its calls, a tensor (R, ...) for each."""
        draws = [member.draw(number, player, turn) for member in self._distinct]
        found = [[getattr(draw, call.kind)(*call.shape) for draw in draws] for call in calls]
        return [torch.stack([of_call[own] for own in self._drawn_by]) for of_call in found]

    def check_finite(self, state: State, number: int, losses: Mapping[str, Tensor]) -> None:
        """See `Step.check_finite`.

        Raises:
            BrokenError: saying which members broke down.
        """
        if is_finite(state):
            return
        messages = {}
        for member, place in zip(self.members, self.places, strict=True):
            try:
                own = {player: loss[place] for player, loss in losses.items()}
                member.check_finite(row_of(state, place), number, own)
            except TrainingError as error:
                messages[place] = f"seed {member.settings.seed}: {error}"
        raise BrokenError(messages)


class _StackedDraw:
    """The random numbers of one of several stacked losses: of what all seeds draw, those of its own."""

    def __init__(self, draws: Sequence[Draw], by: Tensor) -> None:
        self._draws, self._by = draws, by.reshape(1)
        self.dtype, self.device = draws[0].dtype, draws[0].device

    def _own(self, drawn: Sequence[Tensor]) -> Tensor:
        return torch.stack(list(drawn)).index_select(0, self._by).squeeze(0)

    def normal(self, *shape: int) -> Tensor:
        return self._own([draw.normal(*shape) for draw in self._draws])

    def uniform(self, *shape: int) -> Tensor:
        return self._own([draw.uniform(*shape) for draw in self._draws])

    def permutation(self, n: int) -> Tensor:
        return self._own([draw.permutation(n) for draw in self._draws])

    def seed(self) -> NoReturn:
        raise TrainingError("a loss that draws a seed cannot be stacked: it would be one number for all seeds")


class StackedCheckpoints:
    """The states of a stack, each member's kept in a store of its own."""

    def __init__(self, stack: Stack, stores: Sequence[Checkpoints]) -> None:
        self._stack, self._stores = stack, stores

    def save(self, number: int, state: State, gradients: Gradients | None = None) -> None:
        """Keep the state of each member, and its gradients where they are given."""
        for store, place in zip(self._stores, self._stack.places, strict=True):
            moves = None if gradients is None else _gradients_of(gradients, place)
            store.save(number, _taken(state, place), moves)

    def gradients(self, number: int) -> Gradients | None:
        """The gradients of the step that led to a state, if all members kept theirs."""
        found = [gradients for store in self._stores if (gradients := store.gradients(number)) is not None]
        if len(found) < len(self._stores):
            return None
        return [
            {name: self._stack.filled([gradients[move][name] for gradients in found]) for name in moved}
            for move, moved in enumerate(found[0])
        ]

    def load(self, number: int, device: str = "cpu") -> State:
        """Bring the states back."""
        return self._stack.together([store.load(number, device) for store in self._stores])

    def numbers(self) -> list[int]:
        """Numbers of the states that all members have kept, ascending."""
        return sorted(set.intersection(*(set(store.numbers()) for store in self._stores)))

    def held(self, size: int) -> int:
        """Bytes of memory that the kept states take, each of ``size`` for the whole stack."""
        return sum(store.held(size // len(self._stores)) for store in self._stores)


def _taken(state: State, place: int) -> State:
    """A member's state in memory of its own: a view would keep the whole stack, and not be aligned as it is alone."""
    own = row_of(state, place)
    return {player: {name: value.clone() for name, value in slots.items()} for player, slots in own.items()}


def _gradients_of(gradients: Gradients, place: int) -> Gradients:
    return [{player: value[place].clone() for player, value in of_move.items()} for of_move in gradients]


def run_of(runs: Sequence[Run]) -> Run:
    """Several runs of one stack as one, whose states are (R, P) and weights (R, N); a single run as it is."""
    first = runs[0]
    if len(runs) == 1:
        return first
    stack = Stack([cast("Member", run.step) for run in runs])
    memory = [run.memory for run in runs if run.memory is not None]
    return replace(
        first,
        step=stack,
        weights=stack.filled([run.weights for run in runs]),
        checkpoints=StackedCheckpoints(stack, [run.checkpoints for run in runs]),
        outdir=None,
        memory=min(memory, default=None),
    )


def stacks_of(runs: Sequence[Run]) -> list[list[int]]:
    """Which runs can be computed together: those that were trained in stacks of one size, each at another place."""
    shapes = [(run.start, run.steps, run.accept_drift, tuple(run.checkpoints.numbers())) for run in runs]
    return groups([run.step for run in runs], shapes)


def groups(steps: Sequence[Step], shapes: Sequence[Any]) -> list[list[int]]:
    """Rows of steps that can be members of one stack, each at another place, and are of the same shape otherwise."""
    found: list[list[int]] = []
    for row, step in enumerate(steps):
        for group in found if step.settings.stack > 1 else ():
            first, taken = group[0], [steps[other].settings.place for other in group]
            if step.settings.place not in taken and shapes[first] == shapes[row] and alike(steps[first], step):
                group.append(row)
                break
        else:
            found.append([row])
    return found


def step_of(game: Game, data: Mapping[str, Examples], settings: Settings) -> Step:
    """The step of a run, which knows how it is computed: alone, at a place in a stack, or privately.

    Raises:
        TrainingError: for a private training of which the promise could not be kept.
        UsageError: for one, if dp-accounting is not installed.
    """
    if private_players(settings.optimizers):
        return PrivateStep(game, data, settings)
    return (Step if settings.stack == 1 else Member)(game, data, settings)


def seeds_together(step: Step) -> int:
    """How many seeds of a game are trained together at most; 1 where they cannot be, or it would not be faster.

    Games with events, batches in parts and compiled steps are trained one seed after the other, and so are those that
    compute much (`replicas_together`).
    """
    if (
        private_players(step.settings.optimizers)
        or not step.game.stackable
        or step.game.offers("event")
        or step.shards.count > 1
        or step.compiled is not None
    ):
        return 1
    return replicas_together(step, STACKED)


def stack_fault(stack: Stack) -> str | None:
    """What is wrong with a stack, as told by its first step; None if its members compute what each does alone."""
    states = [member.initial() for member in stack.members]
    parameters = {name: slots[PARAMETERS] for name, slots in stack.together(states).items()}
    rows = stack.rows(0, 0)
    ones = torch.ones(len(stack.ids), dtype=stack.dtype, device=stack.settings.device)
    weights = stack.batch_weights(rows, stack.filled([ones] * len(states)))
    for player in stack.layouts:
        try:
            together, _ = stack.gradient(0, player, 0, rows, parameters, weights)
        except Exception as error:  # a user's loss may raise anything
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            return f"the {player}'s loss fails under torch.func.vmap ({type(error).__name__}: {said})"
        for member, place, state in zip(stack.members, stack.places, states, strict=True):
            own = {name: slots[PARAMETERS] for name, slots in state.items()}
            of_member = member.rows(0, 0)
            alone, _ = member.gradient(0, player, 0, of_member, own, member.batch_weights(of_member, ones))
            off, size = float((together[place] - alone).norm()), float(alone.norm())
            if not off <= _ROUNDING[stack.dtype] * size + _ZERO:
                return f"the {player}'s gradients in a stack differ from those alone by {off / max(size, _ZERO):.2g}"
    return None


def alike(one: Step, other: Step) -> bool:
    """Whether the steps of two runs can be members of one stack: they differ in nothing but seed and place."""
    return (
        one.settings == replace(other.settings, seed=one.settings.seed, place=one.settings.place)
        and one.ids == other.ids
        and one.game.settings() == other.game.settings()
        and _same(one.x, other.x)
        and all(_same(one.columns[name], other.columns[name]) for name in one.x)
        and all(
            _same(module.state_dict(), other.game.players[player].state_dict(), but=one.layouts[player].names)
            for player, module in one.game.players.items()
        )
    )


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor], but: Sequence[str] = ()) -> bool:
    return one.keys() == other.keys() and all(
        name in but or torch.equal(value, other[name]) for name, value in one.items()
    )
