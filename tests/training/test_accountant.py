"""Epsilon against the formula of Mironov, Talwar and Zhang (2019), and against Opacus where it is installed."""

import math

import pytest

from gansift.training.accountant import noise_for, spent

pytest.importorskip("dp_accounting")

CASES = [(1.0, 0.01, 10_000, 1e-5), (4.0, 64 / 250, 3000, 4e-4), (20.0, 64 / 250, 12_000, 1e-4), (2.0, 1.0, 10, 1e-3)]


def by_formula(noise, rate, updates, delta):
    """Theorem 5 and equation 3 there at whole orders; epsilon by Canonne, Kamath and Steinke (2020), proposition 12."""
    best = math.inf
    for order in range(2, 300):
        terms = [
            math.lgamma(order + 1) - math.lgamma(k + 1) - math.lgamma(order - k + 1) + (k * k - k) / (2 * noise**2)
            + k * math.log(rate) + ((order - k) * math.log1p(-rate) if rate < 1 else (0 if k == order else -math.inf))
            for k in range(order + 1)
        ]  # fmt: skip
        largest = max(terms)
        divergence = (largest + math.log(sum(math.exp(term - largest) for term in terms))) / (order - 1)
        best = min(best, updates * divergence + math.log1p(-1 / order) - math.log(delta * order) / (order - 1))
    return best


@pytest.mark.parametrize("case", CASES)
def test_two_accountants_agree_to_one_per_cent(case):
    assert spent(*case) == pytest.approx(by_formula(*case), rel=0.01)


@pytest.mark.parametrize("case", CASES[:3])
def test_so_does_opacus(case):
    rdp = pytest.importorskip("opacus.accountants.analysis.rdp")
    noise, rate, updates, delta = case
    orders = [*range(2, 256)]
    divergences = rdp.compute_rdp(q=rate, noise_multiplier=noise, steps=updates, orders=orders)
    epsilon, _ = rdp.get_privacy_spent(orders=orders, rdp=divergences, delta=delta)
    assert spent(*case) == pytest.approx(float(epsilon), rel=0.01)


@pytest.mark.parametrize("epsilon", [0.5, 3.0, 8.0])
def test_the_noise_is_the_least_that_keeps_the_promise(epsilon):
    noise = noise_for(epsilon, 0.1, 500, 1e-4)
    assert spent(noise, 0.1, 500, 1e-4) <= epsilon < spent(noise / 1.002, 0.1, 500, 1e-4)
