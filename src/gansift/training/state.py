"""The state of a run: every number that a step reads and writes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

#: player -> slot -> flat tensor. The slots are ``parameters``, the optimizer's own, and ``average`` where kept.
State = dict[str, dict[str, Tensor]]

#: For each move of a step, the gradient of every player that moved.
Gradients = list[dict[str, Tensor]]

PARAMETERS = "parameters"
AVERAGE = "average"


def readout(state: State) -> dict[str, Tensor]:
    """The parameters that metrics read: the average where one is kept, else the last parameters."""
    return {player: slots.get(AVERAGE, slots[PARAMETERS]) for player, slots in state.items()}


def checksum(state: State) -> str:
    """SHA-256 over every bit of the state."""
    digest = hashlib.sha256()
    for player, slots in sorted(state.items()):
        for name, value in sorted(slots.items()):
            digest.update(f"{player}/{name}/{value.dtype}/{tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def stacked(states: Sequence[State]) -> State:
    """The states of R replicas as one, slots (R, P)."""
    return {
        player: {name: torch.stack([state[player][name] for state in states]) for name in slots}
        for player, slots in states[0].items()
    }


def row_of(state: State, row: int) -> State:
    """The state of one of several replicas that are stacked."""
    return {player: {name: value[row] for name, value in slots.items()} for player, slots in state.items()}


def is_finite(state: State) -> bool:
    """Whether parameters, optimizer moments and averages of every player are free of NaN and infinity."""
    return all(bool(torch.isfinite(value).all()) for slots in state.values() for value in slots.values())
