"""Steps compiled by torch: few large kernels in place of many small ones.

A small network leaves the processor waiting for the interpreter. What is computed of a loss is therefore written down
once as a function of tensors alone (parameters, weights, rows, random numbers, the number of the step and the turn in
it) and compiled by `torch.compile`. Results are the same but for rounding.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from gansift.errors import TrainingError
from gansift.games.draw import Draw

if TYPE_CHECKING:
    from gansift.training.step import Step

_log = logging.getLogger(__name__)

#: A loss as a function of every player's parameters and the batch's weights.
Loss = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Tensor]

#: A function of tensors alone.
Function = Callable[..., list[Tensor]]

#: What is computed of a loss: from it, parameters, weights, and further tensors.
Work = Callable[..., list[Tensor]]

# By how much of the largest number a compiled function may differ from what it was made of.
_ROUNDING = {torch.float32: 1e-4, torch.float64: 1e-8}


class Call(NamedTuple):
    """What a loss asks its draw for."""

    kind: str
    shape: tuple[int, ...]


class _Asked:
    """A draw that notes what it is asked for."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self.dtype, self.device = draw.dtype, draw.device
        self.calls: list[Call] = []

    def normal(self, *shape: int) -> Tensor:
        self.calls.append(Call("normal", shape))
        return self._draw.normal(*shape)

    def uniform(self, *shape: int) -> Tensor:
        self.calls.append(Call("uniform", shape))
        return self._draw.uniform(*shape)

    def permutation(self, n: int) -> Tensor:
        self.calls.append(Call("permutation", (n,)))
        return self._draw.permutation(n)

    def seed(self) -> NoReturn:
        raise TrainingError("a loss that draws a seed cannot be compiled: its numbers would be the same in every step")


class Drawn:
    """A draw that hands out what was drawn before, in the order in which it is asked for."""

    def __init__(self, tensors: Sequence[Tensor], dtype: torch.dtype, device: str) -> None:
        self._left = iter(tensors)
        self.dtype, self.device = dtype, device

    def normal(self, *shape: int) -> Tensor:
        """The next tensor."""
        return next(self._left)

    uniform = permutation = normal


class Compiled:
    """What is computed of the losses of a step, compiled once for each player.

    Args:
        step: the pure step.
    """

    #: Whether it is of several replicas at once.
    stacked = False

    def __init__(self, step: Step) -> None:
        self._step = step
        self._calls: dict[str, list[Call]] = {}
        self._functions: dict[tuple[str, str], Function] = {}

    def of(self, step: Step) -> Self:
        """The same for another step of the same game, data and number; what either of them compiles serves both."""
        other = copy(self)
        other._step = step
        return other

    def __call__(
        self,
        name: str,
        work: Work,
        number: int,
        player: str,
        turn: int,
        parameters: Mapping[str, Tensor],
        batch_weights: Mapping[str, Tensor],
        *more: Tensor,
    ) -> list[Tensor]:
        """``work(loss, parameters, batch_weights, *more)`` of a player's loss in one update, without a graph.

        Args:
            name: of the work.
            work: what to do; it may depend on nothing but its arguments.
            number: of the step.
            player: whose loss.
            turn: updates of the player earlier in this step.
            parameters: flat parameters of every player.
            batch_weights: of the batch's examples, by data set.
            more: further tensors.

        Raises:
            TrainingError: if the loss cannot be compiled, or is not the same when it is.
        """
        parameters = {name: parameters[name] for name in self._step.layouts}

        def arguments(number: int, turn: int) -> list[Any]:
            rows = list(self._step.rows(number, turn).values())
            drawn = self._drawn(number, player, turn, parameters, batch_weights)
            given = [value.detach() for value in (*parameters.values(), *batch_weights.values(), *more)]
            # Of the step's own precision: a whole number times 0.01 would be float32 whatever that is.
            step, of_turn = (
                torch.tensor(value, dtype=self._step.dtype, device=self._step.settings.device)
                for value in (number, turn)
            )
            return [*given, *rows, step, of_turn, *drawn]

        key = (name, player)
        if key not in self._functions:
            plain = self._plain(work, player, list(parameters), list(batch_weights), len(more))
            # At the far end of training, and of a step, whatever changes with the steps and turns has changed.
            last, turns = self._step.settings.steps - 1, self._step.updates[player]
            far = 0 if number > last / 2 else last
            self._functions[key] = _compiled(
                plain, name, player, arguments(number, turn), arguments(far, turns - 1 - turn), self._made
            )
        with torch.no_grad():
            return list(self._functions[key](*arguments(number, turn)))

    def _drawn(
        self,
        number: int,
        player: str,
        turn: int,
        parameters: Mapping[str, Tensor],
        batch_weights: Mapping[str, Tensor],
    ) -> list[Tensor]:
        """What the loss will ask its draw for; the first time the loss itself is asked what that is."""
        draw = self._step.draw(number, player, turn)
        if player not in self._calls:
            self._calls[player] = calls_of(self._step, number, player, turn, parameters, batch_weights)
        return [getattr(draw, call.kind)(*call.shape) for call in self._calls[player]]

    def _plain(self, work: Work, player: str, players: list[str], sets: list[str], more: int) -> Function:
        """The work as a function of tensors alone, one after the other."""

        def plain(*tensors: Tensor) -> list[Tensor]:
            left = iter(tensors)
            parameters = {name: next(left) for name in players}
            weights = {name: next(left) for name in sets}
            further = [next(left) for _ in range(more)]
            rows = {name: next(left) for name in sets}
            number, turn = next(left), next(left)
            drawn = list(left)

            def loss(parameters: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> Tensor:
                return self._loss(number, player, turn, rows, parameters, weights, drawn)

            return work(loss, parameters, weights, *further)

        return plain

    def _loss(
        self,
        number: Any,
        player: str,
        turn: Any,
        rows: Mapping[str, Tensor],
        parameters: Mapping[str, Tensor],
        weights: Mapping[str, Tensor],
        drawn: Sequence[Tensor],
    ) -> Tensor:
        draw = Drawn(drawn, self._step.dtype, self._step.settings.device)
        return self._step.loss(number, player, turn, rows, parameters, weights, draw=draw)  # type: ignore[arg-type]

    def _made(self, plain: Function, name: str, player: str, arguments: list[Tensor]) -> Function:
        return by_compiler(plain, name, player, arguments)


def calls_of(
    step: Step,
    number: int,
    player: str,
    turn: int,
    parameters: Mapping[str, Tensor],
    batch_weights: Mapping[str, Tensor],
) -> list[Call]:
    """What a player's loss asks its draw for in one update."""
    asked = _Asked(step.draw(number, player, turn))
    step.loss(number, player, turn, step.rows(number, turn), parameters, batch_weights, draw=asked)  # type: ignore[arg-type]
    return asked.calls


@cache
def _announce(name: str, player: str) -> None:
    """Say once in a process what takes so long; torch keeps what it has compiled for the next time."""
    _log.info("compiling %s of %s (seconds to a few minutes)", name, player)


def by_compiler(plain: Function, name: str, player: str, arguments: list[Tensor]) -> Function:
    """A function of tensors compiled by torch."""
    _announce(name, player)
    return torch.compile(make_fx(plain)(*arguments), fullgraph=True, dynamic=False)


def _compiled(
    plain: Function,
    name: str,
    player: str,
    arguments: list[Tensor],
    others: list[Tensor],
    make: Callable[[Function, str, str, list[Tensor]], Function] = by_compiler,
) -> Function:
    """Make a function of tensors fast, and see that it is the same for its arguments and those of another step."""
    try:
        with torch.enable_grad():
            function = make(plain, name, player, arguments)
        with torch.no_grad():
            found = [function(*arguments), function(*others)]
    except Exception as error:  # whatever torch's tracer, code generator or C++ compiler says
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise TrainingError(
            f"the loss of {player} cannot be compiled: {said[0].rstrip('.')}. Train without compiled "
            "(--no-compiled); where the loss branches on a number of the batch, or no C++ compiler is installed, "
            "there is no other way."
        ) from error
    for values, given in zip(found, (arguments, others), strict=True):
        for value, expected in zip(values, plain(*given), strict=True):
            apart = (value - expected).abs().max()
            if not apart <= _ROUNDING[value.dtype] * expected.abs().max() and expected.isfinite().all():
                raise TrainingError(
                    f"the loss of {player} is not the same once it is compiled: it depends on something that was "
                    "fixed (a step's number taken through numpy?). Train without compiled (--no-compiled)."
                )
    return function
