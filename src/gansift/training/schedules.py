"""Learning rates over the steps of a run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gansift.errors import TrainingError

#: How the rate falls after the warm-up: by name, or from the progress of training (0 at its start, 1 at the end of the
#: run) to the share of the highest rate.
Decay = str | Callable[[float], float]


def learning_rate(peak: float, step: int, steps: int, warmup: int, decay: Decay, final: float = 0.0) -> float:
    """The rate of one step: a linear warm-up to ``peak``, then constant, half a cosine, or a function of the progress.

    >>> learning_rate(3.0, 5, 10, 0, lambda progress: 1 - progress)
    1.5

    Args:
        peak: the highest rate.
        step: number of the step, from 0.
        steps: steps of the whole run.
        warmup: steps over which the rate rises; the first has peak / warmup.
        decay: ``constant``, ``cosine`` or a function.
        final: share of ``peak`` that a cosine ends at.

    Raises:
        TrainingError: if the function gives anything but a finite factor of 0 or more.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    if decay == "constant":
        return peak
    progress = (step - warmup) / max(1, steps - warmup)
    if callable(decay):
        return peak * _factor(decay, progress)
    share = (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup))) / 2
    return peak * (final + (1 - final) * share)


def decay_name(decay: Decay) -> str:
    """The name by which a decay is recorded: its own, or ``module:function``.

    Raises:
        TrainingError: for an unknown name, or a function without a name that other processes can find it by.
    """
    if not callable(decay):
        if decay not in ("constant", "cosine"):
            raise TrainingError(
                f"unknown decay {decay!r}; use constant, cosine, or a function of the progress from 0 to 1"
            )
        return decay
    name: Any = getattr(decay, "__qualname__", None)
    if name is None or "<" in name:
        raise TrainingError(
            f"a decay must be a function that a run can be recorded with by name, and {decay!r} has none: write it "
            "with `def` at the top of a module, neither as a lambda nor inside another function."
        )
    return f"{decay.__module__}:{name}"


def _factor(decay: Callable[[float], float], progress: float) -> float:
    factor = float(decay(progress))
    if not 0 <= factor < math.inf:
        raise TrainingError(
            f"the decay {decay_name(decay)} gives {factor} at progress {progress:.3g}; it must be a finite factor of "
            "the learning rate, 0 or more"
        )
    return factor
