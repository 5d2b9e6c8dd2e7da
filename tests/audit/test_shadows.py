"""LiRA and RMIA against their formulas by other code, and against the best attack that there is on normal scores."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from gansift.audit.roc import area, found_at
from gansift.audit.shadows import SHADOW_ATTACKS, Scored, Shadows, lira, lira_offline, rmia
from gansift.cleansing.halves import halves
from gansift.errors import GansiftError

K, N, R = 8, 10, 7


@pytest.fixture
def made():
    rng = np.random.default_rng(0)
    shadows = Shadows(rng.normal(1, 2, (K, N)), halves(N, K, 3), rng.normal(0, 2, (K, R)))
    return Scored(rng.normal(1, 2, N), rng.normal(0, 2, R)), shadows


def _sides(shadows, row):
    inside = [score for score, there in zip(shadows.examples[:, row], shadows.inside[:, row], strict=True) if there]
    outside = [
        score for score, there in zip(shadows.examples[:, row], shadows.inside[:, row], strict=True) if not there
    ]
    return inside, outside


def test_lira_is_the_logarithm_of_the_ratio_of_two_normal_densities(made):
    target, shadows = made
    found = lira(target, shadows)
    for row, score in enumerate(target.examples):
        densities = [norm(np.mean(side), np.std(side, ddof=1)).pdf(score) for side in _sides(shadows, row)]
        assert found[row] == pytest.approx(np.log(densities[0] / densities[1]), rel=1e-9)


def test_with_a_fixed_variance_all_examples_share_the_mean_of_theirs(made):
    target, shadows = made
    sides = [_sides(shadows, row) for row in range(N)]
    spreads = [np.mean([np.var(pair[side], ddof=1) for pair in sides]) ** 0.5 for side in (0, 1)]
    for row, score in enumerate(target.examples):
        densities = [norm(np.mean(sides[row][side]), spreads[side]).pdf(score) for side in (0, 1)]
        assert lira(target, shadows, fixed=True)[row] == pytest.approx(np.log(densities[0] / densities[1]), rel=1e-9)
        tail = norm(np.mean(sides[row][1]), spreads[1]).cdf(score)
        assert norm.cdf(lira_offline(target, shadows)[row]) == pytest.approx(tail, rel=1e-9)
        own = norm(np.mean(sides[row][1]), np.std(sides[row][1], ddof=1)).cdf(score)
        assert norm.cdf(lira_offline(target, shadows, fixed=False)[row]) == pytest.approx(own, rel=1e-9)


def test_rmia_counts_the_reference_examples_that_are_beaten(made):
    target, shadows = made
    found = rmia(target, shadows)
    own = expit(target.examples) / expit(shadows.examples).mean(0)
    others = expit(target.reference) / expit(shadows.reference).mean(0)
    beaten = [sum(ratio / other >= 1 for other in others) for ratio in own]
    assert len(set(beaten)) > 2
    assert np.floor(found * (R + 1)).tolist() == beaten
    assert np.argsort(found).tolist() == np.argsort(own).tolist()


def test_exposure_is_the_mean_of_those_inside_less_that_of_those_outside(made):
    _, shadows = made
    expected = [np.mean(inside) - np.mean(outside) for inside, outside in (_sides(shadows, row) for row in range(N))]
    np.testing.assert_allclose(shadows.exposure, expected, rtol=1e-12)


def test_too_few_models_are_refused():
    with pytest.raises(GansiftError, match=r"leave an example that only 1 of them .*--shadows"):
        Shadows(np.zeros((2, 3)), halves(3, 2, 0), np.zeros((2, 1)))


def test_lira_nearly_reaches_the_best_attack_on_normal_scores_and_a_threshold_does_not():
    """By Neyman and Pearson nothing beats the ratio of the true densities, which are known here."""
    rng = np.random.default_rng(5)
    count, models = 2000, 64
    centre, gap, spread = rng.normal(0, 4, count), rng.gamma(2, 0.7, count), rng.uniform(0.5, 2, count)
    inside = halves(count, models, 1)
    shadows = Shadows(
        centre + gap * inside + spread * rng.normal(size=inside.shape), inside, rng.normal(0, 4, (models, 500))
    )
    member = np.arange(count) < count // 2
    scores = centre + gap * member + spread * rng.normal(size=count)
    target = Scored(scores, rng.normal(0, 4, 500))
    best = norm.logpdf(scores, centre + gap, spread) - norm.logpdf(scores, centre, spread)

    def judged(values):
        sides = values[member][None], values[~member][None]
        return area(*sides), found_at(*sides, 0.01)

    optimal, plain = judged(best), judged(scores)
    found = {name: judged(attack(target, shadows)) for name, attack in SHADOW_ATTACKS.items()}
    assert optimal[0] > 0.75 > 0.65 > plain[0]
    assert optimal[0] - 0.015 < found["LiRA"][0] < optimal[0] + 0.005
    assert found["LiRA"][1] > 0.75 * optimal[1] > 5 * plain[1]
    assert all(plain[0] + 0.05 < one < optimal[0] + 0.005 for one, _ in found.values())


def test_shadow_attacks_find_nothing_where_training_leaves_no_trace():
    rng = np.random.default_rng(2)
    inside = halves(400, 16, 0)
    centre = rng.normal(0, 4, 400)
    shadows = Shadows(centre + rng.normal(size=inside.shape), inside, rng.normal(size=(16, 50)))
    target = Scored(centre + rng.normal(size=400), rng.normal(size=50))
    for attack in SHADOW_ATTACKS.values():
        values = attack(target, shadows)
        assert abs(area(values[None, :200], values[None, 200:]) - 0.5) < 0.09  # three standard errors
