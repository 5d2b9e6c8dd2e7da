"""What the losses of several replicas compute, written down once as a straight line of operations on tensors.

That leaves out modules, `torch.func.vmap` and the graph of derivatives, which take most of the time of small networks.
The operations are those that would be done anyway, and no compiler is needed. Where losses cannot be written down,
because they branch on the number of the step, say, they are asked every time.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from operator import getitem
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, vmap
from torch.fx import Graph, GraphModule, Node
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map, tree_structure

from gansift.errors import TrainingError
from gansift.training.compiled import Compiled, Function, calls_of
from gansift.training.state import PARAMETERS
from gansift.training.step import gradient_of

if TYPE_CHECKING:
    from gansift.training.reweighted import Reweighted
    from gansift.training.stacked import Stack

_log = logging.getLogger(__name__)


class Written(Compiled):
    """The counterpart of `Compiled` for several replicas at once.

    Args:
        step: that of several replicas; what is written down serves all others of the same game, data and number, see
            `Compiled.of`.

    Attributes:
        possible: whether gradients can be written down.
    """

    stacked = True
    _step: Stack | Reweighted

    def __init__(self, step: Stack | Reweighted) -> None:
        super().__init__(step)
        self.possible = self._try(step)

    def _try(self, step: Stack | Reweighted) -> bool:
        parameters = {name: slots[PARAMETERS] for name, slots in step.initial().items()}
        ones = torch.ones(len(next(iter(parameters.values()))), len(step.ids), device=step.settings.device)
        weights = step.batch_weights(step.rows(0, 0), ones)
        try:
            for player in step.layouts:
                self("the gradient", partial(gradient_of, player), 0, player, 0, parameters, weights)
        except TrainingError as error:
            _log.debug("the losses of %s are not written down: %s", type(step.game).__name__, error)
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
            first, place = self._step.first
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
        loss = partial(super()._loss, number, player, turn)
        each = None if self._step.shared else 0
        return vmap(loss, in_dims=(each, 0, 0, each))(rows, parameters, weights, list(drawn))

    def _made(self, plain: Function, name: str, player: str, arguments: list[Tensor]) -> Function:
        return written_down(plain, arguments)


def written_down(plain: Function, arguments: list[Tensor]) -> Function:
    """The operations on tensors that a function does for some arguments, as a function of others.

    Raises:
        TrainingError: if it asks for the number that a tensor holds: what it does next may depend on it.
    """
    graph = Graph()
    inputs = [graph.placeholder(f"input_{row}") for row in range(len(arguments))]
    with _Writing(graph, dict(zip(map(id, arguments), inputs, strict=True))) as writing:
        results = plain(*arguments)
    graph.output(list(map(writing.node_of, results)))
    graph.eliminate_dead_code()
    return GraphModule(writing.constants, graph)


class _Writing(TorchDispatchMode):
    """While it is entered, every operation on tensors is done and written into a graph.

    Operations come here below `torch.func` and derivatives, so these leave nothing but the operations they consist of.
    What changes no number is left out, and what has been computed already is not computed again.

    Args:
        graph: to write into.
        nodes: what the graph holds already, by the identity of tensors.

    Attributes:
        constants: tensors that were made before, by name.
    """

    def __init__(self, graph: Graph, nodes: dict[int, Node]) -> None:
        super().__init__()
        self._graph, self._nodes = graph, nodes
        self._alive: list[Any] = []  # while a tensor is alive, no other has its identity
        self._known: dict[Any, tuple[Node, Any]] = {}
        # Memory in which numbers were changed, and memory that was merged with other memory of the same numbers.
        self._changed: set[int] = set()
        self._shared: set[int] = set()
        self.constants: dict[str, Tensor] = {}

    def node_of(self, value: Any) -> Any:
        """What stands for a tensor in the graph; anything else stands for itself."""
        if not isinstance(value, Tensor):
            return value
        if id(value) not in self._nodes:
            name = f"constant_{len(self.constants)}"
            self.constants[name] = value
            self._alive.append(value)
            self._nodes[id(value)] = self._graph.get_attr(name)
        return self._nodes[id(value)]

    def __torch_dispatch__(
        self, operator: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        named = named or {}
        if operator is torch.ops.aten._local_scalar_dense.default:
            raise TrainingError("it asks for the number that a tensor holds")
        if torch.Tag.nondeterministic_seeded in operator.tags:
            raise TrainingError(f"{operator} draws random numbers of torch's own")
        given = tree_map(self.node_of, (arguments, named))
        tensors = [value for value in tree_leaves((arguments, named)) if isinstance(value, Tensor)]
        result = operator(*arguments, **named)
        self._alive.append(result)
        if operator._schema.is_mutable:
            self._change(operator, tensors, result, self._graph.call_function(operator, *given))
            return result
        steady = not any(_memory(value) in self._changed for value in tensors)
        if isinstance(result, Tensor) and steady and _changes_nothing(operator, arguments, result):
            self._stand_for(result, given[0][0], arguments[0])
            return result
        key = (operator, *((type(value), value) for value in tree_leaves(given)), str(tree_structure(given)))
        if steady and operator not in _EMPTY and key in self._known:
            node, before = self._known[key]
            if not any(_memory(value) in self._changed for value in tree_leaves(before)):
                for value, earlier in zip(tree_leaves(result), tree_leaves(before), strict=True):
                    self._stand_for(value, self._nodes[id(earlier)], earlier)
                return result
        node = self._graph.call_function(operator, *given)
        self._known[key] = node, result
        if isinstance(result, Tensor):
            self._nodes[id(result)] = node
        else:
            for row, value in enumerate(result):
                self._nodes[id(value)] = self._graph.call_function(getitem, (node, row))
        return result

    def _stand_for(self, value: Tensor, node: Node, earlier: Tensor) -> None:
        """Let what the graph has of one tensor stand for another one with the same numbers."""
        self._nodes[id(value)] = node
        if _memory(value) != _memory(earlier):
            self._shared |= {_memory(value), _memory(earlier)}

    def _change(self, operator: Any, tensors: list[Tensor], result: Any, node: Node) -> None:
        """Take note of an operation that changes the numbers of its first argument."""
        if result is not tensors[0] or _memory(result) in self._shared:
            raise TrainingError(f"{operator} changes numbers that are used elsewhere, too")
        self._changed.add(_memory(result))
        self._nodes[id(result)] = node


# Their numbers are still to come.
_EMPTY = (torch.ops.aten.empty_like.default, torch.ops.aten.empty.memory_format, torch.ops.aten.new_empty.default)
_SAME = (torch.ops.aten.detach.default, torch.ops.aten.alias.default, torch.ops.aten.lift_fresh.default)
_SHAPES = (torch.ops.aten.view.default, torch.ops.aten._unsafe_view.default, torch.ops.aten.expand.default)
_TIMES = (torch.ops.aten.mul.Scalar, torch.ops.aten.mul.Tensor)


def _changes_nothing(operator: Any, arguments: tuple[Any, ...], result: Tensor) -> bool:
    """Whether the result of an operation is its first argument, number for number and in the same order."""
    first = arguments[0] if arguments else None
    if not isinstance(first, Tensor) or (first.shape, first.stride()) != (result.shape, result.stride()):
        return False
    if first.dtype != result.dtype:
        return False
    return (
        operator in _SAME
        or operator in _SHAPES
        or (operator in _TIMES and not isinstance(arguments[1], Tensor) and arguments[1] == 1)
    )


def _memory(value: Tensor) -> int:
    return value.untyped_storage()._cdata
