"""Which torch functions in the losses cannot be differentiated in forward mode; exact scores do not need it."""

from __future__ import annotations

import torch
from torch.autograd import forward_ad

from gansift.influence.doctor.finding import Finding, first_line
from gansift.influence.doctor.still import ones, small
from gansift.influence.doctor.trace import trace
from gansift.influence.doctor.trials import trials
from gansift.training.state import PARAMETERS
from gansift.training.step import Step

_CHECK = "forward-mode"


def forward_mode(step: Step) -> list[Finding]:
    """Try the forward-mode derivative of every loss, and where it raises, of every function that the loss calls."""
    blamed: dict[tuple[str, str], str] = {}
    for player, missing in _missing(step).items():
        named = {
            (trial.call.where, trial.call.name): why
            for trial in trials(trace(step)[player].calls)
            if (why := trial.missing(trial.forward)) is not None
        }
        blamed |= named or {(f"{player}_loss", "it"): missing}
    if not blamed:
        return [Finding(_CHECK, "ok", "", "every loss has a forward-mode derivative")]
    return [
        Finding(
            _CHECK,
            "warning",
            where,
            f"{name} has no forward-mode derivative ({missing}). Exact scores use reverse mode alone and are right",
            "Nothing for exact scores; another operator where forward-mode products are wanted.",
        )
        for (where, name), missing in blamed.items()
    ]


def _missing(step: Step) -> dict[str, str]:
    """Why a loss has no forward-mode derivative in the players' parameters, for each that has none."""
    probe = small(step, step.settings.dtype)
    rows = probe.rows(0, 0)
    values = {name: slots[PARAMETERS] for name, slots in probe.initial().items()}
    missing = {}
    for player in probe.game.players:
        with forward_ad.dual_level():
            parameters = {name: forward_ad.make_dual(value, torch.ones_like(value)) for name, value in values.items()}
            try:
                probe.loss(0, player, 0, rows, parameters, probe.batch_weights(rows, ones(probe)))
            except NotImplementedError as error:
                missing[player] = first_line(error)
    return missing
