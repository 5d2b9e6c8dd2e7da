"""Copies of networks and games, also of those that keep what they computed, and what no copy can be made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from gansift.errors import TrainingError
from gansift.games.game import Game

_M = TypeVar("_M", bound=nn.Module)

# Around a network, for other ways of training: the kind of wrapper, and what is inside. Told by name, so that nothing
# of torch is imported for it.
_WRAPPERS = {
    "DataParallel": "network.module",
    "DistributedDataParallel": "network.module",
    "FullyShardedDataParallel": "network.module",
    "OptimizedModule": "the network that torch.compile was given (--compiled compiles training steps)",
    "ScriptModule": "the network that torch.jit was given",
    "RecursiveScriptModule": "the network that torch.jit was given",
    "TopLevelTracedModule": "the network that torch.jit was given",
}


def copy_of_game(game: Game) -> Game:
    """A copy of a game with networks of its own.

    Raises:
        TrainingError: if a network is wrapped in what cannot be trained with parameters that are handed to it, or
            holds something that cannot be copied; it is named.
    """
    for player, module in game.players.items():
        for path, layer in module.named_modules(prefix=player):
            kinds = [kind.__name__ for kind in type(layer).__mro__]
            inside = next((_WRAPPERS[kind] for kind in kinds if kind in _WRAPPERS), None)
            if inside is not None:
                raise TrainingError(
                    f"{path} is wrapped ({kinds[0]}), and cannot compute with parameters that it is handed: give "
                    f"{inside} in its place"
                )
    return _copied(game, game.players.items(), [vars(game)])


def copy_of(module: _M) -> _M:
    """A copy of a network.

    Raises:
        TrainingError: if it holds something that cannot be copied; it is named.
    """
    return _copied(module, [(type(module).__name__, module)], [])


def _copied(whole: Any, networks: Iterable[tuple[str, nn.Module]], beside: list[Any]) -> Any:
    held = list(_held(networks))
    computed = [value for _, kept in held for value in tree_leaves(kept)] + tree_leaves(beside)
    # What was computed and kept belongs to a graph, which has no copy; the next call computes it again.
    memo = {id(value): _cut(value) for value in computed if isinstance(value, Tensor) and not value.is_leaf}
    try:
        return deepcopy(whole, memo)
    except Exception as error:  # whatever a person's object raises when it is copied
        where = next((name for name, kept in held if not _can_be_copied(kept, memo)), type(whole).__name__)
        raise TrainingError(
            f"{where} cannot be copied, and every training needs a copy of its own ({error}). Keep it outside the "
            "network, or make it when it is used."
        ) from error


def _held(networks: Iterable[tuple[str, nn.Module]]) -> Iterator[tuple[str, Any]]:
    """What layers hold beside their parameters, buffers and parts, each with its name."""
    for player, module in networks:
        for path, layer in module.named_modules(prefix=player):
            for name, value in vars(layer).items():
                if name not in ("_parameters", "_buffers", "_modules"):
                    yield f"{path}.{name} ({type(value).__name__})", value


def _cut(value: Tensor) -> Tensor:
    try:
        return value.detach().clone()
    except RuntimeError:  # of a torch.func transform that is over
        return torch.empty(0)


def _can_be_copied(value: Any, memo: dict[int, Any]) -> bool:
    try:
        deepcopy(value, dict(memo))
    except Exception:
        return False
    return True
