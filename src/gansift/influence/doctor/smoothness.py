"""Is training smooth enough for a derivative to predict retraining? A few short trainings tell, before any score."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from gansift.games.draw import Draw
from gansift.influence.doctor.finding import Finding
from gansift.influence.doctor.still import Still, copied, ones
from gansift.training.state import PARAMETERS, State
from gansift.training.step import Step

_CHECK = "smoothness"
#: Steps of each training.
STRETCH = 40
_DIRECTIONS = 2  # a network of a few parameters may turn by chance in one of them
# At this distance and over this many steps, trainings whose scores rank removals well measured 0.93 to 1.00; an Adam
# at 1e-3 with eps 1e-8, whose scores were noise, 0.70, at 4e-3 0.49; networks of ReLU 0.68 and 0.85.
_DISTANCE = 0.3
_SMOOTH, _ROUGH = 0.88, 0.6


def smoothness(step: Step, steps: int = STRETCH, start: int = 0, state: State | None = None) -> list[Finding]:
    """The metasmoothness of a stretch of training, in words.

    Args:
        step: the pure step.
        steps: of each training.
        start: number of the first step. From step 0 on the learning rates are those after their warm-up, whose own
            steps hardly move anything.
        state: the state before it; default the seed's initial one.
    """
    if start == 0:
        risen = {name: replace(optimizer, warmup=0) for name, optimizer in step.settings.optimizers.items()}
        step = copied(step, Still, optimizers=risen)
    value = metasmoothness(step, steps, start, state)
    measured = f"metasmoothness {value:.2f} over {steps} steps from step {start} on (1 is smooth)"
    if value >= _SMOOTH:
        return [Finding(_CHECK, "ok", "", f"{measured}: derivatives predict retraining there; later may be worse")]
    if value >= _ROUGH:
        message = f"{measured}: only partly smooth; scores will rank removals badly over long horizons"
    else:
        message = f"{measured}: not smooth; scores would be exact derivatives that predict nothing"
    return [
        Finding(
            _CHECK,
            "warning",
            "",
            message,
            "Use smooth activations (SiLU in place of ReLU), raise Adam's eps to 1e-3 or 1e-2 with eps_inside=True, "
            "lower the learning rate or warm it up, add R1, or score short horizons only.",
        )
    ]


def metasmoothness(step: Step, steps: int = STRETCH, start: int = 0, state: State | None = None) -> float:
    """Whether parameters go on in the direction in which the weights push them, in [-1, 1]; 1 is smooth.

    Empirical metasmoothness (Engstrom et al. 2025, arXiv 2503.13751, definition 2), from trainings with weights
    1, 1 + h v and 1 + 2 h v, and v of random signs: with a, b, c the parameters of all players after them, the mean of
    sign(b - a) sign(c - b), weighted by abs(c - a); the mean over a few v. Training that breaks down counts as 0.

    Args:
        step: the pure step.
        steps: of each training.
        start: number of the first step.
        state: the state before it; default the seed's initial one.
    """
    own = copied(step, Still)
    first = own.initial() if state is None else state
    weights = ones(own)

    def trained(by: Tensor) -> Tensor:
        after = first
        for number in range(start, start + steps):
            after = own(after, number, weights + by)
        return torch.cat([slots[PARAMETERS] for slots in after.values()]).double()

    here = trained(torch.zeros_like(weights))
    found = []
    for key in range(_DIRECTIONS):
        signs = 2 * (Draw(0, "doctor", "smoothness", key).uniform(len(weights)) < 0.5).to(weights) - 1
        found.append(_agreement(here, trained(_DISTANCE * signs), trained(2 * _DISTANCE * signs)))
    return sum(found) / len(found)


def _agreement(near: Tensor, middle: Tensor, far: Tensor) -> float:
    moved = (far - near).abs()
    if not torch.isfinite(moved).all() or not torch.isfinite(middle).all() or not moved.any():
        return 0.0
    return float(((middle - near).sign() * (far - middle).sign() * moved).sum() / moved.sum())
