import numpy as np
import pytest
from scipy import stats

from gansift.audit.intervals import bootstrap_interval, clustered_share, share_interval


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (3, 10), (10, 10), (250, 1000)])
def test_the_interval_of_a_share_is_the_exact_one(hits, count):
    theirs = stats.binomtest(hits, count).proportion_ci(0.95, "exact")
    assert share_interval(hits, count) == pytest.approx((theirs.low, theirs.high))


def test_items_of_one_cluster_count_as_one():
    hits, clusters = np.array([1, 1, 0, 0, 0]) > 0, np.arange(5)
    assert clustered_share(hits, clusters) == (0.4, pytest.approx(share_interval(2, 5)))
    assert clustered_share(np.repeat(hits, 7), np.repeat(clusters, 7)) == (0.4, pytest.approx(share_interval(2, 5)))
    share, (low, high) = clustered_share(np.ones(300, bool), np.zeros(300, int))
    assert (share, low, high) == (1.0, pytest.approx(0.025), 1.0)


def test_the_interval_of_a_clustered_share_covers_the_truth():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        of_cluster = rng.random(40) < 0.7
        clusters = np.repeat(np.arange(40), rng.integers(1, 9, 40))
        low, high = clustered_share(of_cluster[clusters], clusters)[1]
        covered += low <= 0.7 <= high
    assert covered >= 0.95 * 300 - 8


def test_the_bootstrap_of_a_difference_of_means_is_as_wide_as_theory_says():
    rng = np.random.default_rng(0)
    means = rng.normal(size=60)
    clusters = np.repeat(np.arange(60), 5)
    one, other = means[clusters], rng.normal(size=200)

    def difference(counts, other_counts):
        return float((one * counts).sum() / counts.sum() - (other * other_counts).sum() / other_counts.sum())

    low, high = bootstrap_interval(difference, clusters, 200, rng, resamples=2000)
    width = 2 * 1.96 * np.sqrt(means.var() / 60 + other.var() / 200)
    assert high - low == pytest.approx(width, rel=0.1)
    assert low < one.mean() - other.mean() < high
