import numpy as np
import pytest
from scipy import stats

from gansift.audit.likelihood import likelihood_gap, log_likelihoods


def test_the_likelihood_of_one_sample_is_that_of_a_normal_density_fitted_to_the_examples():
    rng = np.random.default_rng(0)
    examples, sample = rng.normal(1.0, 2.0, (50, 3)), np.array([[1.0, 1.0, 1.0]])
    spread = np.sqrt(((examples - sample) ** 2).mean())
    expected = stats.norm(1.0, spread).logpdf(examples).sum(axis=1)
    np.testing.assert_allclose(log_likelihoods(sample, examples), expected, rtol=1e-10)


def test_widths_are_a_maximum_of_the_likelihood():
    rng = np.random.default_rng(1)
    samples = np.array([[-3.0], [4.0]])
    examples = np.concatenate([rng.normal(-3, 0.5, (60, 1)), rng.normal(4, 2.0, (60, 1))])
    found = log_likelihoods(samples, examples).sum()

    def density(mean, widths):
        return stats.norm(mean, widths[:, None]).pdf(examples[:, 0])

    one, other = density(-3, np.linspace(0.3, 0.8, 51)), density(4, np.linspace(1.2, 2.8, 81))
    best = np.log(one[:, None] / 2 + other[None] / 2).sum(axis=2).max()
    assert found == pytest.approx(best, abs=0.05)


def drawn(count, seed):
    return np.random.default_rng(seed).normal(size=(count, 6))


def test_copies_raise_the_likelihood_of_training_examples():
    train, held = drawn(150, 0), drawn(150, 1)
    copied = np.concatenate([train[:60] + 0.02 * drawn(60, 2), drawn(60, 3)])
    found = likelihood_gap(copied, train, held, np.random.default_rng(0))
    assert found.ci95[0] > 0
    assert found.value == pytest.approx(-likelihood_gap(copied, held, train, np.random.default_rng(0)).value)


@pytest.mark.parametrize("samples", [drawn(100, 99), 0.3 * drawn(100, 99), drawn(3, 99), drawn(100, 99) + 9.0])
def test_good_smooth_collapsed_and_poor_samples_raise_it_no_more_often_than_chance_allows(samples):
    found = [
        likelihood_gap(samples, drawn(100, seed), drawn(100, 1000 + seed), np.random.default_rng(0)).ci95[0] > 0
        for seed in range(40)
    ]
    # At a rate of 2.5 %, more than 5 of 40 are less likely than 0.1 %.
    assert sum(found) <= 5
