"""A change averaged over folds, in which other examples of the same data are held out.

What one split says holds for its own held-out examples. Over the folds of a cross-fit each example is held out once, so
their mean is surer. Its error keeps apart what folds share and what they do not: held-out examples are disjoint, so
their variances add up; seeds and latents are the same in all folds, so what they do may have the same sign in all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gansift.cleansing.crossed import Crossed, Part, jackknife, part_of_seeds, summed
from gansift.metrics.replicates import Replicates

#: By seed, the paired change in one fold, None for a seed whose training broke down; None for a fold in which nothing
#: was removed, so that nothing changes.
Fold = Sequence[Replicates | None] | None


def over_folds(folds: Sequence[Fold]) -> Crossed | None:
    """The mean change over folds and seeds; None if nothing was removed in any, or no seed went through in all.

    Args:
        folds: the changes by seed in each; all have the same seeds, in the same order.

    >>> one, other = ([Replicates(value, (), ()) for value in values] for values in ([-1.0, -3.0], [-2.0, -2.0]))
    >>> found = over_folds([one, other])
    >>> found.mean, found.of_seeds
    (-2.0, 0.5)
    >>> over_folds([one, None]).mean
    -1.0
    """
    removing = [of_fold for of_fold in folds if of_fold is not None]
    by_seed = [[one for one in row if one is not None] for row in zip(*removing, strict=True)]
    complete = [row for row in by_seed if len(row) == len(removing)]
    if not complete:
        return None
    count = len(folds)
    single = np.array([[change.value for change in row] for row in complete]).sum(axis=1) / count
    mean = float(single.mean())
    return summed(mean, part_of_seeds(single), _of_examples(complete, count), _of_latents(complete, count, mean))


def _of_examples(complete: Sequence[Sequence[Replicates]], count: int) -> list[Part]:
    """One variance for each fold, and the square of the mean bias, which folds share."""
    parts, bias = [], 0.0
    for of_fold in zip(*complete, strict=True):
        blocks = _blocks([change.without_examples for change in of_fold])
        if blocks is None:
            return []
        told = jackknife(blocks, float(np.mean([change.value for change in of_fold])))
        parts.append(Part(told.variance / count**2, told.freedom))
        bias += told.bias / count
    return [*parts, Part(bias**2, min(part.freedom for part in parts))]


def _of_latents(complete: Sequence[Sequence[Replicates]], count: int, mean: float) -> list[Part]:
    """That of the mean over folds without each block of the latents that all folds have."""
    blocks = _blocks([change.without_latents for row in complete for change in row])
    return [] if blocks is None else [jackknife(blocks * (len(complete[0]) / count), mean).part]


def _blocks(without: Sequence[Sequence[float]]) -> np.ndarray | None:
    """The mean by block; None where blocks were not left out one by one, or not the same number of them."""
    lengths = set(map(len, without))
    return np.mean(without, axis=0) if len(lengths) == 1 and lengths.pop() > 1 else None
