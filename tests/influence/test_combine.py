"""Means over looks, their errors and what is certain, against formulas written out and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gansift.errors import UsageError
from gansift.influence import Looks, Scores, Window, combine

COMMON = {"metric": "fid", "direction": "lower", "steps": 60, "removal": "fixed-denominator"}


def _looks(values, seed=0, **other):
    values = np.asarray(values, dtype=float)
    windows = tuple(Window(seed, 60 - 10 * row, 10) for row in range(len(values)))
    ids = tuple(f"e{row}" for row in range(values.shape[1]))
    return Looks(ids, values, windows, **COMMON | other)


def _simulated(random, effect, seeds=4, windows=6, between=0.5, within=1.0):
    """Looks of several seeds: the effect, what a seed adds to it, and the noise of each window."""
    count = len(effect)
    own = between * random.standard_normal((seeds, 1, count))
    noise = within * random.standard_normal((seeds, windows, count))
    return [_looks(effect + own[seed] + noise[seed], seed) for seed in range(seeds)]


def test_equal_windows_have_the_mean_and_the_error_of_the_textbook():
    values = np.array([[1.0, -2.0, 3.0], [-2.0, 3.0, 1.0], [3.0, 1.0, -2.0]])  # all of one spread
    scores = combine([_looks(values)])
    np.testing.assert_allclose(scores.values, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scores.errors, stats.sem(values, axis=0), rtol=1e-12)
    assert scores.freedom == pytest.approx(2)
    assert scores.estimator == "rolling"


def test_looks_weigh_as_the_inverse_of_their_spread():
    values = np.array([[1.0, 0.0, 2.0], [100.0, -300.0, 50.0]])
    weights = 1 / values.std(axis=1)
    expected = {
        "spread": weights @ values / weights.sum(),
        "precision": weights**2 @ values / (weights**2).sum(),
        "alike": values.mean(axis=0),
    }
    for weighing, mean in expected.items():
        np.testing.assert_allclose(combine([_looks(values)], weighing).values, mean, rtol=1e-12)


def test_seeds_with_one_look_each_have_the_error_of_the_textbook():
    values = np.array([[1.0, -2.0, 3.0], [-2.0, 3.0, 1.0], [3.0, 1.0, -2.0], [1.0, 3.0, -2.0]])
    scores = combine([_looks(row[None], seed) for seed, row in enumerate(values)])
    np.testing.assert_allclose(scores.errors, stats.sem(values, axis=0), rtol=1e-12)
    assert scores.freedom == pytest.approx(3)


def test_scores_of_several_seeds_combine_like_looks():
    values = np.array([[1.0, -2.0, 3.0], [-2.0, 3.0, 1.0]])
    of_seeds = [Scores(("e0", "e1", "e2"), row, "fid", "lower", "itd", 10, 60, "fixed-denominator") for row in values]
    combined = combine(of_seeds)
    np.testing.assert_allclose(combined.values, values.mean(axis=0))
    assert combined.seeds == (0, 1)


@pytest.mark.parametrize("between", [0.0, 0.7, 2.0])
def test_intervals_of_a_mean_over_seeds_cover_what_other_seeds_would_say(between):
    random = np.random.default_rng(0)
    inside = []
    for _ in range(40):
        effect = random.standard_normal(200)
        scores = combine(_simulated(random, effect, between=between))
        half = stats.t.ppf(0.975, scores.freedom) * scores.errors
        inside.append(np.abs(scores.values - effect) <= half)
    assert 0.93 <= np.mean(inside) <= 0.97


@pytest.mark.parametrize("between", [0.0, 0.7])
def test_false_discoveries_stay_within_the_rate_that_was_asked_for(between):
    random = np.random.default_rng(1)
    shares, named = [], []
    for _ in range(60):
        effect = np.concatenate([np.full(40, -2.5), np.zeros(360)])
        sure = combine(_simulated(random, effect, between=between)).surely_harmful(0.1)
        wrong = sum(int(one[1:]) >= 40 for one in sure)
        shares.append(wrong / max(1, len(sure)))
        named.append(len(sure) - wrong)
    assert np.mean(shares) <= 0.12
    assert np.mean(named) >= 30  # and it does find them


def test_without_any_effect_nearly_nothing_is_called_harmful_for_sure():
    random = np.random.default_rng(2)
    anything = [bool(combine(_simulated(random, np.zeros(300))).surely_harmful(0.1)) for _ in range(100)]
    assert np.mean(anything) <= 0.16


def test_what_every_removal_gains_makes_no_single_example_harmful():
    """Where removing anything helps alike, an example has to be worse than the others to be named."""
    random = np.random.default_rng(3)
    scores = combine(_simulated(random, np.full(300, -5.0)))
    assert len(scores.surely_harmful(0.1)) <= 3


def test_what_is_surely_harmful_follows_the_direction_of_the_metric():
    random = np.random.default_rng(4)
    effect = np.concatenate([np.full(20, 5.0), np.zeros(200)])
    higher = [_looks(looks.values, seed, direction="higher") for seed, looks in enumerate(_simulated(random, effect))]
    assert set(combine(higher).surely_harmful(0.05)) >= {f"e{row}" for row in range(20)}


def test_reliability_is_the_correlation_with_as_many_other_seeds():
    random = np.random.default_rng(5)
    effect = random.standard_normal(3000)
    one, other = (combine(_simulated(random, effect, seeds=4, between=1.5)) for _ in range(2))
    assert one.reliability == pytest.approx(np.corrcoef(one.values, other.values)[0, 1], abs=0.03)


def test_the_number_of_seeds_that_is_needed_gives_that_reliability():
    random = np.random.default_rng(6)
    effect = random.standard_normal(3000)
    needed = combine(_simulated(random, effect, seeds=3, between=2.5)).seeds_needed(0.8)
    one, other = (combine(_simulated(random, effect, seeds=needed, between=2.5)) for _ in range(2))
    assert 0.78 <= np.corrcoef(one.values, other.values)[0, 1] <= 0.88


def test_agreement_is_the_share_of_looks_with_the_sign_of_the_mean():
    values = np.array([[1.0, -2.0, 3.0], [-2.0, 3.0, 1.0], [3.0, 1.0, -2.0]])
    np.testing.assert_allclose(combine([_looks(values)]).agreement, [2 / 3, 2 / 3, 2 / 3])


def test_several_metrics_are_averaged_in_units_of_their_spread():
    fid = np.array([[1.0, -2.0, 3.0]])
    score = _looks(-100 * fid, metric="is", direction="higher")  # says the same in other units
    both = combine([_looks(fid), score])
    assert both.metric == "fid+is"
    np.testing.assert_allclose(both.values, fid[0] / fid.std(), rtol=1e-12)


def test_looks_in_which_all_examples_are_alike_count_for_nothing():
    values = np.array([[1.0, -2.0, 3.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(combine([_looks(values)]).values, values[0])
    assert combine([_looks(np.zeros((2, 3)))]).values.tolist() == [0, 0, 0]


def test_a_single_look_has_no_error_and_says_so():
    scores = combine([_looks([[1.0, -2.0, 3.0]])])
    assert scores.standard_error is None
    assert scores.reliability is None
    with pytest.raises(UsageError, match="one look has no standard error"):
        scores.surely_harmful(0.1)
    with pytest.raises(UsageError, match="one seed cannot tell"):
        scores.seeds_needed(0.8)


def test_rows_of_combined_scores_keep_what_belongs_to_them():
    scores = combine([_looks([[1.0, -2.0, 3.0], [-2.0, 3.0, 1.0]])])
    part = scores[[2, 0]]
    assert part.ids == ("e2", "e0")
    np.testing.assert_array_equal(part.errors, scores.errors[[2, 0]])
    np.testing.assert_array_equal(part.agreement, scores.agreement[[2, 0]])


def test_windows_left_out_are_named_with_their_seed():
    scores = combine([_looks([[1.0, 2.0]], 3, left_out=("the window that ends at step 9: it overflowed",))])
    assert scores.left_out == ("seed 3: the window that ends at step 9: it overflowed",)


def test_other_draws_are_counted_where_every_look_has_them():
    with_three, with_one = _looks([[1.0, 2.0]], 3, redraws=3), _looks([[1.0, 2.0]], 4, redraws=1)
    assert combine([with_three, with_one]).redraws == 1
    assert combine([with_three, _looks([[1.0, 2.0]], 5)]).redraws == 0


@pytest.mark.parametrize(
    ("looks", "message"),
    [
        ([], "no looks"),
        ([_looks([[1.0, 2.0]]), _looks([[1.0, 2.0, 3.0]])], "different training examples"),
        ([_looks([[1.0, 2.0]]), _looks([[1.0, 2.0]], removal="renormalised")], "removal cannot be combined"),
        ([_looks([[1.0, 2.0]]), _looks([[1.0, 2.0]], direction="higher")], "two metrics"),
    ],
)
def test_what_does_not_belong_together_is_refused(looks, message):
    with pytest.raises(UsageError, match=message):
        combine(looks)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(UsageError, match="between 0 and 1"):
        combine([_looks([[1.0, 2.0], [2.0, 1.0]])]).surely_harmful(rate)
