"""A game at one set of parameters, as metrics and audits need it: its players, and samples where it has any."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gansift.errors import UsageError
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.games.parameters import Layout, Net

# Examples that go through the players together.
_CHUNK = 500


class Trained:
    """The players of a game at one set of parameters.

    Attributes:
        game: what was trained.
        parameters: flat parameters of every player, as they are read out (averaged where an average is kept).
        weights: what they were trained with, one per example over all data sets, shape (N,); None where it is unknown.
    """

    def __init__(self, game: Game, parameters: Mapping[str, Tensor], weights: Tensor | None = None) -> None:
        self.game = game
        self.parameters = dict(parameters)
        self.weights = weights
        self._layouts = {name: Layout(module) for name, module in game.players.items()}

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of the parameters."""
        return next(iter(self.parameters.values())).dtype

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(iter(self.parameters.values())).device

    def net(self, parameters: Mapping[str, Tensor] | None = None) -> Net:
        """The players, each bound to its parameters.

        Args:
            parameters: flat parameters to use in place of its own, to differentiate in them.
        """
        return Net(self.game.players, self._layouts, self.parameters if parameters is None else parameters)

    def sample(
        self,
        count: int,
        draw: Draw,
        parameters: Mapping[str, Tensor] | None = None,
        label: Tensor | None = None,
    ) -> Tensor:
        """``count`` samples, shape (count, *shape), from the latents in ``draw``.

        Args:
            count: how many.
            draw: the random stream to take latents from.
            parameters: as in `net`.
            label: the class that each sample is asked to be of, int64, shape (count,); by default the game chooses.

        Raises:
            NotImplementedError: if the game does not say how to sample from it.
            UsageError: if classes are asked for and the game's ``sample`` has no parameter ``label``.
        """
        net = self.net(parameters)
        if label is None:
            return self.game.sample(net, count, draw)
        if not self.game.conditional:
            raise UsageError(
                "samples of requested classes need a game that can make them, such as --game acgan, and "
                f"{type(self.game).__name__}.sample has no parameter `label`. Give it one, "
                "sample(self, net, count, draw, label=None), or ask for none."
            )
        if label.shape != (count,):
            raise UsageError(f"{count} samples need one label each, shape ({count},), not {tuple(label.shape)}")
        return self.game.sample(net, count, draw, label=label.to(self.device))  # type: ignore[call-arg]

    def made_of(self, method: Callable[[Net, Tensor], Tensor], x: Tensor) -> Tensor:
        """What a method of the game makes of examples, without derivatives, as it comes and on the CPU.

        Args:
            method: such as ``game.predict`` or ``game.represent``.
            x: examples, shape (n, *shape), of which a few hundred at a time go through the players.
        """
        net = self.net()
        with torch.no_grad():
            return torch.cat([method(net, part.to(self.device, self.dtype)).cpu() for part in x.split(_CHUNK)])
