"""Low-rank adapters (Hu et al. 2022): a frozen network plus trainable products of two thin matrices.

W = W_0 + A B with A (outputs, rank) and B (rank, inputs x kernel). Only A and B are parameters that training sees, so
states, checkpoints and the adjoint hold nothing else.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gansift.errors import TrainingError
from gansift.models.bound import reached, run_bound
from gansift.models.equalized import EqualConv2d, EqualLinear
from gansift.models.modulation import ModulatedConv2d

# Layer -> the axis of its weight that counts outputs.
_OUTPUT_AXIS: dict[type[nn.Module], int] = {
    nn.Linear: 0,
    nn.Conv1d: 0,
    nn.Conv2d: 0,
    nn.Conv3d: 0,
    nn.ConvTranspose1d: 1,
    nn.ConvTranspose2d: 1,
    nn.ConvTranspose3d: 1,
    EqualLinear: 0,
    EqualConv2d: 0,
    ModulatedConv2d: 0,
}
_LAYERS: tuple[type[nn.Module], ...] = tuple(_OUTPUT_AXIS)

STARTS = ("zero", "kaiming")


class LowRank(nn.Module):
    """The product A B that is added to one weight.

    Args:
        weight: the frozen weight, of 2 axes or more.
        axis: that counts outputs.
        rank: of the product; more than the weight's smaller side would be wasted and is cut to it.
        start: ``zero``: A is 0 and training starts from the frozen network; ``kaiming``: both are drawn from normal
            distributions with Kaiming's standard deviation, as in the code of the TNNLS paper, and it does not.
    """

    def __init__(self, weight: Tensor, axis: int, rank: int, start: str) -> None:
        super().__init__()
        self.axis = axis
        self.start = start
        self.shape = weight.movedim(axis, 0).shape
        outputs, inputs = self.shape[0], self.shape[1:].numel()
        self.rank = min(rank, outputs, inputs)
        self.a = nn.Parameter(weight.new_empty(outputs, self.rank))
        self.b = nn.Parameter(weight.new_empty(self.rank, inputs))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw both factors anew."""
        nn.init.normal_(self.b, std=math.sqrt(2 / self.b.shape[1]))
        if self.start == "zero":
            nn.init.zeros_(self.a)
        else:
            nn.init.normal_(self.a, std=math.sqrt(2 / self.rank))

    def forward(self) -> Tensor:
        """The product, shaped like the weight."""
        return (self.a @ self.b).view(self.shape).movedim(0, self.axis)

    def extra_repr(self) -> str:
        """What it is, for `str`."""
        return f"{tuple(self.shape)}, rank={self.rank}, start={self.start}"


class Adapted(nn.Module):
    """A network with adapters; all else in it is frozen. It is called like the network, and has its attributes.

    Args:
        network: whose copy is adapted.
        rank: of the adapters.
        layers: patterns of layer names, such as ``convs.*`` (`fnmatch`); a layer gets an adapter if one of them fits.
        start: ``zero`` or ``kaiming``, see `LowRank`.

    Raises:
        TrainingError: for a rank below 1, an unknown start, a pattern that fits no layer, or layers that share a
            weight.
    """

    #: Its network is, but adapters are drawn by the seed.
    pretrained = False

    def __init__(self, network: nn.Module, rank: int, layers: str | tuple[str, ...] = "*", start: str = "zero") -> None:
        super().__init__()
        if rank < 1:
            raise TrainingError(f"the rank of adapters must be at least 1, not {rank}")
        if start not in STARTS:
            raise TrainingError(f"adapters cannot start from {start!r}; choose {' or '.join(STARTS)}")
        self.network = deepcopy(network).requires_grad_(False)
        chosen = _chosen(self.network, (layers,) if isinstance(layers, str) else tuple(layers))
        self.names = tuple(chosen)
        self.adapters = nn.ModuleList(
            LowRank(layer.weight, _output_axis(layer), rank, start)  # type: ignore[arg-type]
            for layer in chosen.values()
        )

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the network gives with its adapted weights."""
        return functional_call(self.network, self.weights(), args, kwargs)

    def __getattr__(self, name: str) -> Any:
        """An attribute, method or part of the network, with its adapted weights, where it is none of this module."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            network: Any = super().__getattr__("network")
            return reached(
                lambda function: run_bound(network, self.weights(), function), lambda: getattr(network, name)
            )

    def reset_parameters(self) -> None:
        """Draw every adapter anew; the network stays."""
        for adapter in self.adapters:
            adapter.reset_parameters()  # type: ignore[operator]

    def weights(self) -> dict[str, Tensor]:
        """The adapted weights, by their name in the network."""
        return {
            f"{name}.weight": self.network.get_parameter(f"{name}.weight") + adapter()
            for name, adapter in zip(self.names, self.adapters, strict=True)
        }

    def merged(self) -> nn.Module:
        """A copy of the network with the adapters added to its weights, an ordinary network again."""
        network = deepcopy(self.network)
        with torch.no_grad():
            for name, weight in self.weights().items():
                network.get_parameter(name).copy_(weight)
        return network.requires_grad_(True)


def _output_axis(layer: nn.Module) -> int:
    return next(axis for kind, axis in _OUTPUT_AXIS.items() if isinstance(layer, kind))


def fitting(network: nn.Module, patterns: Sequence[str]) -> tuple[str, ...]:
    """Those of several patterns that fit the name of a layer of the network, for lists meant for several networks.

    Raises:
        TrainingError: if none does.
    """
    names = list(_possible(network))
    found = tuple(pattern for pattern in patterns if fnmatch.filter(names, pattern))
    if not found:
        raise TrainingError(
            f"no layer of {type(network).__name__} that can be adapted is called {' or '.join(patterns)}; there are "
            f"{', '.join(names) or 'none'}"
        )
    return found


def _possible(network: nn.Module) -> dict[str, nn.Module]:
    return {name: layer for name, layer in network.named_modules() if isinstance(layer, _LAYERS)}


def _chosen(network: nn.Module, patterns: tuple[str, ...]) -> dict[str, nn.Module]:
    """The layers to adapt, by name, in the network's order."""
    possible = _possible(network)
    for pattern in patterns:
        fitting(network, (pattern,))
    chosen = {
        name: layer
        for name, layer in possible.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }
    owners: dict[int, str] = {}
    for name in chosen:
        owner = owners.setdefault(id(network.get_parameter(f"{name}.weight")), name)
        if owner != name:
            raise TrainingError(f"the layers {owner} and {name} share one weight, which cannot get two adapters")
    return chosen
