"""Coarser forms of a table of ratings, in which people are harder to find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gansift.data.ratings import Ratings


def coarsenings(ratings: Ratings, window: float, step: float, rare: int) -> Iterator[tuple[str, Ratings]]:
    """Coarser forms by what was done, one at a time, since each takes as much memory as the table.

    Args:
        ratings: the table.
        window: dates become the middle of a period of so many days.
        step: values become the nearest multiple of this.
        rare: items that fewer people rated are left out.
    """
    values, dates = ratings.value is not None, ratings.day is not None
    yield f"items of fewer than {rare} people dropped", without_rare(ratings, rare)
    if values:
        yield f"values rounded to {step:g}", with_rounded_values(ratings, step)
        yield "values left out", replace(ratings, value=None)
    if dates:
        yield f"dates to {window:g} days", with_coarse_dates(ratings, window)
        yield "dates left out", replace(ratings, day=None)
    if values or dates:
        without = without_rare(ratings, rare)
        yield "all of these coarser", with_coarse_dates(with_rounded_values(without, step), window)
        yield "all of these dropped or left out", replace(without, value=None, day=None)


def without_rare(ratings: Ratings, least: int) -> Ratings:
    """Without the items that fewer than ``least`` people rated."""
    pairs = np.unique(ratings.item.astype(np.int64) * ratings.people + ratings.user)
    support = np.bincount(pairs // ratings.people, minlength=len(ratings.items))
    return ratings.where(support[ratings.item] >= least)


def with_rounded_values(ratings: Ratings, step: float) -> Ratings:
    """With values that are the nearest multiple of ``step``, of two equally near ones the even multiple."""
    return ratings if ratings.value is None else replace(ratings, value=np.rint(ratings.value / step) * step)


def with_coarse_dates(ratings: Ratings, window: float) -> Ratings:
    """With dates that are the middle of a period of ``window`` days."""
    if ratings.day is None:
        return ratings
    return replace(ratings, day=(np.floor(ratings.day / window) + 0.5) * window)
