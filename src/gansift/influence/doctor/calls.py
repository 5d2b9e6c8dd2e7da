"""Which modules run inside a loss, with what inputs, and in what place of which player."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from torch import Tensor, nn
from torch._C import DisableTorchFunction, _functorch
from torch.utils._pytree import tree_iter, tree_map
from torch.utils.hooks import RemovableHandle

from gansift.games.game import Game


@dataclass
class ModuleCall:
    """One call of a module within a loss.

    Attributes:
        where: ``player.path (ClassName)``.
        module: the module; its own parameters are not those of the call.
        inputs: positional and keyword arguments, tensors detached.
        parameters: by name, as they were bound in the call, detached.
        output: what it returned, detached; None until it has.
        inner: the calls made within this one.
        differentiated: whether the loss itself differentiates through this call, as a gradient penalty does.
    """

    where: str
    module: nn.Module
    inputs: tuple[tuple[Any, ...], dict[str, Any]]
    parameters: dict[str, Tensor]
    output: Any = None
    inner: list[ModuleCall] = field(default_factory=list)
    differentiated: bool = False


class ModuleCalls:
    """Records every call of the players' modules while it is entered.

    Args:
        game: whose players are watched.
        outside: the place of what is called outside of all modules.

    Attributes:
        calls: finished calls in the order in which they returned, so a module comes after those inside it.
    """

    def __init__(self, game: Game, outside: str = "") -> None:
        self.calls: list[ModuleCall] = []
        self._game = game
        self._outside = outside
        self._running: list[ModuleCall] = []
        self._handles: list[RemovableHandle] = []

    @property
    def here(self) -> str:
        """The innermost module that is running."""
        return self._running[-1].where if self._running else self._outside

    def __enter__(self) -> ModuleCalls:
        for player, network in self._game.players.items():
            for path, module in network.named_modules():
                where = f"{'.'.join(filter(None, (player, path)))} ({type(module).__name__})"
                self._handles += [
                    module.register_forward_pre_hook(self._starts(where), with_kwargs=True),
                    module.register_forward_hook(self._returns, with_kwargs=True),
                ]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):  # type: ignore[no-untyped-def]
        for handle in self._handles:
            handle.remove()
        for call in self.calls:  # only here: inside torch.func, detaching would wrap again
            call.inputs, call.output = tree_map(_detached, (call.inputs, call.output))
            call.parameters = tree_map(_detached, call.parameters)

    def _starts(self, where: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            inputs = tree_map(plain_copy, (args, kwargs))
            parameters = {name: _plain(value) for name, value in module.named_parameters()}
            self._running.append(ModuleCall(where, module, inputs, parameters))

        return hook

    def _returns(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        call = self._running.pop()
        if any(_batched(value) for value in tree_iter((args, kwargs, output))):
            return  # under vmap: without its batch dimension the call cannot be repeated alone
        call.output = tree_map(plain_copy, output)
        if self._running:
            self._running[-1].inner.append(call)
        self.calls.append(call)

        def reached(_: Any) -> None:
            call.differentiated = True

        for value in tree_iter(output):
            if isinstance(value, Tensor) and value.grad_fn is not None:
                self._handles.append(value.grad_fn.register_prehook(reached))


def is_float(value: Any) -> bool:
    """Whether it is a tensor of real numbers."""
    return isinstance(value, Tensor) and value.is_floating_point()


def _batched(value: Any) -> bool:
    while isinstance(value, Tensor) and _functorch.is_functorch_wrapped_tensor(value):
        if _functorch.is_batchedtensor(value):
            return True
        value = _functorch.get_unwrapped(value)
    return False


def _plain(value: Any) -> Any:
    while isinstance(value, Tensor) and _functorch.is_functorch_wrapped_tensor(value):
        value = _functorch.get_unwrapped(value)
    return value


def plain_copy(value: Any) -> Any:
    """A tensor's copy without the wrappers of torch.func; anything else as it is."""
    with DisableTorchFunction():  # not a call of the game's own
        return _plain(value.clone()) if isinstance(value, Tensor) else value


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value
