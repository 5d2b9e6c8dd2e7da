"""Scoreboard-RH of Narayanan and Shmatikov (2008): whose record in a release fits what is known of a person best?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from gansift.data.ratings import Ratings

# Scores that differ by less, as a share of the larger, are equal.
_ROUNDING = 1e-12


class Knowledge(NamedTuple):
    """What somebody knows of one person.

    Attributes:
        item: the items, int32 (k,), each once.
        value: how they were rated, float64 (k,), NaN where that is unknown.
        day: when, in days since 1970, float64 (k,), NaN where that is unknown.
    """

    item: np.ndarray
    value: np.ndarray
    day: np.ndarray

    def undated(self) -> Knowledge:
        """The same without dates."""
        return self._replace(day=np.full(len(self.day), np.nan))


class Match(NamedTuple):
    """Who looks most like the person that is sought.

    Attributes:
        user: the one with the highest score; anybody of several.
        eccentricity: how far this score is above the second, in standard deviations of the scores of all records; 0 if
            it is not above.
    """

    user: int
    eccentricity: float


class Terms(NamedTuple):
    """What one known item adds to scores.

    Attributes:
        user: who gets something, int32 (n,), each once.
        score: how much, float64 (n,).
    """

    user: np.ndarray
    score: np.ndarray


class Scoreboard:
    """A release that is searched for people.

    The score of a record r' for what is known is::

        sum over known items i of r':  (exp(-|v_i - v'_i| / v_0) + exp(-|d_i - d'_i| / d_0)) / log |supp(i)|

    with values v, dates d, and |supp(i)| the number of people who rated the item. A term whose value or date is unknown
    or not released is left out; an item of which neither can be compared counts 1 / log |supp(i)| for having been
    rated. Of several ratings of an item by one person the most similar one counts. The logarithm is that of 2 where one
    person alone rated the item, for whom the paper's formula has no value.

    Args:
        ratings: the release.
        value_scale: v_0, in units of the values; 1.5 in the paper, for one to five stars.
        day_scale: d_0, in days; 30 in the paper.
    """

    def __init__(self, ratings: Ratings, value_scale: float = 1.5, day_scale: float = 30.0) -> None:
        order = np.lexsort((ratings.user, ratings.item))
        sorted_by_item = ratings.where(order)
        item, user = sorted_by_item.item, sorted_by_item.user
        first = np.ones(len(item), bool)  # of a person's ratings of an item
        first[1:] = (item[1:] != item[:-1]) | (user[1:] != user[:-1])
        self._start = np.append(np.flatnonzero(first), len(first))
        self._user = user[first]
        self._ends = np.searchsorted(item[first], np.arange(len(ratings.items) + 1))
        self._value, self._day = sorted_by_item.value, sorted_by_item.day
        self._people = ratings.people
        self._items_of = np.bincount(self._user, minlength=ratings.people)
        self._records = int((self._items_of > 0).sum())
        self._scales = value_scale, day_scale

    @property
    def support(self) -> np.ndarray:
        """By how many people each item was rated, int64 (items,)."""
        return np.diff(self._ends)

    def match(self, known: Knowledge, absent: int | None = None) -> Match:
        """Who looks most like somebody.

        Args:
            known: what is known of that person.
            absent: somebody whose ratings are taken out of the release before.
        """
        records = self._records - (absent is not None and self._items_of[absent] > 0)
        return self._best(self._terms(known, absent), records)

    def without_each(self, known: Knowledge) -> Iterator[Match]:
        """As `match`, in a release without the first known item, without the second, and so on.

        People who rated nothing else are then not in it.
        """
        terms = list(self._terms(known))
        for place, gone in enumerate(terms):
            alone = int((self._items_of[gone.user] == 1).sum())
            yield self._best([*terms[:place], *terms[place + 1 :]], self._records - alone)

    def _terms(self, known: Knowledge, absent: int | None = None) -> Iterator[Terms]:
        for item, value, day in zip(*known, strict=True):
            first, last = self._ends[item], self._ends[item + 1]
            rows = slice(self._start[first], self._start[last])
            similarity = self._similarity(rows, value, day)
            user = self._user[first:last]
            if len(similarity) > len(user):
                similarity = np.maximum.reduceat(similarity, self._start[first:last] - rows.start)
            if absent is not None:
                others = user != absent
                user, similarity = user[others], similarity[others]
            yield Terms(user, similarity / np.log(max(len(user), 2)))

    def _similarity(self, rows: slice, value: float, day: float) -> np.ndarray:
        """Of each rating in ``rows`` to what is known of the item."""
        value_scale, day_scale = self._scales
        terms = [
            np.exp(-np.abs(released[rows] - one) / scale)
            for released, one, scale in ((self._value, value, value_scale), (self._day, day, day_scale))
            if released is not None and not np.isnan(one)
        ]
        if not terms:
            return np.ones(rows.stop - rows.start)
        return np.nansum(terms, axis=0)

    def _best(self, terms: Iterable[Terms], records: int) -> Match:
        """Who has the highest score.

        Args:
            terms: of all known items.
            records: the number of people whose scores count; what is there beside them has the score 0.
        """
        parts = list(terms)
        user = np.concatenate([np.zeros(0, np.int32), *(part.user for part in parts)])
        scores = np.bincount(user, np.concatenate([np.zeros(0), *(part.score for part in parts)]), self._people)
        mean = scores.sum() / max(records, 1)
        squares = ((scores - mean) ** 2).sum() - (len(scores) - records) * mean**2
        spread = np.sqrt(max(squares, 0.0) / max(records, 1))
        best = int(scores.argmax())
        ahead = scores[best] - max(scores[:best].max(initial=0.0), scores[best + 1 :].max(initial=0.0))
        return Match(best, float(ahead / spread) if spread and ahead > _ROUNDING * scores[best] else 0.0)
