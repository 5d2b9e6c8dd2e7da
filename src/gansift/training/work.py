"""How much a step computes, and whether several replicas of it are faster together than one after the other."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from gansift.training.state import PARAMETERS
from gansift.training.step import SMALL, Step

# Operations of an update up to which a stack is faster. Above, the processor is the limit and not the interpreter, and
# convolutions of several networks at once take longer than one after the other (`benchmarks/stack.py --sizes 1,8`).
_FEW = 600_000_000

# The largest update of each step, counted once.
_counted: WeakKeyDictionary[Step, int] = WeakKeyDictionary()


def replicas_together(step: Step, most: int) -> int:
    """How many replicas of a step are computed together; 1 where one after the other is faster.

    Args:
        step: of one replica.
        most: parameters of all replicas together, at most.
    """
    # Frozen weights count, too: with adapters on them, every replica has adapted weights of its own.
    size = sum(value.numel() for module in step.game.players.values() for value in module.parameters())
    return max(1, most // size) if size <= SMALL and operations(step) <= _FEW else 1


def operations(step: Step) -> int:
    """Multiplications and additions in matrix products and convolutions of a loss and its gradient.

    Counted for a whole batch in the first step, of the player that has most; what PyTorch does number by number, or an
    operator of the user's own does, is not counted.
    """
    if step not in _counted:
        try:
            _counted[step] = max(_operations(step, player) for player in step.layouts)
        except Exception:  # whoever computes the loss next says what is wrong with it
            _counted[step] = 0
    return _counted[step]


def _operations(step: Step, player: str) -> int:
    parameters = {name: slots[PARAMETERS] for name, slots in step.initial().items()}
    own = parameters[player].requires_grad_()
    rows = step.rows(0, 0)
    ones = torch.ones(len(step.ids), dtype=step.dtype, device=step.settings.device)
    with torch.enable_grad(), _Counter() as counter:
        loss = step.losses(0, player, 0, rows, {**parameters, player: own}, step.batch_weights(rows, ones))
        torch.autograd.grad(loss, own)
    return counter.count


class _Counter(TorchDispatchMode):
    """Counts by PyTorch's own formulas, under `torch.func` as well, where PyTorch's own counter fails."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operator(*args, **(kwargs or {}))
        formula = flop_registry.get(operator._overloadpacket)
        if formula is not None:
            self.count += formula(*args, **(kwargs or {}), out_val=result)
        return result
