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
    mean = float(single.mean())
    of_others: list[list[Part]] = []
    for name in ("without_examples", "without_latents"):
        blocks = [getattr(value, name) for value in values]
        complete = len(blocks[0]) > 1 and len(set(map(len, blocks))) == 1
        of_others.append([jackknife(np.mean(blocks, axis=0), mean).part] if complete else [])
    return summed(mean, part_of_seeds(single), *of_others)


class Part(NamedTuple):
    """One of the variances that add up, and its degrees of freedom."""

    variance: float
    freedom: float


def part_of_seeds(values: np.ndarray) -> Part | None:
    """The variance of the mean of one value for each seed, shape (S,); None for a single seed."""
    count = len(values)
    return Part(float(values.var(ddof=1)) / count, count - 1.0) if count > 1 else None


def summed(mean: float, seeds: Part | None, examples: Sequence[Part], latents: Sequence[Part]) -> Crossed:
    """A mean with all its variances added up.

    Args:
        mean: over seeds.
        seeds: by seeds; None for a single one.
        examples: by held-out examples; empty where the metric does not tell.
        latents: by latents; empty where there are none.
    """
    parts = [*([] if seeds is None else [seeds]), *examples, *latents]
    total = sum(part.variance for part in parts)
    spread = sum(part.variance**2 / part.freedom for part in parts)
    return Crossed(
        mean,
        error=None if seeds is None else total**0.5,
        freedom=total**2 / spread if spread else max(1.0, 0.0 if seeds is None else seeds.freedom),
        of_seeds=None if seeds is None else seeds.variance**0.5,
        of_examples=_error(examples),
        of_latents=_error(latents),
    )


def _error(parts: Sequence[Part]) -> float | None:
    return sum(part.variance for part in parts) ** 0.5 if parts else None


class Jackknife(NamedTuple):
    """What values without each block say of the whole: its variance, its bias, and the degrees of freedom."""

    variance: float
    bias: float
    freedom: float

    @property
    def part(self) -> Part:
        """The variance with the bias as one more way to be off."""
        return Part(self.variance + self.bias**2, self.freedom)


def jackknife(without: np.ndarray, whole: float) -> Jackknife:
    """What the values without each block, shape (G,), say of the value of all."""
    blocks = len(without)
    variance = (blocks - 1) / blocks * float(((without - without.mean()) ** 2).sum())
    return Jackknife(variance, (blocks - 1) * float(without.mean() - whole), blocks - 1.0)


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
