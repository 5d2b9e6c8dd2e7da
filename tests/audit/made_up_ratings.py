"""Small tables of ratings, and the formula of Scoreboard-RH read literally."""

import math

import numpy as np

from gansift.audit.scoreboard import Knowledge
from gansift.data.ratings import Ratings


def release(seed, people=15, items=12, rows=70, value=True, day=True, missing=0.1):
    """Random ratings, among them several of one item by one person, and cells that hold nothing."""
    rng = np.random.default_rng(seed)

    def column(values):
        return np.where(rng.random(rows) < missing, np.nan, values)

    return Ratings(
        user=rng.integers(people, size=rows).astype(np.int32),
        item=(items * rng.random(rows) ** 3).astype(np.int32),
        value=column(rng.integers(1, 6, rows).astype(float)) if value else None,
        day=column(rng.uniform(0, 100, rows)) if day else None,
        people=people,
        items=tuple(f"item {number}" for number in range(items)),
    )


def knowledge(seed, items=12, count=5):
    rng = np.random.default_rng(seed)
    value, day = rng.uniform(1, 5, count), rng.uniform(0, 100, count)
    value[0], day[1] = np.nan, np.nan
    return Knowledge(rng.permutation(items)[:count].astype(np.int32), value, day)


def plainly(rows, known, value_scale=1.5, day_scale=30.0):
    """The formula of the paper, read literally.

    Args:
        rows: (user, item, value or None, day or None) of everything that is released.
        known: what is known.

    Returns:
        Who has the best score, and by how many standard deviations of all scores.
    """
    scores = {}
    for person in {user for user, *_ in rows}:
        scores[person] = 0.0
        for item, value, day in zip(*(part.tolist() for part in known), strict=True):
            supporters = {user for user, rated, *_ in rows if rated == item}
            if person not in supporters:
                continue
            similarities = []
            for user, rated, rated_value, rated_day in rows:
                if (user, rated) == (person, item):
                    pairs = [(rated_value, value, value_scale), (rated_day, day, day_scale)]
                    pairs = [pair for pair in pairs if pair[0] is not None and not math.isnan(pair[1])]
                    terms = [0.0 if math.isnan(a) else math.exp(-abs(a - b) / scale) for a, b, scale in pairs]
                    similarities.append(sum(terms) if pairs else 1.0)
            scores[person] += max(similarities) / math.log(max(2, len(supporters)))
    ranked = sorted(scores, key=scores.get)
    mean = sum(scores.values()) / len(scores)
    spread = math.sqrt(sum((score - mean) ** 2 for score in scores.values()) / len(scores))
    return ranked[-1], (scores[ranked[-1]] - scores[ranked[-2]]) / spread


def rows_of(ratings):
    columns = [None if column is None else column.tolist() for column in (ratings.value, ratings.day)]
    value, day = (column or [None] * len(ratings) for column in columns)
    return list(zip(ratings.user.tolist(), ratings.item.tolist(), value, day, strict=True))
