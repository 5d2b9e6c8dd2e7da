"""How well scores tell members from others: the ROC curve, its area, and what an attacker gets at few false alarms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import norm, rankdata

from gansift.report.answer import Number

_RESAMPLES = 400


@dataclass(frozen=True, eq=False)
class Roc:
    """Scores of members and of others by one or more models.

    Attributes:
        members: shape (models, n); the larger, the more like a member.
        others: shape (models, m).
        seed: decides the resampling.
    """

    members: np.ndarray
    others: np.ndarray
    seed: int = 0

    @property
    def area(self) -> Number:
        """The area under the curve, the mean over models: how often a member has a larger score than another one."""
        value, half = area(self.members, self.others), norm.isf(0.025) * self._spread_of_area
        return Number(value, (max(0.0, value - half), min(1.0, value + half)), "area under the ROC curve", 0.5)

    def succeeds(self, attacks: int) -> bool:
        """Whether the area is above that of guessing, so that of so many attacks on nothing 5 % or less ever are."""
        return area(self.members, self.others) - 0.5 > norm.isf(0.025 / attacks) * self._spread_of_area

    def at(self, false_alarms: float) -> Number | None:
        """The share of members that are found where so few others are taken for members; None with too few others."""
        if self.others.shape[1] * false_alarms < 1:
            return None

        def found(members: np.ndarray, others: np.ndarray) -> float:
            return found_at(members, others, false_alarms)

        value, half = found(self.members, self.others), norm.isf(0.025) * self._spread(found)
        ends = (max(0.0, value - half), min(1.0, value + half))
        return Number(value, ends, f"members found at {100 * false_alarms:g} % false alarms", false_alarms)

    @property
    def balanced_accuracy(self) -> float:
        """Mean share of members and of others that are told right, by thresholds chosen on the other half of each."""
        right = []
        for members, others in zip(self.members, self.others, strict=True):
            for chosen, judged in ((0, 1), (1, 0)):
                limit = threshold(members[chosen::2], others[chosen::2])
                right.append(balanced(members[judged::2], others[judged::2], limit))
        return float(np.mean(right))

    def of_sets(self, size: int, count: int = 400) -> float | None:
        """The area for sets of so many examples, all members or all others, by the sum of their scores' ranks."""
        if min(self.members.shape[1], self.others.shape[1]) < 2 * size:
            return None
        rng, sums = np.random.default_rng(self.seed), []
        ranks = rankdata(np.concatenate([self.members, self.others], axis=1), axis=1)
        for side in np.split(ranks, [self.members.shape[1]], axis=1):
            rows = np.array([rng.choice(side.shape[1], size, replace=False) for _ in range(count)])
            sums.append(side[:, rows].sum(axis=2))
        return area(sums[0], sums[1])

    def curve(self, points: int = 60) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Both rates at thresholds from few to many false alarms, in powers of ten, the mean over models."""
        rates = np.logspace(np.log10(1 / self.others.shape[1]), 0, points)
        found = [max(found_at(self.members, self.others, rate), 1 / self.members.shape[1]) for rate in rates]
        return tuple(np.log10(rates).tolist()), tuple(np.log10(found).tolist())

    @cached_property
    def _spread_of_area(self) -> float:
        return self._spread(area)

    def _spread(self, statistic: Callable[[np.ndarray, np.ndarray], float]) -> float:
        """Standard deviation of a statistic over draws of members and others, the same ones for all models."""
        rng = np.random.default_rng(self.seed)
        n, m = self.members.shape[1], self.others.shape[1]
        values = [
            statistic(self.members[:, rng.integers(n, size=n)], self.others[:, rng.integers(m, size=m)])
            for _ in range(_RESAMPLES)
        ]
        return float(np.std(values, ddof=1))


def area(members: np.ndarray, others: np.ndarray) -> float:
    """The area under the ROC curve, a tie counting half; scores are of shape (models, n) and (models, m).

    >>> area(np.array([[2.0, 3.0]]), np.array([[1.0, 2.0]]))
    0.875
    """
    n, m = members.shape[1], others.shape[1]
    ranks = rankdata(np.concatenate([members, others], axis=1), axis=1)[:, :n].sum(axis=1)
    return float(((ranks - n * (n + 1) / 2) / (n * m)).mean())


def found_at(members: np.ndarray, others: np.ndarray, false_alarms: float) -> float:
    """The share of members above the threshold that at most so many others exceed, the mean over models."""
    allowed = int(np.floor(false_alarms * others.shape[1] + 1e-9))
    if allowed >= others.shape[1]:
        return 1.0
    limits = np.sort(others, axis=1)[:, ::-1][:, allowed : allowed + 1]
    return float((members > limits).mean())


def threshold(members: np.ndarray, others: np.ndarray) -> float:
    """The score from which on to guess "member", so that most are told right; shapes (n,) and (m,)."""
    places = np.unique(np.concatenate([members, others]))
    right = [balanced(members, others, place) for place in places]
    return float(places[int(np.argmax(right))])


def balanced(members: np.ndarray, others: np.ndarray, limit: float) -> float:
    """Mean share of members and of others that are told right."""
    return float(((members >= limit).mean() + (others < limit).mean()) / 2)
