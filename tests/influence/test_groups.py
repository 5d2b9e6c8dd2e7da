"""Effects of groups against sums written out, and their intervals against simulation."""

from __future__ import annotations

import numpy as np
import pytest

from gansift.errors import UsageError
from gansift.influence import Group, Looks, Window, combine, group_effects

IDS = tuple(f"e{row}" for row in range(60))
GROUPS = [Group("first", IDS[:20]), Group("even", IDS[::2]), Group("one", IDS[7:8])]


def _looks(values, seed):
    windows = tuple(Window(seed, 60 - row, 5) for row in range(len(values)))
    return Looks(IDS, values, windows, "fid", "lower", 60, "fixed-denominator")


def test_the_effect_of_a_group_is_the_sum_of_the_scores_of_its_examples():
    random = np.random.default_rng(0)
    looks = [_looks(random.standard_normal((3, 60)), seed) for seed in range(3)]
    scores = combine(looks)
    for effect in group_effects(looks, GROUPS):
        rows = [scores.rows[identity] for identity in effect.group.ids]
        assert effect.predicted == pytest.approx(scores.values[rows].sum())
        low, high = effect.ci95
        assert low < effect.predicted < high


def test_intervals_cover_the_effect_that_all_seeds_share():
    random = np.random.default_rng(1)
    effect = random.standard_normal(60)
    inside = []
    for _ in range(150):
        looks = [
            _looks(effect + random.standard_normal(60) + random.standard_normal((4, 60)), seed) for seed in range(5)
        ]
        for found in group_effects(looks, GROUPS):
            truth = sum(effect[int(identity[1:])] for identity in found.group.ids)
            inside.append(found.ci95[0] <= truth <= found.ci95[1])
    assert 0.92 <= np.mean(inside) <= 0.99


def test_a_single_look_gives_no_interval():
    (found,) = group_effects([_looks(np.ones((1, 60)), 0)], GROUPS[:1])
    assert (found.predicted, found.ci95) == (20.0, None)


def test_a_group_of_unknown_examples_is_refused():
    with pytest.raises(UsageError, match=r"'odd' has 1 examples without a score, e\.g\. 'x'"):
        group_effects([_looks(np.ones((2, 60)), 0)], [Group("odd", ("e1", "x"))])
    with pytest.raises(UsageError, match="no looks"):
        group_effects([], GROUPS)
