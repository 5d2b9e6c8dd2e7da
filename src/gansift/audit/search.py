"""How often a search for people in a release finds them, finds others, and finds somebody who is not there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gansift.audit.intervals import share_interval
from gansift.audit.scoreboard import Knowledge, Scoreboard
from gansift.report.answer import Number


@dataclass(frozen=True, eq=False)
class Search:
    """What a search for T people found, in random order.

    Attributes:
        right: whether the record that fits best is the person's own, bool (T,).
        ahead: its eccentricity, float64 (T,).
        absent: the eccentricity of the best record where the person's ratings were taken out before, float64 (T,).
    """

    right: np.ndarray
    ahead: np.ndarray
    absent: np.ndarray

    @classmethod
    def of(cls, scoreboard: Scoreboard, people: np.ndarray, knowledge: Sequence[Knowledge]) -> Search:
        """Search for people, int64 (T,), by what is known of each."""
        found = [scoreboard.match(known) for known in knowledge]
        return cls(
            right=np.array([match.user for match in found]) == people,
            ahead=np.array([match.eccentricity for match in found]),
            absent=np.array([
                scoreboard.match(known, absent=person).eccentricity
                for person, known in zip(people.tolist(), knowledge, strict=True)
            ]),
        )  # fmt: skip

    def phi(self, false_matches: float) -> float:
        """The threshold by which at most this share of absent people is matched, see `least_phi`."""
        return least_phi(self.absent, false_matches)

    def phi_of_others(self, false_matches: float) -> np.ndarray:
        """As `phi`, for each half of the people from the other half, which is then judged by it, float64 (T,)."""
        half = len(self.absent) // 2
        return np.repeat(
            [least_phi(self.absent[half:], false_matches), least_phi(self.absent[:half], false_matches)],
            [half, len(self.absent) - half],
        )

    def rates(self, phi: np.ndarray | float) -> Rates:
        """What is found at a threshold."""
        matched, sure = self.absent > phi, self.ahead > phi
        return Rates(*(
            Number(float(hits.mean()), share_interval(int(hits.sum()), len(hits)))
            for hits in (self.right & (self.ahead > 0), sure & self.right, sure & ~self.right, matched)
        ))  # fmt: skip

    def curve(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Shares of absent people who are matched, and of others who are identified, as the threshold falls."""
        limits = np.concatenate([[np.inf], np.sort(np.unique(self.absent))[::-1], [-1.0]])
        return (
            tuple(float((self.absent > limit).mean()) for limit in limits),
            tuple(float((self.right & (self.ahead > limit)).mean()) for limit in limits),
        )


@dataclass(frozen=True)
class Rates:
    """Shares of people, each with its 95 % interval.

    Attributes:
        first: of those in the release, how many have the best score themselves, whatever the threshold.
        identified: of those in the release, how many are matched with their own record.
        mistaken: of those in the release, how many are matched with another's record.
        false_matches: of those absent from the release, how many are matched with somebody.
    """

    first: Number
    identified: Number
    mistaken: Number
    false_matches: Number


def least_phi(absent: np.ndarray, false_matches: float) -> float:
    """The least threshold that one more absent person exceeds with at most this probability.

    Of n eccentricities it is the r-th largest with r = floor(share (n + 1)), which a further one exceeds with the
    probability r / (n + 1). Where n is too small for that it is the largest, and the probability 1 / (n + 1).

    >>> least_phi(np.arange(299.0), 0.01)
    296.0

    Args:
        absent: eccentricities of absent people, (n,), n at least 1.
        false_matches: the share.
    """
    rank = max(1, math.floor(false_matches * (len(absent) + 1) + 1e-9))
    return float(np.sort(absent)[-rank])


def without_items(
    scoreboard: Scoreboard,
    people: np.ndarray,
    knowledge: Sequence[Knowledge],
    search: Search,
    phi: np.ndarray,
    items: int,
) -> np.ndarray:
    """What becomes of a search if one item after the other is left out of the release, exactly.

    Args:
        scoreboard: the release.
        people: who is sought, int64 (T,).
        knowledge: what is known of each.
        search: what was found with all items.
        phi: the threshold for each person, float64 (T,).
        items: number of items.

    Returns:
        Of each item how many people are sought by it, how many more of them are identified with it than without it, and
        by how much their own records are ahead less without it, summed over them; float64 (3, items).
    """
    effects = np.zeros((3, items))
    lead = np.where(search.right, search.ahead, 0.0)
    for place, (person, known) in enumerate(zip(people.tolist(), knowledge, strict=True)):
        for item, match in zip(known.item.tolist(), scoreboard.without_each(known), strict=True):
            left = match.eccentricity if match.user == person else 0.0
            effects[:, item] += 1, int(lead[place] > phi[place]) - int(left > phi[place]), lead[place] - left
    return effects
