"""KID: the mean over all pairs without bias, and its derivative, whatever the size of a block."""

import pytest
import torch

from gansift.errors import UsageError
from gansift.metrics import KID, kernel


def _rows(count, seed, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 5, generator=generator, dtype=torch.float64) + shift


@pytest.fixture
def metric():
    return KID(lambda x: x, _rows(9, 1, shift=0.5))


def _pair_by_pair(x, y):
    """The unbiased estimate, one kernel value at a time, differentiable."""

    def k(a, b):
        return (a @ b / len(a) + 1) ** 3

    def own(rows):
        pairs = [k(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j]
        return sum(pairs) / len(pairs)

    shared = [k(a, b) for a in x for b in y]
    return own(x) + own(y) - 2 * sum(shared) / len(shared)


@pytest.mark.parametrize("block", [1, 20, 10**6])
def test_value_and_derivative_are_those_of_the_double_loop(metric, block, monkeypatch):
    monkeypatch.setattr(kernel, "_BLOCK", block)
    x = _rows(7, 0).requires_grad_()
    expected = _pair_by_pair(x, _rows(9, 1, shift=0.5))
    value, derivative = metric.evaluate(x.detach())
    assert value == pytest.approx(float(expected.detach()), rel=1e-12)
    torch.testing.assert_close(derivative, torch.autograd.grad(expected, x)[0], rtol=1e-11, atol=1e-13)


def test_samples_of_the_reference_s_own_distribution_have_zero_on_average():
    reference, values = _rows(50, 0), []
    for seed in range(1, 201):
        values.append(KID(lambda x: x, _rows(50, 1000 + seed)).value(_rows(50, seed)))
    values = torch.tensor(values)
    assert abs(float(values.mean())) < 3 * float(values.std()) / len(values) ** 0.5
    assert float((values < 0).double().mean()) > 0.3
    assert KID(lambda x: x, reference).value(_rows(50, 1, shift=0.5)) > float(values.max())


def test_one_sample_or_reference_makes_no_pair(metric):
    with pytest.raises(UsageError, match="at least 2"):
        metric.value(_rows(1, 0))
    with pytest.raises(UsageError, match="at least 2"):
        KID(lambda x: x, _rows(1, 0))
