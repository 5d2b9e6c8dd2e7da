"""How far back scores can be believed, as the backward sweep itself tells, without any retraining.

Where training is chaotic, small causes grow from step to step, and so does the adjoint: every derivative is right, but
the first-order prediction holds only for removals far smaller than a whole example. Two signs tell:

- *accumulated growth*: what a removal does to a run adds up over its steps, so it is the sum of the adjoint's norms
  over the horizon, in units of its norm at the end. Only parameters and their averages count; optimizer moments have
  other units.
- *effect*: what the scores predict for removing a random 2 % of the examples, as a share of the metric's value (or of
  its ``scale``, where a metric that may be near 0 has one). A straight line does not reach that far: large effects
  saturate. Nor does it hold where the effect bursts, many times as large as over half the horizon: there a short
  stretch of training amplifies everything before it, and scores fail from where the burst begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gansift.errors import UsageError
from gansift.metrics.metric import Metric
from gansift.training.trajectory import Run

#: (step, norm of the adjoint before it, effect from there on), from the last step backwards.
Growth = Sequence[tuple[int, float, float]]

# `python benchmarks/horizons.py`: within all limits, scores ranked removals with a correlation of 0.91 or more in every
# training there; beyond a growth of 1,000 or an effect of 0.03 with 0.9 in one alone, whose sizes were off. They do not
# hold everywhere: of six DCGANs of 8 channels on 1,000 digits, trained at a constant rate of 3e-3, scores that they let
# be believed ranked removals well in one (docs/papers.md, section 4), and neither number tells those from the others.
#: The accumulated growth up to which scores are believed.
BELIEVABLE = 250.0
#: The effect up to which they are.
BELIEVABLE_EFFECT = 0.025
# Times the effect over half the horizon, if that is more than an epoch (within one, effects are still building up).
# Where scores held it was up to 6; from the larger number on it is a burst, up to the smaller there is no sign of one.
_CALM, _BURST = 4.0, 16.0
_SHARE = 0.02


@dataclass(frozen=True)
class Trust:
    """How far back the scores of a run can be believed.

    Attributes:
        horizon: the longest believable horizon in steps.
        accumulated: growth over the whole sweep.
        limit: the accumulated growth up to which scores are believed.
        effect: predicted for a random 2 % over the whole sweep, as a share of the metric's value.
        effect_limit: the effect up to which scores are believed.
        state: ``smooth`` (all of the sweep), ``partly``, or ``chaotic`` (less than one epoch).
    """

    horizon: int
    accumulated: float
    limit: float
    effect: float
    effect_limit: float
    state: Literal["smooth", "partly", "chaotic"]

    def sentence(self, epoch: float) -> str:
        """What that means, in plain words; ``epoch`` is the number of steps in one."""
        reach = f"the last {self.horizon} steps ({self.horizon / epoch:.3g} epochs)"
        if self.state == "smooth":
            return (
                f"Training is smooth over {reach} (accumulated growth {self.accumulated:.3g}, effect of a random 2 % "
                f"{self.effect:.2g} of the metric): scores can be believed."
            )
        advice = (
            "Train more smoothly to look further back: larger eps inside Adam's root, R1, a lower or decaying learning "
            "rate, warm-up, larger batches."
        )
        if self.state == "partly":
            return f"Scores can be believed over {reach}; beyond, effects grow too large to be predicted. {advice}"
        return f"This training is chaotic: scores can be believed over no more than {reach}. {advice}"


def refuse_private(run: Run) -> None:
    """Refuse to score a run whose gradients were clipped and noised, which scores know nothing of.

    Raises:
        UsageError: if it is one.
    """
    if run.step.private:
        raise UsageError(
            "a run that was trained with differential privacy has no scores: they would be wrong, and tell what the "
            "training keeps to itself"
        )


def checked_horizon(run: Run, horizon: int | None) -> int:
    """The horizon asked for in steps, by default the whole run.

    Raises:
        UsageError: if the horizon is not in the run, or the run was trained with differential privacy.
    """
    refuse_private(run)
    longest = run.steps - run.start
    chosen = longest if horizon is None else horizon
    if not 1 <= chosen <= longest:
        raise UsageError(f"the horizon {chosen} is not between 1 and the {longest} steps of the run")
    return chosen


def predicted_effect(by_weight: np.ndarray, scale: float) -> float:
    """Spread of what is predicted for removing a random 2 %: the standard deviation over such removals, over ``scale``.

    Args:
        by_weight: the metric's derivative in the weight of each example that is there, shape (N,).
        scale: what changes of the metric are compared with, as from `scale_of`.
    """
    count = len(by_weight)
    if count < 2:
        return 0.0
    removed = _SHARE * count
    spread = float(np.std(by_weight)) * (removed * (count - removed) / (count - 1)) ** 0.5
    return spread / scale if scale else float("inf" if spread else 0.0)


def scale_of(metric: Metric, run: Run) -> float:
    """What changes of the metric are compared with: its own scale, 1 where it is a logarithm, or else its value."""
    if getattr(metric, "logarithmic", False):
        return 1.0
    scale = getattr(metric, "scale", None)
    return abs(metric.value(run)) if scale is None else float(scale)


def accumulated_growth(growth: Growth) -> float:
    """The sum of the adjoint's norms over the steps, in units of its norm at the end of the run.

    >>> accumulated_growth([(2, 1.0, 0.0), (1, 2.0, 0.0), (0, 4.0, 0.0)])
    7.0
    """
    return float(_accumulated(growth)[-1])


def _accumulated(growth: Growth) -> np.ndarray:
    norms = np.array([row[1] for row in growth])
    return np.cumsum(norms) / norms[0] if norms[0] else np.arange(1.0, len(norms) + 1)


def sign(growth: Growth, horizon: int, accumulated: float, epoch: float) -> Literal["calm", "rising", "burst", "far"]:
    """What the sweep says of one horizon, if all shorter ones were calm or rising.

    Args:
        growth: of at least that many steps.
        horizon: in steps.
        accumulated: growth over the horizon.
        epoch: steps in one epoch.

    Returns:
        ``calm``, or ``rising`` where a burst of the effect may have begun: scores are believed; ``burst``: not even
        those of the rising horizons before it; ``far``: a limit is passed.
    """
    effect, half = growth[horizon - 1][2], horizon // 2
    before = growth[half - 1][2] if half > epoch else float("inf")
    if effect > _BURST * before:
        return "burst"
    if not (accumulated <= BELIEVABLE and effect <= BELIEVABLE_EFFECT):
        return "far"
    return "rising" if effect > _CALM * before else "calm"


def trust(growth: Growth, epoch: float) -> Trust:
    """Read the growth of a sweep.

    Args:
        growth: of at least one step.
        epoch: steps in one epoch; a believable horizon shorter than that is called chaotic.

    >>> growth = [(99 - step, 2.0**step, 0.0) for step in range(100)]  # each step doubles what came before it
    >>> told = trust(growth, epoch=20)
    >>> told.horizon, told.state
    (7, 'chaotic')
    """
    accumulated = _accumulated(growth)
    believed = calm = 0
    for horizon in range(1, len(growth) + 1):
        found = sign(growth, horizon, float(accumulated[horizon - 1]), epoch)
        if found in ("burst", "far"):
            believed = calm if found == "burst" else believed
            break
        believed, calm = horizon, horizon if found == "calm" else calm
    state: Literal["smooth", "partly", "chaotic"] = "partly"
    if believed == len(growth):
        state = "smooth"
    elif believed < epoch:
        state = "chaotic"
    return Trust(max(1, believed), float(accumulated[-1]), BELIEVABLE, growth[-1][2], BELIEVABLE_EFFECT, state)
