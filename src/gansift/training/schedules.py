"""Learning rates over the steps of a run."""

from __future__ import annotations

import math


def learning_rate(peak: float, step: int, steps: int, warmup: int, decay: str, final: float = 0.0) -> float:
    """The rate of one step: a linear warm-up to ``peak``, then constant or half a cosine down to its final share.

    Args:
        peak: the highest rate.
        step: number of the step, from 0.
        steps: steps of the whole run.
        warmup: steps over which the rate rises; the first has peak / warmup.
        decay: ``constant`` or ``cosine``.
        final: share of ``peak`` that a cosine ends at.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    if decay == "cosine":
        share = (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup))) / 2
        return peak * (final + (1 - final) * share)
    return peak
