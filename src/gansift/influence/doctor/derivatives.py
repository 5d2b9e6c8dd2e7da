"""Is the adjoint of a step the derivative of that very step? Against finite differences of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from gansift.games.draw import Draw
from gansift.influence.adjoint import step_adjoint
from gansift.influence.doctor.differences import TOLERANCE, disagreement
from gansift.influence.doctor.finding import Finding
from gansift.influence.doctor.still import Still, copied, ones, small
from gansift.training.optimizers import Optimizer
from gansift.training.state import PARAMETERS, State, checksum, is_finite
from gansift.training.step import Step
from gansift.training.trajectory import Recorded

_CHECK = "derivatives"
_SETTLED = 3  # steps after which moments are away from zero, where Adam's root has a kink
_MOVE = 0.01  # share of its length by which a step moves a player: far above rounding errors, and tame


def derivatives(step: Step) -> list[Finding]:
    """Compare the adjoint of one step with central differences of the step itself, in float64 on a small batch.

    In random directions of every player's parameters, of its optimizer's slots, and of the weights; the derivative of
    every player's movement is compared by itself. Learning rates are set so that a step is neither lost in rounding
    nor wild.
    """
    probe = _paced(small(step, "float64"))
    weights = ones(probe)
    state = probe.initial()
    for number in range(_SETTLED):
        state = probe(state, number, weights)
    before, after, *_, eve = probe.trace(state, _SETTLED, weights)
    if not is_finite(after):
        return [Finding(_CHECK, "fault", "", f"training gives NaN or infinity within {_SETTLED + 1} steps", _TAME)]
    if checksum(after) != checksum(probe(state, _SETTLED, weights)):
        return [
            Finding(
                _CHECK,
                "fault",
                "",
                "derivatives cannot be compared with finite differences: the same step gives other numbers each time",
                "Mend what the replay check found first.",
            )
        ]
    cotangents = {player: _cotangent(player, state, after) for player in state}
    adjoints = {}
    for player, cotangent in cotangents.items():
        by_weight = torch.zeros_like(weights)
        adjoints[player] = (
            step_adjoint(probe, Recorded(_SETTLED, before, eve=eve), weights, cotangent, by_weight),
            by_weight,
        )
    worst: dict[str, dict[str, float]] = {player: {} for player in state}
    for kind, direction, by_weights in _directions(state, weights):
        slope = torch.stack(
            [
                _dot(adjoint, direction) + by_weight @ by_weights - _dot(cotangents[player], direction)
                for player, (adjoint, by_weight) in adjoints.items()
            ]
        )
        errors = disagreement(_movement(probe, state, weights, direction, by_weights, cotangents), slope)
        for player, error in zip(state, errors.tolist(), strict=True):
            worst[player][kind] = error
    return _findings(worst)


_TAME = "Lower the learning rate, raise Adam's eps with eps_inside=True, and check the data for extreme values."


def _findings(worst: Mapping[str, Mapping[str, float]]) -> list[Finding]:
    faults = []
    for player, errors in worst.items():
        wrong = {kind: error for kind, error in errors.items() if not error < TOLERANCE}
        if wrong:
            listed = ", ".join(f"{error:.0e} in {kind}" for kind, error in wrong.items())
            faults.append(
                Finding(
                    _CHECK,
                    "fault",
                    f"{player}_loss",
                    f"the derivative of the {player}'s update is wrong: it differs from finite differences of the same "
                    f"update by a relative {listed}. Scores would be wrong",
                    "Replace the modules named below; if none is, write the loss with plain tensor arithmetic and "
                    "without autograd.Functions of your own, .detach() or .item() on what the loss depends on.",
                )
            )
    if faults:
        return faults
    largest = max(max(errors.values()) for errors in worst.values())
    return [
        Finding(
            _CHECK,
            "ok",
            "",
            "the adjoint of one step agrees with finite differences of it in parameters, optimizer slots and weights "
            f"(largest relative difference {largest:.0e})",
        )
    ]


def _paced(probe: Still) -> Still:
    """The step with constant learning rates at which it moves every player by about `_MOVE` of its length."""
    constant = {
        name: replace(optimizer, warmup=0, decay="constant") for name, optimizer in probe.settings.optimizers.items()
    }
    probe = copied(probe, Still, steps=_SETTLED + 1, optimizers=constant)
    # Twice: where one player's rate is far too large, what the others do beside it says nothing of their own rates.
    return _with_rates(_with_rates(probe))


def _with_rates(probe: Still) -> Still:
    """The step with the learning rates by which its first step moves each player as far as is wanted."""
    state = probe.initial()
    trace = probe.trace(state, 0, ones(probe))
    after = trace.after if trace.eve is None else trace.eve  # an event goes as far at every rate

    def rate(name: str, optimizer: Optimizer) -> Optimizer:
        length = float(state[name][PARAMETERS].norm())
        moved = float((after[name][PARAMETERS] - state[name][PARAMETERS]).norm())
        return replace(optimizer, lr=optimizer.lr * _MOVE * length / moved) if moved > 0 and length > 0 else optimizer

    return copied(
        probe, Still, optimizers={name: rate(name, optimizer) for name, optimizer in probe.settings.optimizers.items()}
    )


def _cotangent(player: str, state: State, after: State) -> State:
    """Random numbers on the slots of one player, each slot by the inverse size of its movement; zero on the others."""
    draw = Draw(0, "doctor", "cotangent", player, dtype=torch.float64)
    return {
        name: {
            slot: draw.normal(len(value)).to(value.device) / _size(after[name][slot] - value)
            if name == player
            else torch.zeros_like(value)
            for slot, value in slots.items()
        }
        for name, slots in state.items()
    }


def _directions(state: State, weights: Tensor) -> list[tuple[str, State, Tensor]]:
    """What is moved, by name: parameters and other slots of each player, and weights, each by about its own size."""
    directions = []
    for player, slots in state.items():
        draw = Draw(0, "doctor", "direction", player, dtype=torch.float64)
        noise = {slot: draw.normal(len(value)).to(value.device) for slot, value in slots.items()}
        parameters = {PARAMETERS: noise[PARAMETERS] * _size(slots[PARAMETERS])}
        # In proportion to each number, so that a second moment stays positive.
        others = {slot: noise[slot] * value for slot, value in slots.items() if slot != PARAMETERS}
        directions.append((f"the {player}'s parameters", {player: parameters}, torch.zeros_like(weights)))
        if others:
            directions.append((f"the {player}'s {' and '.join(others)}", {player: others}, torch.zeros_like(weights)))
    draw = Draw(0, "doctor", "direction", "weights", dtype=torch.float64)
    return [*directions, ("weights", {}, draw.normal(len(weights)).to(weights.device))]


def _movement(
    probe: Step, state: State, weights: Tensor, direction: State, by_weights: Tensor, cotangents: Mapping[str, State]
) -> Callable[[float], Tensor]:
    """How far the step moves each player along its cotangent, (players,), from the state at a distance t.

    The movement and not the new state, in which a wrong derivative of a small movement would go unnoticed.
    """

    def at(t: float) -> Tensor:
        start = {
            player: {
                slot: value + t * direction[player][slot] if slot in direction.get(player, {}) else value
                for slot, value in slots.items()
            }
            for player, slots in state.items()
        }
        end = probe(start, _SETTLED, weights + t * by_weights)
        return torch.stack(
            [
                sum((cotangent[player][slot] @ (end[player][slot] - start[player][slot]) for slot in end[player]),
                    torch.zeros((), dtype=torch.float64, device=weights.device))
                for player, cotangent in cotangents.items()
            ]
        )  # fmt: skip

    return at


def _dot(left: State, right: State) -> Tensor:
    products = [left[player][slot] @ value for player, slots in right.items() for slot, value in slots.items()]
    return sum(products, torch.zeros((), dtype=torch.float64))


def _size(value: Tensor) -> Tensor:
    """Root mean square, or 1 where it is 0."""
    size = value.square().mean().sqrt()
    return torch.where(size > 0, size, torch.ones_like(size))
