"""ALL: equal to a mixture of normal distributions written out, also far from every sample."""

import pytest
import torch
from torch.distributions import Independent, Normal

from gansift.errors import UsageError
from gansift.metrics import ALL, likelihood
from gansift.metrics.likelihood import average_log_likelihood


def _mixture(samples, reference, bandwidth):
    kernels = Independent(Normal(samples, bandwidth), 1)
    densities = torch.stack([kernels.log_prob(x).exp().mean() for x in reference])
    return densities.log().mean()


@pytest.mark.parametrize("bandwidth", [1.0, 0.6])
def test_value_and_derivative_are_those_of_autodiff_through_the_mixture(reference, bandwidth):
    samples = torch.randn(15, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    leaf = samples.clone().requires_grad_()
    expected = _mixture(leaf, reference, bandwidth)
    value, cotangent = average_log_likelihood(samples, reference, bandwidth)
    assert value == pytest.approx(float(expected.detach()), rel=1e-12)
    torch.testing.assert_close(cotangent, torch.autograd.grad(expected, leaf)[0], rtol=1e-9, atol=1e-12)


def test_samples_far_from_all_references_do_not_underflow():
    """One sample and one reference 3000 bandwidths apart: the logarithm of the density is known exactly."""
    value = ALL(torch.zeros(1, 1)).value(torch.tensor([[3000.0]], dtype=torch.float32))
    assert value == pytest.approx(-(3000.0**2) / 2 - 0.9189385332046727, rel=1e-14)
    _, cotangent = average_log_likelihood(torch.tensor([[3000.0], [3001.0]]).double(), torch.zeros(1, 1).double(), 1.0)
    torch.testing.assert_close(cotangent, torch.tensor([[-3000.0], [0.0]]).double(), rtol=1e-9, atol=1e-9)


def test_an_offset_of_all_data_costs_no_precision(reference):
    """Coordinates are rounded so that adding the offset is exact; any difference is the method's own."""
    rounded = (reference * 2.0**20).round() / 2.0**20
    samples = rounded.flip(0)[:15] + 0.125
    value, cotangent = average_log_likelihood(samples, rounded, 1.0)
    far_value, far_cotangent = average_log_likelihood(samples + 2.0**24, rounded + 2.0**24, 1.0)
    assert far_value == pytest.approx(value, rel=1e-12)
    torch.testing.assert_close(far_cotangent, cotangent, rtol=1e-11, atol=1e-13)


def test_blocks_of_references_do_not_change_the_result(reference, monkeypatch):
    samples = reference[:7] + 0.5
    whole = average_log_likelihood(samples, reference, 1.0)
    monkeypatch.setattr(likelihood, "_BLOCK", 3 * len(samples))
    parts = average_log_likelihood(samples, reference, 1.0)
    assert parts[0] == pytest.approx(whole[0], rel=1e-13)
    torch.testing.assert_close(parts[1], whole[1], rtol=1e-12, atol=1e-14)


def test_images_count_as_vectors_of_pixels(reference):
    images = reference.reshape(-1, 1, 1, 3)
    assert ALL(images).value(images + 1) == ALL(reference).value(reference + 1)


def test_a_bandwidth_or_reference_of_nothing_is_refused(reference):
    with pytest.raises(UsageError, match="bandwidth above 0"):
        ALL(reference, bandwidth=0)
    with pytest.raises(UsageError, match="reference examples"):
        ALL(reference[:0])
