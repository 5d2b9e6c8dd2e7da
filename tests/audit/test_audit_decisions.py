"""Decisions about groups: numbers are fairlearn's, intervals hold, and changes are paired."""

from __future__ import annotations

import numpy as np
import pytest

from gansift.audit.decisions import MEANINGS, Decisions, Held

FAIRLEARN = {
    "dp": "demographic_parity_difference",
    "eo": "equalized_odds_difference",
    "eopp": "equal_opportunity_difference",
}


def people(count=300, groups=2, seed=0):
    rng = np.random.default_rng(seed)
    return Held(rng.random(count) < 0.4, {"site": rng.integers(groups, size=count)}, seed)


@pytest.mark.parametrize("groups", [2, 4])
def test_numbers_are_those_of_fairlearn(groups):
    fairness = pytest.importorskip("fairlearn.metrics")
    held = people(groups=groups)
    decided = np.random.default_rng(1).random((1, 300)) < 0.3 + 0.1 * held.groups["site"]
    for what, name in FAIRLEARN.items():
        theirs = getattr(fairness, name)(held.positive, decided[0], sensitive_features=held.groups["site"])
        assert Decisions(decided, held).number(what).value == pytest.approx(theirs, abs=1e-6)
    assert Decisions(decided, held).number("accuracy").value == pytest.approx((decided[0] == held.positive).mean())


def test_of_several_models_it_is_their_mean_and_of_several_columns_the_largest():
    held = people()
    both = Held(held.positive, held.groups | {"other": np.random.default_rng(5).integers(3, size=300)})
    decided = np.random.default_rng(1).random((2, 300)) < 0.5
    for what in MEANINGS:
        single = [Decisions(one[None], held).number(what).value for one in decided]
        assert Decisions(decided, held).number(what).value == pytest.approx(np.mean(single), abs=1e-6)
    of_other = Held(held.positive, {"other": both.groups["other"]})
    for what in FAIRLEARN:
        largest = max(Decisions(decided[:1], one).number(what).value for one in (held, of_other))
        assert Decisions(decided[:1], both).number(what).value == pytest.approx(largest, abs=1e-6)


@pytest.mark.parametrize("what", ["accuracy", "dp"])
def test_intervals_have_the_truth_in_them(what):
    hits = 0
    for seed in range(200):
        held = people(400, seed=seed)
        site = held.groups["site"]
        decided = np.random.default_rng(1000 + seed).random((1, 400)) < np.where(site == 1, 0.6, 0.3)
        # Decisions do not look at labels: right are those of 0.4 x share + 0.6 x (1 - share).
        truth = {"dp": 0.3, "accuracy": 0.5 * (0.4 * 0.6 + 0.6 * 0.4) + 0.5 * (0.4 * 0.3 + 0.6 * 0.7)}[what]
        low, high = Decisions(decided, held).number(what).ci95
        hits += low <= truth <= high
    assert 180 <= hits <= 199


def test_a_change_is_known_better_than_what_it_is_the_change_of():
    held = people(500)
    before = np.random.default_rng(1).random((1, 500)) < np.where(held.groups["site"] == 1, 0.6, 0.3)
    after = before.copy()
    after[0, np.flatnonzero(before[0] & (held.groups["site"] == 1))[:20]] = False
    changed, plain = Decisions(after, held), Decisions(before, held)
    change = changed.change(plain, "dp")
    assert change.value == pytest.approx(changed.number("dp").value - plain.number("dp").value, abs=1e-6)
    assert change.ci95[1] < 0
    assert np.diff(change.ci95) < 0.5 * np.diff(plain.number("dp").ci95)
    same = plain.change(plain, "eo")
    assert (same.value, same.ci95) == (0, (0, 0))
