"""A game of one's own, named on the command line as ``module:function`` or ``file.py:function``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from gansift.data.examples import Examples
from gansift.errors import GansiftError, UsageError
from gansift.games import Game
from gansift.named import import_named
from gansift.training import Optimizer


def updates_of(game: Game) -> str:
    """How often each player moves in a step, in the form of ``--schedule``: ``2:1``."""
    moved = dict.fromkeys(game.players, 0)
    for players, times in game.schedule:
        for player in players:
            moved[player] += times
    return ":".join(map(str, moved.values()))


def own_game(spec: str, examples: Examples, seed: int) -> tuple[Game, dict[str, Optimizer]]:
    """What ``function(examples)`` builds: a game, or a game and optimizers of some of its players by name.

    It is called with torch's random state set by the seed, so that networks made there start alike whenever the same
    training is begun or gone on with, and otherwise for another seed.

    Args:
        spec: ``module:function`` or ``file.py:function``.
        examples: the training examples, for their shape, labels and class names.
        seed: of the training.

    Returns:
        The game, and the optimizers that are given with it.

    Raises:
        UsageError: if it cannot be imported or called, or builds something else.
    """
    build = import_named(spec, "the game")
    if not callable(build):
        raise UsageError(f"--game {spec} is a {type(build).__name__}, not a function of the training examples")
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            built: Any = build(examples)
    except GansiftError:
        raise
    except Exception as error:  # whatever the user's code stumbles over
        raise UsageError(
            f"--game {spec} failed on {len(examples)} training examples of shape {examples.shape}: {error!r}"
        ) from error
    game, optimizers = built if isinstance(built, tuple) and len(built) == 2 else (built, {})
    if not isinstance(game, Game):
        raise UsageError(
            f"--game {spec} must return a gansift.games.Game, or that and a dictionary of optimizers; it gave {game!r}"
        )
    if not isinstance(optimizers, Mapping) or not all(isinstance(value, Optimizer) for value in optimizers.values()):
        raise UsageError(
            f"--game {spec}: the optimizers must be a dictionary from players to gansift.training optimizers"
        )
    unknown = sorted(set(optimizers) - set(game.players))
    if unknown:
        raise UsageError(
            f"--game {spec} gives optimizers for {', '.join(unknown)}; the players are {', '.join(game.players)}"
        )
    return game, dict(optimizers)
