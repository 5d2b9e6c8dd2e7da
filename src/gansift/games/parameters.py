"""The parameters of a module as one flat vector, and the module called with such a vector."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gansift.models.bound import reached, run_bound


class Layout:
    """Where each named parameter of a module lies in its flat vector.

    Only parameters that require a gradient are in the vector; frozen ones stay in the module.
    """

    def __init__(self, module: nn.Module) -> None:
        trainable = [(name, value) for name, value in module.named_parameters() if value.requires_grad]
        self.names = tuple(name for name, _ in trainable)
        self.shapes = tuple(value.shape for _, value in trainable)
        self.sizes = [value.numel() for _, value in trainable]
        self.size = sum(self.sizes)
        # Looking for shared parameters costs more than a small network itself, so it is done once, here.
        self.tied = len(trainable) != sum(
            value.requires_grad for _, value in module.named_parameters(remove_duplicate=False)
        )

    def flatten(self, module: nn.Module) -> Tensor:
        """The module's parameters as one vector, shape (size,), detached."""
        return self.joined({name: value.detach() for name, value in module.named_parameters()})

    def joined(self, values: Mapping[str, Tensor]) -> Tensor:
        """Values by name as one vector, shape (size,), differentiable in them."""
        return torch.cat([values[name].reshape(-1) for name in self.names])

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """Named views of ``flat``, differentiable in it.

        One split in place of many slices: its backward pass is a single concatenation.
        """
        pieces = flat.split(self.sizes)
        return {name: piece.view(shape) for name, piece, shape in zip(self.names, pieces, self.shapes, strict=True)}


class BoundPlayer:
    """A module that computes with a given flat parameter vector; the module itself is left as it is.

    Its methods, parts and attributes are reached as those of the module, ``net.flow.log_prob(x)``,
    ``net.generator.mapping(z)``, ``net.generator.latent``, and compute with the given parameters as well.
    """

    def __init__(self, module: nn.Module, layout: Layout, flat: Tensor) -> None:
        self._module = module
        self._bound = layout.views(flat)
        self._tied = layout.tied

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the module with the bound parameters."""
        return functional_call(self._module, self._bound, args, kwargs, tie_weights=self._tied)

    def __getattr__(self, name: str) -> Any:
        """A method, part or attribute of the module, with the bound parameters."""
        if name in ("_module", "_bound", "_tied") or name.startswith("__"):  # asked for by copy and pickle
            raise AttributeError(name)
        return reached(self._run, lambda: getattr(self._module, name))

    def __getitem__(self, key: Any) -> Any:
        """One of the module's parts, where it is a list or dictionary of them."""
        return reached(self._run, lambda: self._module[key])  # type: ignore[index]

    def _run(self, function: Callable[[], Any]) -> Any:
        return run_bound(self._module, self._bound, function, self._tied)


class Net:
    """The players of a game, each bound to the parameters of one state: ``net.generator(z)``."""

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        layouts: Mapping[str, Layout],
        parameters: Mapping[str, Tensor],
    ) -> None:
        self._players = {name: BoundPlayer(module, layouts[name], parameters[name]) for name, module in modules.items()}

    def __getattr__(self, name: str) -> BoundPlayer:
        """The player of that name."""
        players = self.__dict__.get("_players", {})
        if name not in players:
            raise AttributeError(f"this game has no player {name!r}; it has {', '.join(players)}")
        return players[name]

    def __iter__(self) -> Iterator[str]:
        """The players' names."""
        return iter(self._players)
