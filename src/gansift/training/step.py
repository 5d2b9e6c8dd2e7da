"""One step of training as a pure function of (state, step number, weights); the seed is fixed in the settings.

There is this one implementation of training. Recording, replay, retraining and the adjoint all call it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn, vmap

from gansift.data.examples import Examples
from gansift.errors import TrainingError
from gansift.games.batch import Batch, Batches
from gansift.games.copying import copy_of, copy_of_game
from gansift.games.draw import Draw, PartDraw
from gansift.games.game import Game
from gansift.games.inherited import Inherited
from gansift.games.parameters import Layout, Net
from gansift.training.compiled import Compiled, Loss
from gansift.training.devices import repeatable
from gansift.training.memory import state_bytes
from gansift.training.optimizers import Optimizer
from gansift.training.order import batch_indices
from gansift.training.shards import WHOLE, Shard, Shards
from gansift.training.state import AVERAGE, PARAMETERS, Gradients, State, is_finite, row_of, stacked

DTYPES = {"float32": torch.float32, "float64": torch.float64}

#: Below this many parameters a step costs the interpreter more than the processor, and stacking several is nearly free.
SMALL = 100_000


@dataclass(frozen=True)
class Settings:
    """What besides game and data decides a run, bit for bit.

    Attributes:
        steps: rounds of the game's schedule.
        batch_size: examples in a batch, by data set.
        optimizers: by player.
        ema: decay of the averaged parameters of the game's ``averaged`` players; 0 keeps no average.
        seed: of initial parameters, batch order and latents.
        renormalise: removal divides by the sum of a batch's weights instead of its size.
        dtype: ``float32`` or ``float64``.
        device: where it is computed.
        shards: equal parts that a batch is computed in, see `training.shards`.
        processes: that share the parts.
        compiled: gradients come from compiled functions, see `training.compiled`.
        stack: seeds in the stack that the run was trained in, see `training.stacked`; 1 for a run trained alone.
        place: of the run in that stack, from 0.
        noise_key: the secret that noise is drawn by where a player is private, see `training.private`.
    """

    steps: int
    batch_size: Mapping[str, int]
    optimizers: Mapping[str, Optimizer]
    ema: float
    seed: int
    renormalise: bool
    dtype: str
    device: str
    shards: int = 1
    processes: int = 1
    compiled: bool = False
    stack: int = 1
    place: int = 0
    noise_key: str = field(default="", repr=False)

    @property
    def removal(self) -> str:
        """The removal convention by name, as scores and reports carry it."""
        return "renormalised" if self.renormalise else "fixed-denominator"


class Move(NamedTuple):
    """One update within a step: the players that move together, and how often each has moved in this step before."""

    players: tuple[str, ...]
    turns: tuple[int, ...]


class Trace(NamedTuple):
    """What happens in one step.

    Attributes:
        before: the state before each of its moves.
        after: the state after the step.
        losses: each player's last loss.
        gradients: for each move, the gradient of every player that moved.
        eve: the state before the game's event, or None if it has none.
    """

    before: list[State]
    after: State
    losses: dict[str, Tensor]
    gradients: Gradients
    eve: State | None = None


class Replaced(NamedTuple):
    """A player's numbers after an event.

    Attributes:
        parameters: flat parameters, shape (P,), differentiable in what they are made of.
        source: the number whose moments each number goes on with, int64, shape (P,); -1 where they start anew.
    """

    parameters: Tensor
    source: Tensor


class Step:
    """``step(state, number, weights) -> state``, and the parts of it that the adjoint needs.

    Args:
        game: what is trained; its modules are copied, never changed.
        data: the training examples of each named data set.
        settings: see `Settings`.
    """

    #: Whether what is learnt of examples is clipped and noised, see `training.private`.
    private = False

    def __init__(self, game: Game, data: Mapping[str, Examples], settings: Settings) -> None:
        self.settings = settings
        self.dtype = DTYPES[settings.dtype]
        self.game = copy_of_game(game)
        for module in self.game.players.values():
            module.to(device=settings.device, dtype=self.dtype)
        self.layouts = {name: Layout(module) for name, module in self.game.players.items()}
        self.x = {name: part.x.to(settings.device, self.dtype) for name, part in data.items()}
        self.labels = {
            name: None if part.labels is None else part.labels.to(settings.device) for name, part in data.items()
        }
        self.columns = {name: _columns(part, settings.device, self.dtype) for name, part in data.items()}
        self.ids = ids_of(data)
        offsets = [0]
        for part in data.values():
            offsets.append(offsets[-1] + len(part))
        self.offsets = dict(zip(data, offsets, strict=False))
        self.moves = _moves(self.game)
        self.updates = _updates(self.game, self.moves)
        self.batches = max(self.updates.values())
        self.shards = Shards(settings.shards, settings.processes)
        self.compiled = Compiled(self) if settings.compiled else None

    @property
    def epoch(self) -> float:
        """Steps in one epoch, see `epoch_of`."""
        return epoch_of(self.game, {name: len(x) for name, x in self.x.items()}, self.settings.batch_size)

    def initial(self) -> State:
        """The state before the first step: parameters decided by the seed, empty optimizer slots."""
        state: State = {}
        for name, module in self.game.players.items():
            parameters = self.layouts[name].flatten(_initialised(module, Draw(self.settings.seed, "init", name).seed()))
            state[name] = {PARAMETERS: parameters, **self.settings.optimizers[name].slots(parameters)}
            if self.settings.ema and name in self.game.averaged:
                state[name][AVERAGE] = parameters.clone()
        return state

    def redrawn(self, look: int) -> Self:
        """The same step with other batches and other random numbers, which are fixed by ``look``."""
        other = copy(self)
        seed = Draw(self.settings.seed, "redrawn", look).seed()
        other.settings = replace(self.settings, seed=seed)
        other.compiled = None if self.compiled is None else self.compiled.of(other)
        return other

    def net(self, parameters: Mapping[str, Tensor]) -> Net:
        """The players bound to flat parameters."""
        return Net(self.game.players, self.layouts, parameters)

    def rows(self, number: int, turn: int) -> dict[str, Tensor]:
        """Rows of each data set in the batch of the ``turn``-th update of a player in step ``number``."""
        size, batch = self.settings.batch_size, number * self.batches + turn
        return {
            name: batch_indices(self.settings.seed, name, batch, len(x), size[name]).to(self.settings.device)
            for name, x in self.x.items()
        }

    def batch_weights(self, rows: Mapping[str, Tensor], weights: Tensor) -> dict[str, Tensor]:
        """The weights of a batch's examples, by data set, (B,) or (R, B); ``weights`` run over all data sets."""
        return {name: weights[..., self.offsets[name] + index].to(self.dtype) for name, index in rows.items()}

    def loss(
        self,
        number: int,
        player: str,
        turn: int,
        rows: Mapping[str, Tensor],
        parameters: Mapping[str, Tensor],
        batch_weights: Mapping[str, Tensor],
        shard: Shard = WHOLE,
        draw: Draw | None = None,
    ) -> Tensor:
        """A player's loss in one update, a scalar.

        Args:
            number: of the step.
            player: whose loss.
            turn: updates of the player earlier in this step.
            rows: as from `rows`.
            parameters: flat parameters of every player.
            batch_weights: as from `batch_weights`.
            shard: the part of the batch to take the loss of; the loss is the mean over the parts.
            draw: the loss's random numbers; by default those of this update.
        """
        batch = self.batch(number, turn, rows, batch_weights, shard)
        draw = self.draw(number, player, turn, shard) if draw is None else draw
        return self.game.loss(player, self.net(parameters), batch, draw)

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
        """As `loss`; those of R replicas, (R,), if parameters are (R, P) and batch weights (R, B)."""
        loss = partial(self.loss, number, player, turn, rows, shard=shard)
        stacked = next(iter(batch_weights.values())).ndim > 1
        return vmap(loss)(parameters, batch_weights) if stacked else loss(parameters, batch_weights)

    def draw(self, number: int, player: str, turn: int, shard: Shard = WHOLE) -> Draw:
        """The random numbers of a player's loss in one update."""
        key = (self.settings.seed, "step", number, player, turn)
        if shard.count == 1:
            return Draw(*key, dtype=self.dtype, device=self.settings.device)
        lengths = {size // shard.count for size in self.settings.batch_size.values()}
        return PartDraw(
            *key, part=shard.index, parts=shard.count, lengths=lengths, dtype=self.dtype, device=self.settings.device
        )

    def batch(
        self,
        number: int,
        turn: int,
        rows: Mapping[str, Tensor],
        batch_weights: Mapping[str, Tensor],
        shard: Shard = WHOLE,
    ) -> Batches:
        """What the losses see of the data: a batch of each data set, or a part of it; arguments as in `loss`."""
        return Batches({
            name: self._batch_of(name, number, turn, shard.of(index), batch_weights[name], shard)
            for name, index in rows.items()
        })  # fmt: skip

    def _batch_of(self, name: str, number: int, turn: int, own: Tensor, raw: Tensor, shard: Shard) -> Batch:
        """The batch of one data set: its rows ``own``, which are a part of those that the weights ``raw`` are of."""
        weight, labels = _normalised(raw) if self.settings.renormalise else raw, self.labels[name]
        return Batch(
            x=self.x[name][own],
            weight=shard.of(weight),
            label=None if labels is None else labels[own],
            step=number,
            steps=self.settings.steps,
            turn=turn,
            rows=own,
            raw_weight=shard.of(raw),
            columns={column: values[own] for column, values in self.columns[name].items()},
        )

    def optimizer_update(
        self, player: str, slots: Mapping[str, Tensor], gradient: Tensor, number: int, turn: int
    ) -> dict[str, Tensor]:
        """A player's parameters and optimizer slots after one update, differentiable in ``slots`` and ``gradient``."""
        optimizer = self.settings.optimizers[player]
        own = {name: value for name, value in slots.items() if name not in (PARAMETERS, AVERAGE)}
        parameters, own = optimizer.update(
            slots[PARAMETERS],
            own,
            gradient,
            count=number * self.updates[player] + turn + 1,
            lr=optimizer.rate(number, self.settings.steps),
        )
        return {PARAMETERS: parameters, **own}

    def gradient(
        self,
        number: int,
        player: str,
        turn: int,
        rows: Mapping[str, Tensor],
        parameters: Mapping[str, Tensor],
        batch_weights: Mapping[str, Tensor],
    ) -> tuple[Tensor, Tensor]:
        """A player's gradient in its own parameters, and its loss; arguments as in `loss`.

        Those of R replicas, (R, P) and (R,), if batch weights are (R, B).
        """
        stacked = next(iter(batch_weights.values())).ndim > 1
        if self.compiled is not None and self.compiled.stacked == stacked:
            work = partial(gradient_of, player)
            with repeatable(self.settings.device):
                gradient, value = self.compiled("the gradient", work, number, player, turn, parameters, batch_weights)
            return gradient, value
        own = parameters[player].detach().requires_grad_()
        bound = {**parameters, player: own}

        def of_shard(shard: Shard) -> list[Tensor]:
            value = self.losses(number, player, turn, rows, bound, batch_weights, shard)
            (gradient,) = torch.autograd.grad(value.sum(), own)
            return [gradient, value.detach()]

        with repeatable(self.settings.device):
            gradient, value = self.shards.mean(of_shard)
        return gradient, value

    def followed(
        self, number: int, player: str, turn: int, parameters: Mapping[str, Tensor], weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The gradient that a player follows in one update, and its loss; ``weights`` are those of all examples."""
        rows = self.rows(number, turn)
        return self.gradient(number, player, turn, rows, parameters, self.batch_weights(rows, weights))

    def move(
        self, state: State, number: int, move: Move, weights: Tensor
    ) -> tuple[State, dict[str, Tensor], dict[str, Tensor]]:
        """The state after one move, and the losses and gradients of its players; all of them read the state before it.

        With weights of shape (R, N) and slots of shape (R, P) it moves R replicas at once, which differ in their
        weights: the same computation but for the last bits, and much faster where the networks are small.
        """
        new = dict(state)
        losses, gradients = {}, {}
        parameters = {name: state[name][PARAMETERS] for name in self.layouts}
        for player, turn in zip(move.players, move.turns, strict=True):
            gradient, loss = self.followed(number, player, turn, parameters, weights)
            losses[player], gradients[player] = loss, gradient
            with torch.no_grad():
                new[player] = state[player] | self.optimizer_update(player, state[player], gradient, number, turn)
        return new, losses, gradients

    def before_moves(self, before: State, after: State) -> list[State] | None:
        """The states before each move of a step, told from those before and after it.

        The averages in them may be those after the step, which no move reads. None if a player moves more than once,
        or an event may have changed it: then what was between is not known.
        """
        if max(self.updates.values()) > 1 or self.game.offers("event"):
            return None
        states = []
        for move in self.moves:
            states.append(before)
            before = before | {player: after[player] for player in move.players}
        return states

    def record_bytes(self, state: State, gradients: bool = False) -> int:
        """What the states before the moves of one step take beyond the state before it, and gradients if wanted."""
        of_moves = sum(state_bytes({player: state[player]}) * count for player, count in self.updates.items())
        of_gradients = sum(
            state_bytes({player: {PARAMETERS: state[player][PARAMETERS]}}) * count
            for player, count in self.updates.items()
        )
        return of_moves + of_gradients * gradients + state_bytes(state) * self.game.offers("event")

    def average(self, state: State) -> State:
        """The state after its averages have followed the parameters: a <- ema a + (1 - ema) p."""
        ema = self.settings.ema
        return {
            player: slots | {AVERAGE: ema * slots[AVERAGE] + (1 - ema) * slots[PARAMETERS]}
            if AVERAGE in slots
            else slots
            for player, slots in state.items()
        }

    def event(
        self, number: int, parameters: Mapping[str, Tensor], batch_weights: Mapping[str, Tensor]
    ) -> dict[str, Replaced]:
        """What the game's event of a step makes of the players that it names; differentiable in both arguments.

        Args:
            number: of the step.
            parameters: flat parameters of every player after the moves of the step.
            batch_weights: as from `batch_weights`, of the step's first batch.

        Raises:
            TrainingError: if the event names what is not there, or gives a tensor of another shape.
        """
        batch = self.batch(number, 0, self.rows(number, 0), batch_weights)
        draw = Draw(self.settings.seed, "event", number, dtype=self.dtype, device=self.settings.device)
        named = self.game.event(self.net(parameters), batch, draw)
        _check_event(named, self.layouts)
        return {player: _replaced(self.layouts[player], parameters[player], values) for player, values in named.items()}

    def after_event(self, state: State, number: int, weights: Tensor) -> State:
        """The state after the game's event of a step, one replica after the other where they are stacked."""
        if weights.ndim > 1:
            return stacked([
                self.after_event(row_of(state, row), number, own) for row, own in enumerate(weights.unbind())
            ])  # fmt: skip
        # With a graph, although nothing asks for it: what cannot be scored must not train either.
        parameters = {name: state[name][PARAMETERS].detach().requires_grad_() for name in self.layouts}
        with repeatable(self.settings.device), torch.enable_grad():
            new = self.event(number, parameters, self.batch_weights(self.rows(number, 0), weights))
        return state | {player: self._begun(player, state[player], value) for player, value in new.items()}

    def _begun(self, player: str, slots: Mapping[str, Tensor], new: Replaced) -> dict[str, Tensor]:
        """A player's slots with new parameters: what belongs to a changed one starts anew, or is that of its source."""
        parameters, source = new.parameters.detach(), new.source
        changed = parameters != slots[PARAMETERS]
        known, start = source >= 0, self.settings.optimizers[player].slots(parameters)
        moments = {name: torch.where(known, slots[name][source.clamp(min=0)], value) for name, value in start.items()}
        average = torch.where(changed, parameters, slots[AVERAGE]) if AVERAGE in slots else parameters
        begun = {PARAMETERS: parameters, AVERAGE: average, **moments}
        return {name: begun[name] for name in slots}

    def trace(self, state: State, number: int, weights: Tensor) -> Trace:
        """One step, and what happens in it."""
        before: list[State] = []
        losses: dict[str, Tensor] = {}
        gradients: Gradients = []
        for move in self.moves:
            before.append(state)
            state, of_move, gradient = self.move(state, number, move, weights)
            losses |= of_move
            gradients.append(gradient)
        eve = self.average(state)
        if not self.game.offers("event"):
            return Trace(before, eve, losses, gradients)
        return Trace(before, self.after_event(eve, number, weights), losses, gradients, eve)

    def check_finite(self, state: State, number: int, losses: Mapping[str, Tensor]) -> None:
        """Refuse a state after so many steps that training cannot go on from.

        Raises:
            TrainingError: if parameters, moments or averages are NaN or infinite, naming the step and the losses.
        """
        if is_finite(state):
            return
        shown = ", ".join(f"{player} {float(loss):.3g}" for player, loss in losses.items())
        raise TrainingError(
            f"training broke down at step {number} of {self.settings.steps}: a player's parameters or optimizer "
            f"moments are NaN or infinite (losses: {shown}). Lower the learning rate, raise Adam's eps or r1, or check "
            "the data for extreme values. States up to the last checkpoint are kept."
        )

    def __call__(self, state: State, number: int, weights: Tensor) -> State:
        """The state after step ``number`` (from 0), with one weight per example over all data sets."""
        return self.trace(state, number, weights).after


def gradient_of(
    player: str, loss: Loss, parameters: Mapping[str, Tensor], batch_weights: Mapping[str, Tensor]
) -> list[Tensor]:
    """A player's gradient in its own parameters, and its loss; those of each of several seeds that are stacked."""
    own = parameters[player].detach().requires_grad_()
    value = loss({**parameters, player: own}, batch_weights)
    (gradient,) = torch.autograd.grad(value.sum(), own)
    return [gradient, value.detach()]


def _replaced(layout: Layout, parameters: Tensor, values: Mapping[str, Tensor | Inherited]) -> Replaced:
    """A player's numbers with some of them replaced, and where each has its moments from."""
    own, new = layout.views(parameters), {name: _values_of(value) for name, value in values.items()}
    flat = layout.joined(own | new)
    order = torch.arange(layout.size, device=flat.device)
    places = layout.views(torch.where(flat.detach() == parameters.detach(), order, -1))
    inherited = {
        name: layout.views(order)[name][value.rows] for name, value in values.items() if isinstance(value, Inherited)
    }
    return Replaced(flat, layout.joined(places | inherited))


def _values_of(value: Tensor | Inherited) -> Tensor:
    """The new values of a parameter that an event replaces."""
    return value.values if isinstance(value, Inherited) else value


def _check_event(named: Mapping[str, Mapping[str, Tensor | Inherited]], layouts: Mapping[str, Layout]) -> None:
    """Refuse what an event cannot replace.

    Raises:
        TrainingError: naming the player, the parameter or the shape.
    """
    for player, values in named.items():
        if player not in layouts:
            raise TrainingError(f"the event names {player!r}; the players are {', '.join(layouts)}")
        shapes = dict(zip(layouts[player].names, layouts[player].shapes, strict=True))
        for name, value in values.items():
            if name not in shapes:
                raise TrainingError(
                    f"the event replaces {player}.{name}, which is no parameter that is trained; there are "
                    f"{', '.join(shapes)}"
                )
            if (shape := _values_of(value).shape) != shapes[name]:
                raise TrainingError(
                    f"the event replaces {player}.{name} of shape {tuple(shapes[name])} by a tensor of shape "
                    f"{tuple(shape)}"
                )
            if isinstance(value, Inherited) and value.rows.shape != shape[:1]:
                raise TrainingError(
                    f"the event says of {tuple(value.rows.shape)} rows of {player}.{name} whose moments they inherit; "
                    f"it has {tuple(shape[:1])}"
                )


def _normalised(weight: Tensor) -> Tensor:
    """Weights times B over their sum; a batch whose examples are all removed contributes nothing."""
    total = weight.sum()
    return weight * (len(weight) / torch.where(total > 0, total, torch.ones_like(total)))


def _columns(part: Examples, device: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """The values of every column of a data set, numbers in the run's own precision."""
    columns = {name: column.values.to(device) for name, column in part.columns.items()}
    return {name: values.to(dtype) if values.is_floating_point() else values for name, values in columns.items()}


def epoch_of(game: Game, counts: Mapping[str, int], batch_size: Mapping[str, int]) -> float:
    """Steps in one epoch: a pass over the data set that takes the most steps, by the player that moves most often.

    Args:
        game: what is trained.
        counts: training examples by data set.
        batch_size: examples in a batch, by data set.
    """
    passes = max(count // batch_size[name] for name, count in counts.items())
    return passes / max(_updates(game, _moves(game)).values())


def _updates(game: Game, moves: Sequence[Move]) -> dict[str, int]:
    """How often each player moves in a step."""
    return {name: sum(move.players.count(name) for move in moves) for name in game.players}


def ids_of(data: Mapping[str, Examples]) -> tuple[str, ...]:
    """The ids of all training examples, which of several data sets carry the name of theirs: ``name:id``."""
    if len(data) == 1:
        return tuple(next(iter(data.values())).ids)
    return tuple(f"{name}:{identity}" for name, part in data.items() for identity in part.ids)


def _moves(game: Game) -> list[Move]:
    moved = dict.fromkeys(game.players, 0)
    moves = []
    for players, times in game.schedule:
        for _ in range(times):
            moves.append(Move(tuple(players), tuple(moved[name] for name in players)))
            for name in players:
                moved[name] += 1
    return moves


def _initialised(module: nn.Module, seed: int) -> nn.Module:
    """A copy of the module with parameters drawn from ``seed``, if it can draw them; else with those it came with.

    A network with a method ``reset_parameters`` of its own starts anew for every seed; one without, or one that says
    that it is ``pretrained``, from the parameters that it has.
    """
    reset: Any = getattr(module, "reset_parameters", None)
    if not callable(reset) or getattr(module, "pretrained", False):
        return module
    fresh = copy_of(module).to(device="cpu", dtype=torch.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh.reset_parameters()  # type: ignore[operator]
    parameter = next(module.parameters())
    return fresh.to(device=parameter.device, dtype=parameter.dtype)
