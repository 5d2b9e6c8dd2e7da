"""What removal does to models that are trained anew: how many examples to remove, and whether it helps.

Three disjoint sets of seeds have one part each: trainings that are scored, fresh ones that choose the number, and
further fresh ones that judge exactly the examples that were chosen. All changes are paired by seed: with and without
the examples, a training has the same initial parameters, batches and latents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gansift.cleansing.choose import is_better
from gansift.cleansing.crossed import Crossed, crossed, difference
from gansift.metrics.replicates import Replicates

#: By seed, the value of a metric after a training; None where the training broke down.
Values = Sequence[Replicates | None]

#: What is known of a change: ``better``, ``worse``, or neither.
Finding = Literal["better", "worse", "unproven"]


def paired(after: Values, before: Values) -> list[Replicates | None]:
    """The change of every seed; None where one of its two trainings broke down."""
    return [
        None if one is None or other is None else difference(one, other)
        for one, other in zip(after, before, strict=True)
    ]


def change_of(after: Values, before: Values) -> Crossed | None:
    """The mean change over the seeds in which both trainings went through; None if there are none.

    Args:
        after: by seed, without some examples.
        before: by seed, with all of them or without others.
    """
    pairs = [change for change in paired(after, before) if change is not None]
    return crossed(pairs) if pairs else None


def chosen_count(changes: Mapping[int, Crossed | None], direction: str) -> int | None:
    """The number of examples whose removal can be relied on, or None where no removal is for the better.

    Numbers are compared by their gain less one standard error, which covers seeds, held-out examples and latents: the
    best mean belongs too often to a number that was lucky. The smallest number is taken whose gain is within one
    standard error of that of the best (the rule by which Breiman and others, 1984, choose among models): nobody is to
    lose examples without need. Whether the gain is real is for other seeds to judge, so no proof is asked for here.

    Args:
        changes: on validation data, by the number that was removed; None for one without a training that went through.
        direction: of the metric, ``lower`` or ``higher``.

    >>> fewer, more = (Crossed(mean, error, 3.0, error, None, None) for mean, error in ((-1.0, 0.2), (-1.1, 0.6)))
    >>> chosen_count({10: fewer, 20: more}, "lower"), chosen_count({10: fewer}, "higher")
    (10, None)
    """
    sign = -1 if direction == "lower" else 1
    known = {count: change for count, change in sorted(changes.items()) if change is not None}
    means = {count: sign * change.mean for count, change in known.items()}
    gains = {count: means[count] - (change.error or 0.0) for count, change in known.items()}
    best = max(gains, key=lambda count: gains[count], default=None)
    if best is None or gains[best] <= 0:
        return None
    return min(count for count, gain in means.items() if gains[count] > 0 and gain >= gains[best])


@dataclass(frozen=True)
class Judgement:
    """What the judging seeds say of one removal.

    Attributes:
        before: mean value over seeds with everything kept.
        after: mean value without the examples.
        change: after less before, paired.
        random: the same for as many examples at random.
        against_random: the change less that of random removal, paired.
    """

    before: float
    after: float
    change: Crossed
    random: Crossed
    against_random: Crossed

    def finding(self, direction: str) -> Finding:
        """``better`` if the change is, and is better than random removal's; ``worse`` if the change is.

        Both with 95 % confidence.
        """
        if is_better(self.change.interval, direction) and is_better(self.against_random.interval, direction):
            return "better"
        opposite = "higher" if direction == "lower" else "lower"
        return "worse" if is_better(self.change.interval, opposite) else "unproven"


def judge_removal(before: Values, after: Values, random: Values) -> Judgement | None:
    """The judgement of a removal over the seeds in which all three trainings went through; None if there are none.

    Args:
        before: by seed, with everything.
        after: without the examples.
        random: without as many at random.
    """
    complete = [
        (one, two, three)
        for one, two, three in zip(before, after, random, strict=True)
        if one is not None and two is not None and three is not None
    ]
    if not complete:
        return None
    kept, removed, control = (list(column) for column in zip(*complete, strict=True))
    return Judgement(
        before=crossed(kept).mean,
        after=crossed(removed).mean,
        change=crossed([difference(a, b) for a, b in zip(removed, kept, strict=True)]),
        random=crossed([difference(a, b) for a, b in zip(control, kept, strict=True)]),
        against_random=crossed([difference(a, b) for a, b in zip(removed, control, strict=True)]),
    )
