"""Copies of a step that a check may run at will: small, in another precision, and free of hidden state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from gansift.data.columns import Column
from gansift.data.examples import Examples
from gansift.games.game import Game
from gansift.training.step import Settings, Step

#: Examples in the small batches: enough that no layer degenerates (batch norm of two rows has no derivative).
BATCH = 4

_S = TypeVar("_S", bound=Step)


class Still(Step):
    """A step whose losses repeat whatever the game does.

    Every loss starts from the same buffers and the same global random numbers, so that what one check tests is not
    blurred by what another check is there to find. Numbers that a loss makes without naming a type get the step's.
    """

    def __init__(self, game: Game, data: Mapping[str, Examples], settings: Settings) -> None:
        super().__init__(game, data, settings)
        self._buffers = [
            (owner, name, value.clone())
            for module in self.game.players.values()
            for owner in module.modules()
            for name, value in owner._buffers.items()
            if value is not None
        ]

    def loss(self, *args: Any, **kwargs: Any) -> Tensor:
        """See `Step.loss`."""
        for owner, name, value in self._buffers:
            owner._buffers[name] = value.clone()  # not written over: a graph may still hold the last one
        with same_random_numbers(self.settings.device), _default_dtype(self.dtype):
            return super().loss(*args, **kwargs)


def copied(step: Step, kind: type[_S], **changes: Any) -> _S:
    """The same step with a game of its own and some settings changed."""
    return kind(step.game, _data(step), replace(step.settings, **changes))


def small(step: Step, dtype: str) -> Still:
    """The step on a few examples, spread over each data set, in batches of at most `BATCH`."""
    size = {name: min(BATCH, wanted, len(step.x[name])) for name, wanted in step.settings.batch_size.items()}
    data = {}
    for name, part in _data(step).items():
        count = min(len(part), 4 * size[name])
        data[name] = part.subset(torch.linspace(0, len(part) - 1, count).round().long())
    return Still(
        step.game, data, replace(step.settings, batch_size=size, dtype=dtype, shards=1, processes=1, compiled=False)
    )


def ones(step: Step) -> Tensor:
    """The weights of a run in which no example is removed, shape (N,)."""
    return torch.ones(len(step.ids), dtype=step.dtype, device=step.settings.device)


@contextmanager
def same_random_numbers(device: str) -> Iterator[None]:
    """Torch's global random numbers start from one fixed seed inside, and go on outside as if nothing had happened."""
    devices = [device] if torch.device(device).type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(0)
        yield


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _data(step: Step) -> dict[str, Examples]:
    """The step's data as the examples that it was made of; ids only need to be distinct here."""
    data = {}
    for name, x in step.x.items():
        ids = step.ids[step.offsets[name] : step.offsets[name] + len(x)]
        columns = {column: Column(values) for column, values in step.columns[name].items()}
        data[name] = Examples(ids=ids, x=x, columns=columns, paths=("",) * len(x), hashes=ids)
    return data
