"""One call of a torch function, differentiated alone: does the derivative exist at all?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils._pytree import tree_flatten, tree_iter, tree_unflatten

from gansift.influence.doctor.calls import is_float
from gansift.influence.doctor.finding import first_line
from gansift.influence.doctor.still import same_random_numbers
from gansift.influence.doctor.trace import FunctionCall


def trials(calls: list[FunctionCall]) -> Iterator[Trial]:
    """A trial of every function in every place through which a gradient passes."""
    first = {(call.name, call.where): call for call in reversed(calls) if call.varies}
    return map(Trial, first.values())


class Trial:
    """A recorded call, to be differentiated alone.

    Attributes:
        call: what was called, with its inputs.
    """

    def __init__(self, call: FunctionCall) -> None:
        self.call = call
        self._flat, self._form = tree_flatten(call.inputs)
        self._places = [place for place in call.varies if is_float(self._flat[place])]
        self._values = [self._flat[place] for place in self._places]

    def missing(self, trial: Callable[[], Any]) -> str | None:
        """What torch says if that derivative does not exist; None if it does or the call cannot be repeated alone."""
        device = str(self._values[0].device) if self._values else "cpu"
        with same_random_numbers(device):
            try:
                if not any(value.requires_grad for value in self._outputs(self._leaves())):
                    return None
            except Exception:  # such as a call of autograd itself
                return None
            try:
                trial()
            except RuntimeError as error:
                return first_line(error)
        return None

    def twice(self) -> None:
        """Gradient, and gradient of its square."""
        leaves = self._leaves()
        gradients = _gradient(_sum_of_squares(self._outputs(leaves)), leaves)
        _gradient(_sum_of_squares(gradients), leaves)

    def forward(self) -> None:
        """Forward-mode derivative."""
        with forward_ad.dual_level():
            self._outputs([forward_ad.make_dual(value, torch.ones_like(value)) for value in self._values])

    def _leaves(self) -> list[Tensor]:
        return [value.clone().requires_grad_() for value in self._values]

    def _outputs(self, at: list[Tensor]) -> list[Tensor]:
        filled = [value.clone() if isinstance(value, Tensor) else value for value in self._flat]
        for place, value in zip(self._places, at, strict=True):
            filled[place] = value.clone()  # the function may work in place
        args, kwargs = tree_unflatten(filled, self._form)
        return [value for value in tree_iter(self.call.function(*args, **kwargs)) if is_float(value)]


def _sum_of_squares(values: list[Tensor]) -> Tensor:
    return torch.stack([value.square().sum() for value in values if value.requires_grad]).sum()


def _gradient(value: Tensor, at: list[Tensor]) -> list[Tensor]:
    if not value.requires_grad:
        return [torch.zeros_like(leaf) for leaf in at]
    return list(torch.autograd.grad(value, at, create_graph=True, allow_unused=True, materialize_grads=True))
