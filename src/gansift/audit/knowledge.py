"""What somebody may know of people in a release: some of their ratings, inexactly, and some that are wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gansift.audit.scoreboard import Knowledge
from gansift.data.ratings import Ratings

# Draws for a wrong item before a person is taken to have rated everything.
_TRIES = 100


def drawn_knowledge(
    ratings: Ratings,
    targets: np.ndarray,
    known: int,
    wrong: int,
    days: float | None,
    error: float,
    rng: np.random.Generator,
) -> Iterator[Knowledge]:
    """What is known of each of some people.

    Of everybody as many items are known; of people who rated fewer, all of them. Values and dates of a known item are
    those of one of the person's ratings of it. Wrong items are such as the person never rated, popular ones more often,
    and their values and dates those of any two ratings in the release, so that they point at nobody.

    Args:
        ratings: the release.
        targets: numbers of people, each of whom rated something, int64 (T,).
        known: how many items are known of each.
        wrong: how many of these are wrong.
        days: dates are known to within so many days, evenly; None if they are unknown.
        error: values are known to within this, evenly.
        rng: random numbers.
    """
    for rows in _rows_of(ratings, targets):
        shuffled = rng.permutation(rows)
        _, first = np.unique(ratings.item[shuffled], return_index=True)
        own = shuffled[np.sort(first)]
        right = own[: known - wrong]
        mistaken = _wrong_items(ratings, ratings.item[own], wrong, rng)
        value, day = (
            _inexactly(column, within, right, len(mistaken), rng)
            for column, within in ((ratings.value, error), (ratings.day, days))
        )
        yield Knowledge(np.concatenate([ratings.item[right], mistaken]), value, day)


def _inexactly(
    column: np.ndarray | None, within: float | None, right: np.ndarray, mistaken: int, rng: np.random.Generator
) -> np.ndarray:
    """What is known of a column: that of the rows ``right``, and of as many others as are mistaken; NaN for nothing."""
    if column is None or within is None:
        return np.full(len(right) + mistaken, np.nan)
    rows = np.concatenate([right, rng.integers(len(column), size=mistaken)])
    return column[rows] + rng.uniform(-within, within, len(rows))


def _rows_of(ratings: Ratings, targets: np.ndarray) -> Iterator[np.ndarray]:
    """The rows of each of these people, found in one pass over all rows."""
    wanted = np.zeros(ratings.people, bool)
    wanted[targets] = True
    rows = np.flatnonzero(wanted[ratings.user])
    rows = rows[np.argsort(ratings.user[rows], kind="stable")]
    bounds = np.searchsorted(ratings.user[rows], np.stack([targets, targets + 1]))
    return (rows[first:last] for first, last in bounds.T)


def _wrong_items(ratings: Ratings, own: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """``count`` different items that are none of ``own``; fewer where such are not found."""
    taken, items = set(own.tolist()), list[int]()
    for _ in range(_TRIES * count):
        if len(items) == count:
            break
        item = int(ratings.item[rng.integers(len(ratings))])
        if item not in taken:
            taken.add(item)
            items.append(item)
    return np.array(items, np.int32)
