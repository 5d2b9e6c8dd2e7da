"""IS: equal to the formula written out in probabilities."""

import math

import pytest
import torch

from gansift.errors import UsageError
from gansift.metrics import IS
from gansift.metrics.inception_score import log_inception_score


def test_value_and_derivative_are_those_of_autodiff_through_probabilities():
    logits = 2 * torch.randn(12, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    leaf = logits.clone().requires_grad_()
    p = leaf.softmax(1)
    expected = (p * (p / p.mean(0)).log()).sum(1).mean()
    value, cotangent = log_inception_score(logits)
    assert value == pytest.approx(float(expected.detach()), rel=1e-12)
    torch.testing.assert_close(cotangent, torch.autograd.grad(expected, leaf)[0], rtol=1e-9, atol=1e-12)


def test_certain_and_even_opinions_score_the_number_of_classes():
    """Probabilities that underflow to zero do not spoil the value or the derivative."""
    value, cotangent = log_inception_score(2000 * torch.eye(6, dtype=torch.float64))
    assert math.exp(value) == pytest.approx(6)
    assert cotangent.isfinite().all()


def test_the_score_is_the_exponential_of_the_log_score(features, reference):
    log_score = IS(features, log=True).value(reference)
    assert IS(features).value(reference) == pytest.approx(math.exp(log_score), rel=1e-14)


def test_features_without_logits_are_refused():
    with pytest.raises(UsageError, match="no `logits`"):
        IS(torch.tanh)
