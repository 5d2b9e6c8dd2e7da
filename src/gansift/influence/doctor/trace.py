"""Which torch functions a loss calls, and what torch says while they run."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_iter, tree_map

from gansift.influence.doctor.calls import ModuleCalls, is_float, plain_copy
from gansift.influence.doctor.finding import first_line
from gansift.influence.doctor.still import ones, small
from gansift.training.state import PARAMETERS
from gansift.training.step import Step


@dataclass(frozen=True)
class FunctionCall:
    """One call of a torch function within a loss.

    Attributes:
        name: such as ``torch.nn.functional.layer_norm``.
        where: the innermost module that called it, or what stands for outside of them all.
        function: to call again.
        inputs: positional and keyword arguments, tensors detached.
        varies: the flat positions of the tensors among them that carry a gradient.
        dtypes: floating-point types of what it returned.
        random: whether it took numbers from torch's global generator.
        nondeterministic: what torch says of kernels in it that are not deterministic.
    """

    name: str
    where: str
    function: Callable[..., Any]
    inputs: tuple[tuple[Any, ...], dict[str, Any]]
    varies: tuple[int, ...]
    dtypes: frozenset[torch.dtype]
    random: bool
    nondeterministic: tuple[str, ...]


class FunctionCalls(TorchFunctionMode):
    """Records every call of a torch function while it is entered.

    Args:
        modules: entered around it; tells the place of each call.
        caught: the list of warnings being recorded, in which torch reports kernels that are not deterministic.
        device: whose random numbers are watched.
    """

    def __init__(self, modules: ModuleCalls, caught: list[warnings.WarningMessage], device: str) -> None:
        super().__init__()
        self.calls: list[FunctionCall] = []
        self._modules = modules
        self._caught = caught
        self._device = torch.device(device)

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call it, and note what happened."""
        kwargs = kwargs or {}
        name = resolve_name(function)
        if name is None or name.endswith("__get__"):
            return function(*args, **kwargs)
        varies = tuple(
            place
            for place, value in enumerate(tree_iter((args, kwargs)))
            if isinstance(value, Tensor) and value.requires_grad
        )
        inputs = tree_map(plain_copy, (args, kwargs))
        before, warned = self._random_state(), len(self._caught)
        output = function(*args, **kwargs)
        self.calls.append(
            FunctionCall(
                name,
                self._modules.here,
                function,
                inputs,
                varies,
                frozenset(value.dtype for value in tree_iter(output) if is_float(value)),
                not torch.equal(before, self._random_state()),
                tuple(_nondeterministic(self._caught[warned:])),
            )
        )
        return output

    def _random_state(self) -> Tensor:
        state = torch.get_rng_state()
        return torch.cat([state, torch.cuda.get_rng_state(self._device)]) if self._device.type == "cuda" else state


@dataclass(frozen=True)
class Traced:
    """What one player's loss called.

    Attributes:
        calls: of torch functions; those outside of all modules are in ``<player>_loss``.
        backward: what torch said of kernels of the backward passes that are not deterministic.
        missing: why the loss has no second derivatives, or None if it has.
    """

    calls: list[FunctionCall]
    backward: list[str]
    missing: str | None


def trace(step: Step) -> dict[str, Traced]:
    """Run every player's loss and the derivatives that scores need on a small batch, and record what they call."""
    probe = small(step, step.settings.dtype)
    parameters = {name: slots[PARAMETERS].requires_grad_() for name, slots in probe.initial().items()}
    rows = probe.rows(0, 0)
    batch_weights = {name: value.requires_grad_() for name, value in probe.batch_weights(rows, ones(probe)).items()}
    found = {}
    for player in probe.game.players:
        with _reporting_nondeterminism() as caught:
            modules = ModuleCalls(probe.game, outside=f"{player}_loss")
            with modules, FunctionCalls(modules, caught, probe.settings.device) as functions:
                loss = probe.loss(0, player, 0, rows, parameters, batch_weights)
            seen = len(caught)
            missing = None
            try:
                (gradient,) = torch.autograd.grad(loss, parameters[player], create_graph=True)
                torch.autograd.grad(
                    gradient.square().sum(), [*parameters.values(), *batch_weights.values()], allow_unused=True
                )
            except RuntimeError as error:
                missing = first_line(error)
            found[player] = Traced(functions.calls, _nondeterministic(caught[seen:]), missing)
    return found


@contextmanager
def _reporting_nondeterminism() -> Iterator[list[warnings.WarningMessage]]:
    """Torch warns of every non-deterministic kernel inside; outside it does what it did before."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield caught
        finally:
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def _nondeterministic(caught: list[warnings.WarningMessage]) -> list[str]:
    """What torch says of kernels that are not deterministic."""
    return [text for text in (str(warning.message) for warning in caught) if "deterministic" in text]
