"""How a training went, as the page shows it: losses and metric at moments, and samples from the same latents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Moment:
    """What was measured at one moment of a training.

    Attributes:
        step: the number of steps that were done.
        epoch: the same in epochs.
        losses: of each player, the mean over the next few steps; empty at the end.
        value: the metric on validation data, or None where it cannot be computed there.
    """

    step: int
    epoch: float
    losses: dict[str, float]
    value: float | None


@dataclass(frozen=True, eq=False)
class History:
    """A whole training.

    Attributes:
        moments: from the first to the last.
        samples: at some of these steps, samples from the same latents, shape (n, *shape of an example); empty where
            nothing makes samples.
    """

    moments: tuple[Moment, ...]
    samples: dict[int, np.ndarray]
