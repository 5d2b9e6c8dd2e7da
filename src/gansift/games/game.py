"""The game that is trained: named players, a loss for each, and the order of their updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

from torch import Tensor, nn

from gansift.errors import TrainingError
from gansift.games.batch import Batches
from gansift.games.draw import Draw
from gansift.games.inherited import Inherited
from gansift.games.memory import Memory
from gansift.games.parameters import Net

# One move: the players that update at the same time, from the same state, and how often they do it in a row.
Schedule = Sequence[tuple[str | tuple[str, ...], int]]


class Game:
    """Players, losses and schedule. Subclass it and write one ``<player>_loss`` for each player.

    A loss is ``def <player>_loss(self, net, batch, draw)`` and returns a scalar that the player lowers. ``net``
    holds every player bound to the current state, ``batch`` the examples (``batch.x``, ``batch.weight``,
    ``batch.label``; with several data sets ``batch.<data set>.x``, see `Batches`), ``draw`` the step's own random
    numbers. Whatever depends on a training example must go through ``weighted_mean(values, batch.weight)`` or
    `group_mean`.

    What metrics, baselines, audits and reports may ask of a game besides is optional: a subclass writes those of
    `sample`, `confidence`, `predict`, `represent` and `show` that mean something for it, and `offers` tells which
    these are. So is `event`, for what happens in training beside the players' moves. State beside parameters is a
    `Memory`.

    Args:
        schedule: moves of one step in order, each (player or tuple of players that move at the same time, times).
            Default: every player once, one after the other.
        players: the networks by name.

    Raises:
        TrainingError: for a schedule that names no player or leaves one out, or a missing loss.
    """

    #: Players whose averaged parameters (EMA) are kept and read out, when training is given ``ema``.
    averaged: tuple[str, ...] = ()

    #: Whether the losses run under `torch.func.vmap`, so that several seeds or retrainings can be stacked into one.
    #: Penalties then take their gradients with `torch.func`, not with `torch.autograd.grad`.
    stackable: bool = False

    #: In scores for new models each update is looked at with so many other batches and random numbers beside its own,
    #: see `influence.redrawn`. More than 0 where what an example does in a step is mostly chance.
    redraws: int = 0

    #: Data sets whose labels the losses never look at, if they have any.
    unlabelled: tuple[str, ...] = ()

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Let no class inherit `stackable`: whether it holds depends on the losses that the class itself writes."""
        super().__init_subclass__(**arguments)
        cls.stackable = bool(vars(cls).get("stackable", False))

    def __init__(self, *, schedule: Schedule | None = None, **players: nn.Module) -> None:
        if not players:
            raise TrainingError("a game needs at least one player, given as name=module")
        self.players = players
        self.schedule = _checked_schedule(schedule or [(name, 1) for name in players], players)
        for name in players:
            if not callable(getattr(self, f"{name}_loss", None)):
                raise TrainingError(f"{type(self).__name__} has a player {name!r} but no method {name}_loss")
        for name in self.averaged:
            if name not in players:
                raise TrainingError(
                    f"{type(self).__name__}.averaged names {name!r}; the players are {', '.join(players)}"
                )

    @property
    def learners(self) -> list[str]:
        """The players that need an optimizer: all but memories."""
        return [name for name, module in self.players.items() if not isinstance(module, Memory)]

    def loss(self, player: str, net: Net, batch: Any, draw: Draw) -> Tensor:
        """The scalar that ``player`` lowers."""
        return getattr(self, f"{player}_loss")(net, batch, draw)

    def offers(self, name: str) -> bool:
        """Whether the game has an optional method of its own, such as ``sample`` or ``event``.

        >>> class Blank(Game):
        ...     def sample(self, net, count, draw): ...
        ...     def canvas_loss(self, net, batch, draw): ...
        >>> blank = Blank(canvas=nn.Linear(1, 1))
        >>> blank.offers("sample"), blank.offers("predict")
        (True, False)
        """
        return getattr(type(self), name) is not getattr(Game, name)

    @property
    def conditional(self) -> bool:
        """Whether it can be asked for samples of classes: its ``sample`` has a parameter ``label``."""
        return self.offers("sample") and "label" in signature(self.sample).parameters

    def event(self, net: Net, batch: Batches, draw: Draw) -> Mapping[str, Mapping[str, Tensor | Inherited]]:
        """Optional: numbers that are replaced at the end of a step, such as a starving cluster that is put elsewhere.

        It is called at the end of every step. Numbers that come back changed start anew: their optimizer's moments
        from 0, their average from the new value. What is made of other rows of the same parameter can go on with a copy
        of the moments of these instead: return it as `Inherited`.

        Whether and where something is replaced, and all that is decided on the way, scores take as fixed; retraining
        decides it again. What the new numbers are made of, parameters, or examples by their weights, passes on into
        scores exactly; ``.detach()`` it to have it taken as fixed, too. Nothing may depend on an example whose weight
        is 0. Scores by AID know nothing of events. ::

            def event(self, net, batch, draw):
                if batch.step % 50:
                    return {}
                centres = net.clusters.centres
                nearest = torch.cdist(batch.x, centres).argmin(1)
                mass = batch.raw_weight.new_zeros(len(centres)).index_add(0, nearest, batch.raw_weight)
                beside = centres[mass.argmax()] + 0.01 * draw.normal(*centres.shape)
                return {"clusters": {"centres": torch.where(mass[:, None] == 0, beside, centres)}}

        Args:
            net: the players after the moves of the step, not averaged.
            batch: that of the step's first moves; ``batch.step`` tells which step it is.
            draw: random numbers of the event.

        Returns:
            New values by player and name of the parameter, for some or none of them.
        """
        return {}

    def sample(self, net: Net, count: int, draw: Draw) -> Tensor:
        """Optional: ``count`` samples of what the game generates, for metrics, shape (count, *shape).

        A game that can be asked for classes has a further parameter ``label=None``: int64 labels, shape (count,), or
        None for labels that it draws itself.

        Raises:
            NotImplementedError: if the game does not say how to sample from it.
        """
        raise self._lacks("sample(net, count, draw)")

    def confidence(self, net: Net, batch: Batches) -> Tensor:
        """Optional: how sure the game is that each example is real, or was trained on, shape (B,).

        Raises:
            NotImplementedError: if the game does not say so.
        """
        raise self._lacks("confidence(net, batch)")

    def predict(self, net: Net, x: Tensor) -> Tensor:
        """Optional: what the game predicts of examples ``x``, shape (B, ...), such as logits of classes.

        Raises:
            NotImplementedError: if the game does not say so.
        """
        raise self._lacks("predict(net, x)")

    def represent(self, net: Net, x: Tensor) -> Tensor:
        """Optional: the representation (B, d) that the game makes of examples ``x``, shape (B, *shape).

        Raises:
            NotImplementedError: if the game makes none.
        """
        raise self._lacks("represent(net, x)")

    def show(self, net: Net, data: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Optional: pictures for the report by title, such as prototypes, or refined beside simulated images.

        Args:
            net: the players.
            data: some examples of each data set, shape (B, *shape), by its name.

        Raises:
            NotImplementedError: if the game has none.
        """
        raise self._lacks("show(net, data)")

    def _lacks(self, method: str) -> NotImplementedError:
        return NotImplementedError(f"{type(self).__name__} has no method {method}")

    def settings(self) -> dict[str, Any]:
        """Everything besides the players' weights that decides the training, for the run's configuration."""
        return {
            "game": type(self).__name__,
            "schedule": [[list(names), times] for names, times in self.schedule],
            "players": {name: str(module) for name, module in self.players.items()},
        }

    def check(self, net: Net, batch: Any) -> None:
        """Refuse networks whose per-example influence is not defined; called once before training."""


def _checked_schedule(schedule: Schedule, players: dict[str, nn.Module]) -> list[tuple[tuple[str, ...], int]]:
    moves = [((names,) if isinstance(names, str) else tuple(names), times) for names, times in schedule]
    named = [name for names, _ in moves for name in names]
    for name in named:
        if name not in players:
            raise TrainingError(f"the schedule names {name!r}; the players are {', '.join(players)}")
    for name in players:
        if name not in named:
            raise TrainingError(f"the schedule never moves the player {name!r}")
    for names, times in moves:
        if times < 1 or len(set(names)) != len(names):
            raise TrainingError(f"the move {names!r} x {times} is not possible: each player once, 1 or more times")
    return moves
