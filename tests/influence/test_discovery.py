"""p-values and discoveries against scipy."""

from __future__ import annotations

import numpy as np
from scipy import stats

from gansift.influence.discovery import discoveries, p_values


def test_p_values_are_those_of_the_one_sided_t_test():
    random = np.random.default_rng(0)
    looks = random.standard_normal((7, 20)) + 0.5
    found = p_values(looks.mean(axis=0), stats.sem(looks, axis=0), 6)
    np.testing.assert_allclose(found, stats.ttest_1samp(looks, 0, alternative="greater").pvalue, rtol=1e-10)


def test_an_example_without_error_is_certain_either_way():
    np.testing.assert_array_equal(p_values(np.array([1.0, 0.0, -1.0]), np.zeros(3), 5), [0, 1, 1])


def test_discoveries_are_those_of_benjamini_and_hochberg():
    random = np.random.default_rng(1)
    for _ in range(20):
        p = np.concatenate([random.uniform(0, 0.01, 10), random.uniform(0, 1, 50)])
        found = discoveries(p, 0.1)
        assert set(found) == set(np.flatnonzero(stats.false_discovery_control(p) <= 0.1))
        assert (np.diff(p[found]) >= 0).all()


def test_nothing_is_discovered_among_large_p_values():
    assert not len(discoveries(np.full(10, 0.5), 0.1))
