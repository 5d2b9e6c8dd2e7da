"""Many looks, one answer: scores averaged over windows, seeds and metrics, with what can be said of their certainty.

Every look weighs as the inverse of its spread over the examples (see `influence.averaging`), which keeps the average in
the metric's units. Looks that weigh alike gained as much where no adjoint was large, and found as much of what was
planted; weights by the inverse square of the spread found less, and gained no more (`benchmarks/dirty/windows.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gansift.catalogue import ROLLING
from gansift.errors import UsageError
from gansift.influence.averaging import Weighing, look_weights, seed_means, standard_errors
from gansift.influence.discovery import discoveries, p_values
from gansift.influence.looks import Looks, Window
from gansift.influence.reliability import looks_needed, reliability_of
from gansift.influence.scores import Scores


@dataclass(frozen=True, repr=False)
class CombinedScores(Scores):
    """Scores that are means over looks, with what the looks say of their certainty.

    A score is the predicted change of the metric for one more model, trained with another seed.

    Attributes:
        looks: how many there are, L.
        seeds: the training seeds that were looked at.
        agreement: the share of looks that agree with the sign of the mean, by weight, shape (N,).
        freedom: degrees of freedom of the standard errors.
        reliability: the correlation that the scores of as many other seeds would have with these, between 0 and 1; of a
            single seed that of as many other windows of the same training, which is more. None for a single look.
        reliability_of_one: the same for the scores of a single seed, or of a single window where there is one seed.
        left_out: windows that could not be scored, with the reason, each a phrase.
        redraws: with how many other batches and random numbers each update was looked at, in every look.
    """

    looks: int = 1
    seeds: tuple[int, ...] = ()
    agreement: np.ndarray | None = None
    freedom: float = 0.0
    reliability: float | None = None
    reliability_of_one: float | None = None
    left_out: tuple[str, ...] = ()
    redraws: int = 0

    def __getitem__(self, rows: int | slice | Sequence[int] | np.ndarray) -> CombinedScores:
        """The scores of some rows, or of one."""
        index = np.atleast_1d(np.arange(len(self))[rows])
        part = super().__getitem__(rows)
        assert isinstance(part, CombinedScores)
        return replace(part, agreement=None if self.agreement is None else self.agreement[index])

    @property
    def _what(self) -> str:
        seeds = f"{len(self.seeds)} seed{'s' if len(self.seeds) != 1 else ''}"
        return (
            f"{len(self)} examples, {self.metric} ({self.direction} is better), mean of {self.looks} looks at {seeds}"
            + ("" if self.reliability is None else f", reliability {self.reliability:.2f}")
        )

    @property
    def errors(self) -> np.ndarray:
        """The standard errors, shape (N,).

        Raises:
            UsageError: for a single look, which has none.
        """
        if self.standard_error is None:
            raise UsageError("one look has no standard error; score more windows or more seeds")
        return self.standard_error

    def surely_harmful(self, false_discovery_rate: float = 0.1) -> tuple[str, ...]:
        """The examples that are harmful for sure, the most certain first.

        An example counts if its removal is predicted to be better than none, and better than that of an average
        example. The one-sided p-values of Student's t are cut by the rule of Benjamini and Hochberg (1995).

        Args:
            false_discovery_rate: the share of wrong ones that is accepted among those named, on average.

        Raises:
            UsageError: if the rate is not between 0 and 1, or for a single look.
        """
        if not 0 < false_discovery_rate < 1:
            raise UsageError(f"the false discovery rate must be between 0 and 1, not {false_discovery_rate}")
        harm = self.harm - max(0.0, float(self.harm.mean()))
        return tuple(
            self.ids[row] for row in discoveries(p_values(harm, self.errors, self.freedom), false_discovery_rate)
        )

    def seeds_needed(self, reliability: float = 0.8) -> int | None:
        """How many seeds, all in all, give scores of this reliability; None where it cannot be told.

        Raises:
            UsageError: if the reliability is not between 0 and 1, or only one seed was looked at: it cannot tell how
                much seeds differ.
        """
        if not 0 < reliability < 1:
            raise UsageError(f"the reliability must be between 0 and 1, not {reliability}")
        if len(self.seeds) < 2:
            raise UsageError("one seed cannot tell how many are needed; score two or more")
        return None if self.reliability_of_one is None else looks_needed(self.reliability_of_one, reliability)


def combine(looks: Sequence[Looks | Scores], weighing: Weighing = "spread") -> CombinedScores:
    """The mean over all looks, of windows, of seeds and of metrics.

    Args:
        looks: looks of one or more runs, as from `influence.rolling`; or scores, each of which counts as one look of
            another seed. All are of the same examples and of one removal convention.
        weighing: how looks are weighed. Looks by several metrics are brought to the same spread first: the result then
            is in standard deviations, counts as a metric of which lower is better, and says whom to remove first.

    Raises:
        UsageError: if there is nothing to combine, or it does not belong together.

    Examples:
        >>> words = dict(metric="fid", direction="lower", steps=9, removal="fixed-denominator")
        >>> of_seed_0 = np.array([[-3.0, 1.0, 2.0], [-3.0, 1.0, 2.0]])
        >>> of_seed_1 = np.array([[-2.0, 3.0, -1.0], [-3.0, 2.0, 1.0]])
        >>> scores = combine([
        ...     Looks(("a", "b", "c"), values, (Window(seed, 9, 3), Window(seed, 6, 3)), **words)
        ...     for seed, values in enumerate([of_seed_0, of_seed_1])
        ... ])
        >>> scores.harmful(1).ids, scores.looks, scores.seeds, scores.agreement.round(2).tolist()
        (('a',), 4, (0, 1), [1.0, 1.0, 0.75])
    """
    parts = [_as_looks(part, number) for number, part in enumerate(looks)]
    _check(parts)
    names = sorted({part.metric for part in parts})
    several = len(names) > 1
    values = np.concatenate([_comparable(parts, part) if several else part.values for part in parts])
    windows = [window for part in parts for window in part.windows]
    weights = look_weights(values, weighing)
    mean = weights @ values
    seeds = tuple(dict.fromkeys(window.seed for window in windows))
    groups = np.array([seeds.index(window.seed) for window in windows])
    error, freedom = standard_errors(values, weights, groups, mean)
    whole, one = reliability_of(seed_means(values, weights, groups) if len(seeds) > 1 else values)
    first = parts[0]
    return CombinedScores(
        ids=first.ids,
        values=mean,
        metric="+".join(names),
        direction="lower" if several else first.direction,
        estimator=ROLLING,
        horizon=round(float(np.mean([window.horizon for window in windows]))),
        steps=first.steps,
        removal=first.removal,
        run=first.run if len(parts) == 1 else "mean",
        standard_error=error,
        looks=len(windows),
        seeds=seeds,
        agreement=weights @ (np.sign(values) == np.sign(mean)),
        freedom=freedom,
        reliability=whole,
        reliability_of_one=one,
        left_out=tuple(f"seed {part.windows[0].seed}: {reason}" for part in parts for reason in part.left_out),
        redraws=min(part.redraws for part in parts),
    )


def _as_looks(part: Looks | Scores, number: int) -> Looks:
    if isinstance(part, Looks):
        return part
    window = Window(number, part.steps, part.horizon)
    words = (part.metric, part.direction, part.steps, part.removal, part.run)
    return Looks(part.ids, part.values[None], (window,), *words)


def _check(parts: Sequence[Looks]) -> None:
    if not parts or not all(map(len, parts)):
        raise UsageError("there are no looks to combine")
    first = parts[0]
    for part in parts[1:]:
        if part.ids != first.ids:
            raise UsageError("these scores are of different training examples, so they have no mean")
        if part.removal != first.removal:
            raise UsageError(f"scores of {part.removal} and of {first.removal} removal cannot be combined")
        if part.metric == first.metric and part.direction != first.direction:
            raise UsageError(f"{part.metric} is better {part.direction} and {first.direction}: these are two metrics")


def _comparable(parts: Sequence[Looks], part: Looks) -> np.ndarray:
    """Looks in units of the median spread of all looks by their metric, lower better."""
    of_metric = np.concatenate([other.values for other in parts if other.metric == part.metric])
    spread = float(np.median(of_metric.std(axis=1)))
    return (part.values if part.direction == "lower" else -part.values) / (spread or 1.0)
