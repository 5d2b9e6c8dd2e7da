"""A module that computes with given parameters, whichever of its methods and parts is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import GeneratorType
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._pytree import tree_iter

#: Runs a function of a module while the module has the given parameters.
Run = Callable[[Callable[[], Any]], Any]


class _Carrier(nn.Module):
    """Lets `torch.func.functional_call` run any function of a module, not only its ``forward``."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, function: Callable[[], Any]) -> Any:
        found = function()
        # A generator, such as that of parameters(), would go on after the parameters are gone.
        return iter(list(found)) if isinstance(found, GeneratorType) else found


def run_bound(
    module: nn.Module, parameters: Mapping[str, Tensor], function: Callable[[], Any], tied: bool = True
) -> Any:
    """What ``function`` returns while ``module`` has these parameters; afterwards it has its own again.

    Args:
        module: that the function uses.
        parameters: by name; those that are not given stay.
        function: of no arguments.
        tied: whether the module may share parameters between its parts.
    """
    bound = {f"module.{name}": value for name, value in parameters.items()}
    return functional_call(_Carrier(module), bound, (function,), tie_weights=tied)


class Part:
    """A method or a part of a bound module, which computes with the bound parameters as well.

    Args:
        run: runs a function while the whole module has its parameters.
        value: the method or the part.
    """

    def __init__(self, run: Run, value: Any) -> None:
        self._run, self._value = run, value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it with the bound parameters."""
        return self._run(lambda: self._value(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        """A part, a method or an attribute of it."""
        if name in ("_run", "_value") or name.startswith("__"):  # asked for by copy and pickle
            raise AttributeError(name)
        return reached(self._run, lambda: getattr(self._value, name))

    def __getitem__(self, key: Any) -> Any:
        """One of its parts, where it is a list or dictionary of them."""
        return reached(self._run, lambda: self._value[key])

    def __len__(self) -> int:
        """How many parts it has, where it is a list or dictionary of them."""
        return len(self._value)

    def __bool__(self) -> bool:
        """True: it is there."""
        return True


def reached(run: Run, find: Callable[[], Any]) -> Any:
    """What ``find`` gives, bound: a `Part` where it can be called, tensors as they are while bound.

    Args:
        run: runs a function while the whole module has its parameters.
        find: looks a method, a part or an attribute up.
    """
    found = find()
    if callable(found):
        return Part(run, found)
    # Numbers and names are the same whatever the parameters are, and need no binding.
    return run(find) if any(isinstance(leaf, Tensor) for leaf in tree_iter(found)) else found
