"""A mean over training seeds with an interval for everything that could have come out otherwise.

An interval over seeds alone says how far off the mean could be by chance in training. It says nothing of which examples
happened to be held out, nor of which latents were drawn: all seeds are judged by the same ones, and more seeds only
tighten it round that one test set's own value. On 1,500 silhouettes it called the same removal "better" on one test
split and "worse" on another. Here the three variances are added: that of the mean over seeds, and the jackknife's of
held-out examples and of latents (`metrics.replicates`). The jackknife also tells the bias that a metric has on few
examples, as FID has; it is counted as one more way to be off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from gansift.cleansing.statistics import Interval
from gansift.metrics.replicates import Replicates


class Crossed(NamedTuple):
    """A mean over seeds, and what it may be off by.

    Attributes:
        mean: over seeds, on all held-out examples and latents.
        error: standard error of all sources together; None for a single seed.
        freedom: degrees of freedom of the error (Welch and Satterthwaite).
        of_seeds: the standard error by seeds alone; None for a single seed.
        of_examples: by held-out examples alone; None where the metric does not tell.
        of_latents: by latents alone; None where there are none.
    """

    mean: float
    error: float | None
    freedom: float
    of_seeds: float | None
    of_examples: float | None
    of_latents: float | None

    @property
    def interval(self) -> Interval:
        """The mean with its 95 % interval, which is None for a single seed."""
        if self.error is None:
            return Interval(self.mean, None)
        half = float(stats.t.ppf(0.975, self.freedom)) * self.error
        return Interval(self.mean, (self.mean - half, self.mean + half))


def crossed(values: Sequence[Replicates]) -> Crossed:
    """The mean over seeds of a value, or of a paired change (`difference`), with its errors.

    Args:
        values: one for each seed, all on the same held-out examples and latents.

    Raises:
        ValueError: for no values.

    >>> values = [Replicates(-1.0, (-1.2, -0.8), (-1.0, -1.0)), Replicates(-3.0, (-3.2, -2.8), (-3.0, -3.0))]
    >>> found = crossed(values)
    >>> found.mean, found.of_seeds, round(found.of_examples, 3), found.of_latents
    (-2.0, 1.0, 0.2, 0.0)
    """
    if not values:
        raise ValueError("no values to average")
    single = np.array([value.value for value in values])
    mean, seeds = float(single.mean()), len(single)
    parts = [(float(single.var(ddof=1)) / seeds, seeds - 1.0)] if seeds > 1 else []
    jackknifed = []
    for name in ("without_examples", "without_latents"):
        blocks = [getattr(value, name) for value in values]
        complete = len(blocks[0]) > 1 and len(set(map(len, blocks))) == 1
        jackknifed.append(_jackknife(np.mean(blocks, axis=0), mean) if complete else None)
    parts += [part for part in jackknifed if part is not None]
    total = sum(variance for variance, _ in parts)
    spread = sum(variance**2 / freedom for variance, freedom in parts)
    examples, latents = (None if part is None else part[0] ** 0.5 for part in jackknifed)
    return Crossed(
        mean,
        error=total**0.5 if seeds > 1 else None,
        freedom=total**2 / spread if spread else max(1.0, seeds - 1.0),
        of_seeds=parts[0][0] ** 0.5 if seeds > 1 else None,
        of_examples=examples,
        of_latents=latents,
    )


def _jackknife(without: np.ndarray, whole: float) -> tuple[float, float]:
    """Variance (with the squared bias) and degrees of freedom from the values without each block, shape (G,)."""
    blocks = len(without)
    variance = (blocks - 1) / blocks * float(((without - without.mean()) ** 2).sum())
    bias = (blocks - 1) * float(without.mean() - whole)
    return variance + bias**2, blocks - 1.0


def difference(one: Replicates, other: Replicates) -> Replicates:
    """One value less another on the same held-out examples and latents, block by block.

    Where only one of them could be measured without the blocks, the difference has no replicates.
    """
    return Replicates(
        one.value - other.value,
        _differences(one.without_examples, other.without_examples),
        _differences(one.without_latents, other.without_latents),
    )


def _differences(one: Sequence[float], other: Sequence[float]) -> tuple[float, ...]:
    return tuple(a - b for a, b in zip(one, other, strict=True)) if len(one) == len(other) else ()
