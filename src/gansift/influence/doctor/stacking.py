"""Can several retrainings of a game be stacked into one, if it says that they can?"""

from __future__ import annotations

import torch

from gansift.influence.doctor.finding import Finding, first_line
from gansift.influence.doctor.still import ones, small
from gansift.training.state import PARAMETERS
from gansift.training.step import Step

_CHECK = "stacking"
# Stacked and alone, a gradient in float64 differs by rounding; the second is for gradients that are 0.
_RELATIVE, _ABSOLUTE = 1e-6, 1e-10


def stacking(step: Step) -> list[Finding]:
    """Compare the gradients of two stacked replicas with those of each alone, if the game says they can be stacked."""
    if not step.game.stackable:
        return []
    fault = stacking_fault(step)
    if fault is None:
        return [Finding(_CHECK, "ok", "", "several retrainings can be stacked: together they are what each is alone")]
    return [
        Finding(
            _CHECK,
            "warning",
            "",
            f"{type(step.game).__name__} says that it is stackable, and it is not: {fault}. Scores are right; "
            "retrainings are done one by one, which takes longer",
            "Write nothing in place and take gradients inside losses with torch.func; or remove `stackable = True`.",
        )
    ]


def stacking_fault(step: Step) -> str | None:
    """What is wrong with two stacked replicas of the game, with other parameters and weights each; None if nothing.

    Only gradients are stacked in a step: what optimizers make of them is elementwise. They are compared in float64, on
    a few examples.
    """
    probe = small(step, "float64")
    start = {player: slots[PARAMETERS] for player, slots in probe.initial().items()}
    replicas = [start, {player: 1.1 * flat for player, flat in start.items()}]
    weights = torch.stack([ones(probe), torch.linspace(0.5, 1.5, len(probe.ids)).to(ones(probe))])
    stacked = {player: torch.stack([replica[player] for replica in replicas]) for player in start}
    rows = probe.rows(0, 0)
    for player in start:
        try:
            together, _ = probe.gradient(0, player, 0, rows, stacked, probe.batch_weights(rows, weights))
            alone = torch.stack(
                [
                    probe.gradient(0, player, 0, rows, replica, probe.batch_weights(rows, own))[0]
                    for replica, own in zip(replicas, weights, strict=True)
                ]
            )
        except Exception as error:  # a user's loss may raise anything
            return f"the {player}'s loss fails under torch.func.vmap ({type(error).__name__}: {first_line(error)})"
        off, size = float((together - alone).norm()), float(alone.norm())
        if not off <= _RELATIVE * size + _ABSOLUTE:
            return f"the {player}'s gradients in a stack differ from those alone by {off / max(size, _ABSOLUTE):.2g}"
    return None
