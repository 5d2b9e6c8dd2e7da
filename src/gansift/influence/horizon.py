"""How far back scores can be believed, told by the growth of the adjoint along the backward sweep.

Where training is chaotic, small causes grow by a factor per step, and so does the adjoint: every derivative is right,
but the first-order prediction holds only for removals far smaller than a whole example. The growth tells so without
any retraining. What counts is the adjoint of the parameters and their averages; optimizer moments have other units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gansift.errors import UsageError
from gansift.training.trajectory import Run

#: (step, norm of the adjoint before it), from the last step backwards.
Growth = Sequence[tuple[int, float]]

#: Up to this growth, scores ranked removals with a correlation of 0.9 or more in every training that was measured,
#: and above four times as much in none: `python benchmarks/horizons.py` prints both side by side.
BELIEVABLE_GROWTH = 15.0


@dataclass(frozen=True)
class Trust:
    """How far back the scores of a run can be believed.

    Attributes:
        horizon: the longest believable horizon in steps.
        growth: over the whole sweep.
        limit: the growth up to which scores are believed.
        state: ``smooth`` (all of the sweep), ``partly``, or ``chaotic`` (less than one epoch).
    """

    horizon: int
    growth: float
    limit: float
    state: Literal["smooth", "partly", "chaotic"]

    def sentence(self, epoch: float) -> str:
        """What that means, in plain words; ``epoch`` is the number of steps in one."""
        reach = f"the last {self.horizon} steps ({self.horizon / epoch:.3g} epochs)"
        if self.state == "smooth":
            return (
                f"Training is smooth over {reach}: the adjoint grows by {self.growth:.3g}, so scores can be believed."
            )
        advice = (
            "Train more smoothly to look further back: larger eps inside Adam's root, R1, a lower or decaying learning "
            "rate, warm-up, larger batches."
        )
        if self.state == "partly":
            return f"Scores can be believed over {reach}; beyond, the adjoint grows too much. {advice}"
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


def growth_factor(growth: Growth) -> float:
    """The largest norm of the adjoint over its norm at the end of the run, 1 or more."""
    return max(norm for _, norm in growth) / growth[0][1] if growth[0][1] else 1.0


def trust(growth: Growth, epoch: float) -> Trust:
    """Read the growth of a sweep.

    Args:
        growth: of at least one step.
        epoch: steps in one epoch; a believable horizon shorter than that is called chaotic.
    """
    first = growth[0][1]
    horizon = next((row for row, (_, norm) in enumerate(growth) if norm > BELIEVABLE_GROWTH * first), len(growth))
    state: Literal["smooth", "partly", "chaotic"] = "partly"
    if horizon == len(growth):
        state = "smooth"
    elif horizon < epoch:
        state = "chaotic"
    return Trust(horizon, growth_factor(growth), BELIEVABLE_GROWTH, state)
