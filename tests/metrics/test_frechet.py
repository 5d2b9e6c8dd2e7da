"""FID: equal to the formula with matrix roots, also where covariances are singular."""

import numpy as np
import pytest
import scipy.linalg
import torch

from gansift.errors import UsageError
from gansift.metrics import FID
from gansift.metrics.frechet import frechet_distance, normal_fit


def _rows(count, dimensions, seed, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dimensions, dimensions, generator=generator, dtype=torch.float64)
    return torch.randn(count, dimensions, generator=generator, dtype=torch.float64) @ mixing + shift


def _with_roots(features, reference, ridge=0.0):
    """The distance from both covariances, by eigendecomposition, differentiable."""
    identity = ridge * torch.eye(features.shape[1], dtype=features.dtype)
    s_g, s_r = features.T.cov() + identity, reference.T.cov() + identity
    values, vectors = torch.linalg.eigh(s_r)
    root = vectors @ torch.diag(values.clamp_min(0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ s_g @ root).sqrt().sum()
    shift = features.mean(0) - reference.mean(0)
    return shift.square().sum() + s_g.trace() + s_r.trace() - 2 * cross


def _expected(features, reference, ridge=0.0):
    leaf = features.clone().requires_grad_()
    value = _with_roots(leaf, reference, ridge)
    return float(value.detach()), torch.autograd.grad(value, leaf)[0]


def test_value_is_that_of_scipys_matrix_root():
    features, reference = _rows(60, 7, 0, shift=0.5), _rows(50, 7, 1)
    s_g, s_r = np.cov(features.numpy().T), np.cov(reference.numpy().T)
    root = scipy.linalg.sqrtm(s_g @ s_r).real
    shift = features.mean(0) - reference.mean(0)
    expected = float(shift @ shift) + np.trace(s_g + s_r - 2 * root)
    assert frechet_distance(features, normal_fit(reference))[0] == pytest.approx(expected, rel=1e-8)


def test_value_and_derivative_are_those_of_autodiff_through_the_eigendecomposition():
    features, reference = _rows(30, 6, 0, shift=0.5), _rows(25, 6, 1)
    value, cotangent = frechet_distance(features, normal_fit(reference))
    expected, derivative = _expected(features, reference)
    assert value == pytest.approx(expected, rel=1e-10)
    torch.testing.assert_close(cotangent, derivative, rtol=1e-9, atol=1e-9)


def _constant(rows, column):
    rows = rows.clone()
    rows[:, column] = 0.3
    return rows


SINGULAR = {
    "few samples": (_rows(5, 8, 0), _rows(50, 8, 1)),
    "few references": (_rows(50, 8, 0), _rows(5, 8, 1)),
    "few of both": (_rows(4, 8, 0), _rows(6, 8, 1)),
    "constant in samples": (_constant(_rows(40, 5, 0), 2), _rows(50, 5, 1)),
    "constant in references": (_rows(40, 5, 0), _constant(_rows(50, 5, 1), 2)),
    "constant in both": (_constant(_rows(40, 5, 0), 2), _constant(_rows(50, 5, 1), 2)),
    "all samples the same": (torch.ones(9, 4, dtype=torch.float64), _rows(50, 4, 1)),
}


@pytest.mark.parametrize(("features", "reference"), SINGULAR.values(), ids=SINGULAR)
def test_singular_covariances_give_the_limit_of_a_vanishing_ridge(features, reference):
    value, cotangent = frechet_distance(features, normal_fit(reference))
    error = {}
    for ridge in (1e-4, 1e-6):
        expected, derivative = _expected(features, reference, ridge)
        error[ridge] = abs(value - expected), float((cotangent - derivative).norm() / cotangent.norm())
    # Value and derivative approach the limit like the root of the ridge.
    for far, near in zip(error[1e-4], error[1e-6], strict=True):
        assert near < 0.15 * far or near < 1e-6
    assert error[1e-6][1] < 1e-2


def test_the_distance_of_examples_to_themselves_is_zero():
    rows = _rows(20, 4, 0)
    value, cotangent = frechet_distance(rows, normal_fit(rows))
    assert value == pytest.approx(0, abs=1e-10)
    torch.testing.assert_close(cotangent, torch.zeros_like(cotangent), rtol=0, atol=1e-10)


def test_a_single_sample_or_reference_is_refused(features, reference):
    with pytest.raises(UsageError, match="at least 2"):
        FID(features, reference[:1])
    with pytest.raises(UsageError, match="at least 2"):
        FID(features, reference).value(reference[:1])
