import numpy as np
import pytest
from scipy import stats

from gansift.audit.closeness import Closeness, rank_z

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("m", "n", "shift"), [(30, 20, 0.0), (7, 50, 1.0), (200, 90, -0.4), (1, 1, 0.0)])
def test_the_score_is_that_of_mann_and_whitney(m, n, shift):
    samples, held = RNG.normal(size=m), RNG.normal(shift, size=n)
    ours = rank_z(samples, held)
    theirs = stats.mannwhitneyu(samples, held, alternative="less", method="asymptotic", use_continuity=False)
    assert stats.norm.cdf(ours) == pytest.approx(theirs.pvalue, abs=1e-12)
    mean, deviation = m * n / 2, np.sqrt(m * n * (m + n + 1) / 12)
    assert ours == pytest.approx((theirs.statistic - mean) / deviation, abs=1e-12)


def test_equal_numbers_count_half_and_counts_are_repetitions():
    samples, held = RNG.integers(0, 5, 40).astype(float), RNG.integers(0, 5, 30).astype(float)
    ours, theirs = RNG.integers(0, 4, 40), RNG.integers(0, 4, 30)
    repeated = rank_z(np.repeat(samples, ours), np.repeat(held, theirs))
    assert rank_z(samples, held, ours, theirs) == pytest.approx(repeated, abs=1e-12)
    pairs = sum(float(a > b) + 0.5 * float(a == b) for a in samples for b in held)
    assert rank_z(samples, held) == pytest.approx((pairs - 600) / np.sqrt(1200 * 71 / 12), abs=1e-12)


def test_distances_and_neighbours_are_those_of_a_brute_force_search():
    samples, train, held = (RNG.normal(size=(count, 3)) for count in (20, 15, 12))
    found = Closeness.of(0, samples, train, held)
    between = np.linalg.norm(samples[:, None] - train[None], axis=2)
    assert np.array_equal(found.nearest, between.argmin(axis=1))
    assert np.allclose(found.samples, between.min(axis=1))
    assert np.allclose(found.samples_held, np.linalg.norm(samples[:, None] - held[None], axis=2).min(axis=1))
    assert np.allclose(found.held, np.linalg.norm(held[:, None] - train[None], axis=2).min(axis=1))


def test_c_t_is_the_mean_score_of_the_cells_by_their_held_out_examples():
    train = np.concatenate([RNG.normal(-9, 1, (80, 2)), RNG.normal(9, 1, (80, 2))])
    held = np.concatenate([RNG.normal(-9, 1, (90, 2)), RNG.normal(9, 1, (30, 2))])
    samples = np.concatenate([train[:50] + 0.01, RNG.normal(9, 3, (50, 2))])
    found = Closeness.of(0, samples, train, held)
    assert len(np.unique(found.held_cells)) == 2
    left, right = (
        stats.mannwhitneyu(found.samples[here], found.held[there])
        for here, there in ((samples[:, 0] < 0, held[:, 0] < 0), (samples[:, 0] > 0, held[:, 0] > 0))
    )
    scores = [
        (one.statistic - m * n / 2) / np.sqrt(m * n * (m + n + 1) / 12)
        for one, m, n in ((left, 50, 90), (right, (samples[:, 0] > 0).sum(), 30))
    ]
    assert (samples[:, 0] > 0).sum() == 50
    assert scores[0] < -8  # copies on the left are not hidden
    assert scores[1] > 2  # by poor samples on the right
    number = found.c_t(np.random.default_rng(0))
    assert number.value == pytest.approx((90 * scores[0] + 30 * scores[1]) / 120, abs=1e-12)
    assert number.ci95[1] < 0


def test_shares_are_counted():
    found = Closeness(
        nearest=np.array([0, 0, 1, 2]),
        samples=np.array([0.1, 0.1, 0.4, 9.0]),
        nearest_held=np.array([0, 0, 1, 1]),
        samples_held=np.array([0.5, 0.5, 0.2, 8.0]),
        held=np.array([0.3, 1.0, 2.0]),
        sample_cells=np.zeros(4, int),
        held_cells=np.zeros(3, int),
        training=6,
    )
    assert found.close_share(0.5, np.random.default_rng(0)).value == 0.75
    of_training = found.training_share(0.5)
    assert of_training.value == pytest.approx(2 / 3)
    assert of_training.expected == pytest.approx(6 / 9)
    # Two of the three share their nearest example: they are worth 9 / 5 observations.
    low, high = (
        stats.beta.ppf(0.025, 2 / 3 * 1.8, 1.8 / 3 + 1), stats.beta.ppf(0.975, 2 / 3 * 1.8 + 1, 1.8 / 3),
    )  # fmt: skip
    assert of_training.ci95 == pytest.approx((low, high))


def test_the_share_nearer_to_training_takes_as_many_held_out_examples_and_counts_clusters_once():
    train, held = RNG.normal(size=(30, 4)), RNG.normal(size=(200, 4))
    samples = np.concatenate([train[:6].repeat(10, axis=0) + 1e-3, RNG.normal(size=(40, 4))])
    found = Closeness.of(0, samples, train, held)
    assert {draw.held for draw in found.nearer} == {30}
    assert len({tuple(draw.nearest) for draw in found.nearer}) > 1
    for draw in found.nearer:
        assert draw.of_training[:60].all()
        rows = np.unique(draw.nearest[~draw.of_training]) - 30
        assert (rows >= 0).all()
    number = found.nearer_share()
    assert number.expected == 0.5
    assert number.value == pytest.approx(np.mean([draw.of_training.mean() for draw in found.nearer]))
    # A hundred independent samples would pin the share down far better than these do.
    low, high = stats.binomtest(round(100 * number.value), 100).proportion_ci(0.95, "exact")
    assert number.ci95[1] - number.ci95[0] > 1.3 * (high - low)


def test_with_fewer_held_out_than_training_examples_all_are_taken_and_fewer_samples_are_expected_near_them():
    samples, train, held = (RNG.normal(size=(count, 3)) for count in (400, 60, 20))
    found = Closeness.of(0, samples, train, held)
    (draw,) = found.nearer
    between = np.linalg.norm(samples[:, None] - np.concatenate([train, held])[None], axis=2).argmin(axis=1)
    assert np.array_equal(draw.nearest, between)
    assert np.array_equal(draw.of_training, between < 60)
    assert found.nearer_share().expected == 0.75
