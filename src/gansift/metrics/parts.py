"""Parts of a metric's held-out examples: each scored training is asked by another one.

What all trainings agree on may be an accident of the held-out examples: if all of them were scored by the same ones,
averaging over more trainings would only make that accident look certain. On clean digits 223 of 890 images were called
harmful for sure in this way, and to remove them did harm. With a part of its own for each training, the scores differ
from training to training by chance in the held-out examples, too, and so standard errors cover it.
"""

from __future__ import annotations

import torch

from gansift.metrics.metric import Metric, reference_tensor

# Held-out examples in a part at the least.
_FEWEST = 20


def part_of(metric: Metric, number: int, count: int) -> Metric:
    """The metric on one of ``count`` disjoint parts of its held-out examples, under its own name.

    The whole metric where it has no held-out examples, or too few of them for so many parts (20 in each, and for
    distances two for each dimension of the features).

    Args:
        metric: any metric; one of one's own takes part with a method ``among(rows)`` and an attribute ``reference``.
        number: of the part, from 0.
        count: of parts.

    >>> from gansift.metrics import ALL
    >>> whole = ALL(torch.zeros(90, 1))
    >>> len(part_of(whole, 0, 3).reference), part_of(whole, 0, 5) is whole
    (30, True)
    """
    reference, among = getattr(metric, "reference", None), getattr(metric, "among", None)
    if reference is None or among is None or count < 2:
        return metric
    rows = torch.arange(len(reference_tensor(reference)))[number::count]
    if len(reference) // count < _FEWEST:
        return metric
    return among(rows) or metric
