"""Does every example's weight reach its loss? By player and data set."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gansift.influence.doctor.finding import Finding
from gansift.influence.doctor.still import Still, small
from gansift.training.checks import matters_without_weight
from gansift.training.state import PARAMETERS
from gansift.training.step import Step

_CHECK = "weights"


def weights(step: Step) -> list[Finding]:
    """Look for terms of a loss that bypass the weights, and for weights that its gradient does not see.

    With all weights of a data set at 0, the loss must not depend on which examples are in the batch; and the
    derivative of the loss in the weights must be the difference that the weights make.
    """
    probe = small(step, "float64")
    rows = probe.rows(0, 0)
    parameters = {name: slots[PARAMETERS] for name, slots in probe.initial().items()}
    findings = []
    unused = dict.fromkeys(rows, True)
    for player in probe.game.players:
        for name, index in rows.items():
            if matters_without_weight(probe, player, rows, parameters, name, count=len(index)):
                unused[name] = False
                findings.append(
                    Finding(
                        _CHECK,
                        "fault",
                        f"{player}_loss",
                        f"the {player}'s loss depends on examples of {name!r} whatever their weight is. What they do "
                        "by that way is in no score, and removing them does not remove it",
                        f"Put every term that depends on {name!r} through weighted_mean(values, batch.weight), "
                        "penalties too.",
                    )
                )
            difference, derivative = _by_weights(probe, player, rows, parameters, name)
            if abs(difference) > 1e-9 or abs(derivative) > 1e-9:
                unused[name] = False
            if abs(difference - derivative) > 1e-5 * max(abs(difference), abs(derivative), 1e-4):
                findings.append(
                    Finding(
                        _CHECK,
                        "fault",
                        f"{player}_loss",
                        f"the {player}'s loss changes by {difference:.3g} with the weights of {name!r}, but its "
                        f"derivative says {derivative:.3g}. Scores would be wrong",
                        "Use batch.weight as the tensor that it is: no .detach(), .item() or numpy on the way.",
                    )
                )
    for name in (name for name, nothing in unused.items() if nothing):
        findings.append(
            Finding(
                _CHECK,
                "warning",
                "",
                f"no loss depends on the weights of the data set {name!r}: all its scores will be zero",
                "Leave the data set out, or use it in a loss.",
            )
        )
    if findings:
        return findings
    return [Finding(_CHECK, "ok", "", "every example reaches the losses through its weight alone")]


def _by_weights(
    probe: Still, player: str, rows: Mapping[str, Tensor], parameters: Mapping[str, Tensor], name: str
) -> tuple[float, float]:
    """The slope of the loss along unequal changes of the weights, by central difference and by derivative."""
    count = len(rows[name])
    direction = torch.linspace(0.5, 1.5, count, dtype=probe.dtype, device=rows[name].device)
    whole = {other: torch.ones(len(index), dtype=probe.dtype, device=index.device) for other, index in rows.items()}

    def loss(weight: Tensor) -> Tensor:
        return probe.loss(0, player, 0, rows, parameters, {**whole, name: weight})

    far = 1e-4
    above, below = (float(loss(whole[name] + sign * far * direction).detach()) for sign in (1, -1))
    weight = whole[name].clone().requires_grad_()
    value = loss(weight)
    if not value.requires_grad:
        return (above - below) / (2 * far), 0.0
    (slope,) = torch.autograd.grad(value, weight, allow_unused=True, materialize_grads=True)
    return (above - below) / (2 * far), float(slope @ direction)
