"""Which images each way of choosing removes, for one judging seed, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dirty.scoring import LAST, ROLLING, WHOLE, Scored
from dirty.sets import DirtySet
from gansift import influence
from gansift.influence import Looks, Scores

#: Names of ways that are no scores.
EVERYTHING, RANDOM, PLANTED = "nothing removed", "at random", "everything planted"


class Arm(NamedTuple):
    """A training without some images.

    Attributes:
        name: of the way they were chosen.
        seeds: scored trainings that it took.
        removed: ids.
    """

    name: str
    seeds: int
    removed: tuple[str, ...]

    @property
    def key(self) -> str:
        """Name and number of seeds."""
        return f"{self.name}, {self.seeds}" if self.seeds else self.name


def ranking(name: str, scored: Sequence[Scored]) -> Scores:
    """What one way of scoring says after some trainings: the mean over their looks."""
    parts: list[Looks | Scores] = [one.looks if name == ROLLING else one.scores[name] for one in scored]
    if name == ROLLING or len(parts) > 1:
        return influence.combine(parts)
    return next(part for part in parts if isinstance(part, Scores))


def rotated(scored: Sequence[Scored], seed: int, count: int) -> list[Scored]:
    """As many scored trainings, others for every judging seed, so that none decides by luck."""
    return [scored[(seed + number) % len(scored)] for number in range(count)]


def arms(
    data: DirtySet,
    scored: Sequence[Scored],
    judging_seed: int,
    count: int,
    curve: bool = True,
    peers: Mapping[str, Scores] | None = None,
) -> list[Arm]:
    """All trainings of one judging seed, the most important first: there may not be time for all of them.

    Args:
        data: the set.
        scored: trainings of the scoring seeds, in their order.
        judging_seed: of the trainings; decides which scored training is used where one is, and what chance removes.
        count: images that each way removes.
        curve: also with fewer scored trainings than all.
        peers: scores of other tools, which need no training, by the name of the way.
    """
    ids = data.train.ids
    chance = np.random.default_rng([judging_seed, count]).choice(len(ids), count, replace=False)
    found = [Arm(EVERYTHING, 0, ()), Arm(RANDOM, 0, tuple(ids[row] for row in chance))]
    numbers = [number for number in (1, 2, 4) if number <= len(scored)]
    for way in (ROLLING, LAST, WHOLE, *influence.ESTIMATORS):
        possible = [one for one in scored if way == ROLLING or way in one.scores]
        if len(possible) < len(scored):
            continue
        if way == ROLLING or (way == LAST and curve):
            of_way = numbers if curve else numbers[-1:]
        else:
            of_way = sorted({1, numbers[-1]}) if way == WHOLE and curve else [1]
        for number in of_way:
            chosen = ranking(way, rotated(scored, judging_seed, number)).harmful(count)
            found.append(Arm(way, number, chosen.ids))
        if way == ROLLING and data.planted:
            found.append(Arm(PLANTED, 0, data.planted))
    return found + [Arm(way, 0, scores.harmful(count).ids) for way, scores in (peers or {}).items()]
