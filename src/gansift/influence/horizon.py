"""How far back scores can be believed, told by the growth of the adjoint along the backward sweep.

Where training is chaotic, small causes grow from step to step, and so does the adjoint: every derivative is right, but
the first-order prediction holds only for removals far smaller than a whole example. What a removal does to a run adds
up over its steps, so what counts is the *accumulated growth*: the sum of the adjoint's norms over the horizon, in units
of its norm at the end. It tells without any retraining. Only parameters and their averages count; optimizer moments
have other units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gansift.errors import UsageError
from gansift.training.trajectory import Run

#: (step, norm of the adjoint before it), from the last step backwards.
Growth = Sequence[tuple[int, float]]

#: Up to 280, scores ranked removals with a correlation of 0.91 or more in every training that was measured, up to 610
#: with one of 0.70 to 1.00, and from 1,000 on with less than 0.75 (`python benchmarks/horizons.py`).
BELIEVABLE = 250.0


@dataclass(frozen=True)
class Trust:
    """How far back the scores of a run can be believed.

    Attributes:
        horizon: the longest believable horizon in steps.
        accumulated: growth over the whole sweep.
        limit: the accumulated growth up to which scores are believed.
        state: ``smooth`` (all of the sweep), ``partly``, or ``chaotic`` (less than one epoch).
    """

    horizon: int
    accumulated: float
    limit: float
    state: Literal["smooth", "partly", "chaotic"]

    def sentence(self, epoch: float) -> str:
        """What that means, in plain words; ``epoch`` is the number of steps in one."""
        reach = f"the last {self.horizon} steps ({self.horizon / epoch:.3g} epochs)"
        if self.state == "smooth":
            return (
                f"Training is smooth over {reach} (accumulated growth {self.accumulated:.3g}): scores can be believed."
            )
        advice = (
            "Train more smoothly to look further back: larger eps inside Adam's root, R1, a lower or decaying learning "
            "rate, warm-up, larger batches."
        )
        if self.state == "partly":
            return f"Scores can be believed over {reach}; beyond, the adjoint accumulates too much. {advice}"
        return f"This training is chaotic: scores can be believed over no more than {reach}. {advice}"


def checked_horizon(run: Run, horizon: int | None) -> int:
    """The horizon asked for in steps, by default the whole run.

    Raises:
        UsageError: if the horizon is not in the run.
    """
    longest = run.steps - run.start
    chosen = longest if horizon is None else horizon
    if not 1 <= chosen <= longest:
        raise UsageError(f"the horizon {chosen} is not between 1 and the {longest} steps of the run")
    return chosen


def accumulated_growth(growth: Growth) -> float:
    """The sum of the adjoint's norms over the steps, in units of its norm at the end of the run."""
    return sum(norm for _, norm in growth) / growth[0][1] if growth[0][1] else float(len(growth))


def trust(growth: Growth, epoch: float) -> Trust:
    """Read the growth of a sweep.

    Args:
        growth: of at least one step.
        epoch: steps in one epoch; a believable horizon shorter than that is called chaotic.
    """
    norms = np.array([norm for _, norm in growth])
    accumulated = np.cumsum(norms) / norms[0] if norms[0] else np.arange(1.0, len(norms) + 1)
    horizon = max(1, int(np.count_nonzero(accumulated <= BELIEVABLE)))
    state: Literal["smooth", "partly", "chaotic"] = "partly"
    if horizon == len(growth):
        state = "smooth"
    elif horizon < epoch:
        state = "chaotic"
    return Trust(horizon, float(accumulated[-1]), BELIEVABLE, state)
