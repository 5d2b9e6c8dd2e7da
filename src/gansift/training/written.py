"""What the losses of a stack compute, written down once as a straight line of operations on tensors.

That leaves out modules, `torch.func.vmap` and the graph of derivatives, which take most of the time of small networks.
The operations are those that would be done anyway, and no compiler is needed. Where losses cannot be written down,
because they branch on the number of the step, say, they are asked every time.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, vmap
from torch.fx.experimental.proxy_tensor import make_fx

from gansift.errors import TrainingError
from gansift.training.compiled import Compiled, Function, calls_of
from gansift.training.state import PARAMETERS
from gansift.training.step import gradient_of

if TYPE_CHECKING:
    from gansift.training.stacked import Stack

_log = logging.getLogger(__name__)


class Written(Compiled):
    """The counterpart of `Compiled` for stacks.

    Args:
        stack: one that it is for; it serves all others of the same game, data and size, see `of`.

    Attributes:
        possible: whether gradients can be written down.
    """

    _step: Stack

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self.possible = self._try(stack)

    def of(self, stack: Stack) -> Written:
        """The same for another stack; what either of them writes down serves both."""
        other = copy(self)
        other._step = stack
        return other

    def _try(self, stack: Stack) -> bool:
        parameters = {name: slots[PARAMETERS] for name, slots in stack.initial().items()}
        ones = torch.ones(stack.settings.stack, len(stack.ids), device=stack.settings.device)
        weights = stack.batch_weights(stack.rows(0, 0), ones)
        try:
            for player in stack.layouts:
                self("the gradient", partial(gradient_of, player), 0, player, 0, parameters, weights)
        except TrainingError as error:
            _log.debug("the losses of %s are not written down: %s", type(stack.game).__name__, error)
            return False
        return True

    def _drawn(
        self,
        number: int,
        player: str,
        turn: int,
        parameters: Mapping[str, Tensor],
        batch_weights: Mapping[str, Tensor],
    ) -> list[Tensor]:
        if player not in self._calls:
            first, place = self._step.members[0], self._step.places[0]
            own, weights = ({name: value[place] for name, value in of.items()} for of in (parameters, batch_weights))
            self._calls[player] = calls_of(first, number, player, turn, own, weights)
        return self._step.drawn(number, player, turn, self._calls[player])

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
        return vmap(partial(super()._loss, number, player, turn))(rows, parameters, weights, list(drawn))

    def _made(self, plain: Function, name: str, player: str, arguments: list[Tensor]) -> Function:
        return make_fx(plain)(*arguments)
