"""Which parameters a player's loss reaches, and whether it takes them from `net`, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gansift.errors import TrainingError
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.games.parameters import Layout, Net
from gansift.training.state import PARAMETERS
from gansift.training.step import Step

_SHOWN = 4  # names of parameters in a message


class Unreached(NamedTuple):
    """Parameters of a player that its loss does not reach.

    Attributes:
        player: whose they are.
        names: of the parameters, tensor by tensor.
        reached: how many numbers the loss reaches.
        total: how many numbers the player has.
    """

    player: str
    names: list[str]
    reached: int
    total: int

    def __str__(self) -> str:
        """What was found, as a sentence."""
        return (
            f"the {self.player}'s loss reaches {self.reached:,} of {self.total:,} parameters; it was tried in several "
            f"steps. The others stay what they are: {_listed(self.names)}"
        )


def unreached(step: Step) -> list[Unreached]:
    """The parameters that no loss of their own player reaches, in the first steps, in the middle and at the end.

    Reached is what the loss depends on, even where the derivative happens to be 0.

    Raises:
        TrainingError: if a player's loss reaches none of its parameters.
    """
    found, parameters = [], initial_parameters(step)
    for player, layout in step.layouts.items():
        missing = _missing(step, player, parameters)
        if len(missing) == len(layout.names):
            raise TrainingError(
                f"the {player}'s loss reaches none of the player's {layout.size:,} parameters, so that nothing would "
                f"be trained. Compute it from what net.{player}(...) returns, without .detach() or torch.no_grad()."
            )
        if missing:
            sizes = dict(zip(layout.names, layout.sizes, strict=True))
            lost = sum(sizes[name] for name in missing)
            found.append(Unreached(player, missing, layout.size - lost, layout.size))
    return found


def _missing(step: Step, player: str, parameters: Mapping[str, Tensor]) -> list[str]:
    """Names of the parameters that the player's loss reaches in none of several updates."""
    missing = list(step.layouts[player].names)
    last = step.settings.steps - 1
    for number in dict.fromkeys((0, min(1, last), last // 2, last)):
        for turn in range(step.updates[player]):
            touched = _touched(step, player, number, turn, parameters)
            missing = [name for name in missing if name not in touched]
            # An update that reaches nothing cannot be computed, whatever others do.
            if not missing or not touched:
                return missing if touched else list(step.layouts[player].names)
    return missing


class _Apart(Layout):
    """Hands out every parameter as a leaf of its own, where the flat vector would connect them all."""

    leaves: Mapping[str, Tensor]

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """See `Layout.views`."""
        self.leaves = {name: value.detach().requires_grad_() for name, value in super().views(flat).items()}
        return dict(self.leaves)


def _touched(step: Step, player: str, number: int, turn: int, parameters: Mapping[str, Tensor]) -> set[str]:
    """Names of the player's parameters that its loss depends on in one update."""
    apart, shard = _Apart(step.game.players[player]), step.shards.own[0]
    net = Net(step.game.players, step.layouts | {player: apart}, parameters)
    rows = step.rows(number, turn)
    batch = step.batch(number, turn, rows, ones(step, rows), shard)
    loss = step.game.loss(player, net, batch, step.draw(number, player, turn, shard))
    if not loss.requires_grad:
        return set()
    slopes = torch.autograd.grad(loss, list(apart.leaves.values()), allow_unused=True)
    return {name for name, slope in zip(apart.leaves, slopes, strict=True) if slope is not None}


def check_outside(step: Step, given: Game | None = None) -> None:
    """Refuse losses that use a player's network otherwise than through `net`: they would see its first parameters.

    Args:
        step: the pure step.
        given: the game that it was made of, whose networks a loss may have kept, too.

    Raises:
        TrainingError: naming the loss, the player and the parameters.
    """
    modules = {
        player: [module] if given is None else [module, given.players[player]]
        for player, module in step.game.players.items()
    }
    everything = [value for copies in modules.values() for _, value in _trainable(copies)]
    rows, shard, parameters = step.rows(0, 0), step.shards.own[0], initial_parameters(step)

    def loss(player: str) -> Tensor:
        return step.loss(0, player, 0, rows, parameters, ones(step, rows), shard).detach()

    for player in modules:
        own = partial(loss, player)
        if not _matters(own, everything):
            continue
        for other, copies in modules.items():
            names = [name for name, value in _trainable(copies) if _matters(own, [value])]
            if names:
                raise TrainingError(_outside(player, other, list(dict.fromkeys(names)), copies[0]))


def _outside(player: str, other: str, names: list[str], module: nn.Module) -> str:
    sizes = {name: value.numel() for name, value in module.named_parameters() if value.requires_grad}
    return (
        f"the {player}'s loss uses {sum(sizes[name] for name in names):,} of {sum(sizes.values()):,} parameters of "
        f"{other!r} otherwise than through net, so that it would see their first values for ever: {_listed(names)}. "
        f"Call the network, its methods and parts through net: net.{other}(...), net.{other}.method(...). If it "
        "returns something that computes only when it is used, such as a distribution, write a method of the network "
        f"that returns the tensors, such as log_prob(x), and call net.{other}.log_prob(x)."
    )


def _matters(loss: Callable[[], Tensor], values: list[nn.Parameter]) -> bool:
    """Whether a loss changes with what these parameters hold, as one of bound parameters does not."""
    before = loss()
    with _changed(values):
        after = loss()
    # One that does not repeat itself says nothing; that is for others to find.
    return not _same(before, after) and _same(before, loss())


def _same(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.nan_to_num(), other.nan_to_num()) and torch.equal(one.isnan(), other.isnan())


@contextmanager
def _changed(values: list[nn.Parameter]) -> Iterator[None]:
    """Other numbers in these parameters inside; afterwards the very same memory as before."""
    draw = Draw("outside")
    kept = [value.data for value in values]
    try:
        for value in values:
            value.data = value.data + draw.normal(*value.shape).to(value)
        yield
    finally:
        for value, data in zip(values, kept, strict=True):
            value.data = data


def _trainable(copies: list[nn.Module]) -> list[tuple[str, nn.Parameter]]:
    return [(name, value) for module in copies for name, value in module.named_parameters() if value.requires_grad]


def initial_parameters(step: Step) -> dict[str, Tensor]:
    """Flat parameters of every player before training."""
    return {name: slots[PARAMETERS] for name, slots in step.initial().items()}


def ones(step: Step, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights 1 of every example in a batch, by data set."""
    return {name: torch.ones(len(index), dtype=step.dtype, device=index.device) for name, index in rows.items()}


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
