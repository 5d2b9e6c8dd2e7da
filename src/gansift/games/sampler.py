"""A generator at fixed parameters, as a metric needs it: samples on demand, differentiable in the parameters."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.games.parameters import Layout, Net


class Sampler:
    """The samples of a game at one set of parameters.

    Attributes:
        parameters: flat parameters of every player, as they are read out (averaged where an average is kept).
    """

    def __init__(self, game: Game, parameters: Mapping[str, Tensor]) -> None:
        self._game = game
        self._layouts = {name: Layout(module) for name, module in game.players.items()}
        self.parameters = dict(parameters)

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of the parameters."""
        return next(iter(self.parameters.values())).dtype

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(iter(self.parameters.values())).device

    def sample(self, count: int, draw: Draw, parameters: Mapping[str, Tensor] | None = None) -> Tensor:
        """``count`` samples, shape (count, *shape), from the latents in ``draw``.

        Args:
            count: how many.
            draw: the random stream to take latents from.
            parameters: flat parameters to use in place of the sampler's own, to differentiate in them.
        """
        net = Net(self._game.players, self._layouts, self.parameters if parameters is None else parameters)
        return self._game.sample(net, count, draw)
