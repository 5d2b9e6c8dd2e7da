"""Solvers against dense linear algebra on matrices that are not symmetric."""

from __future__ import annotations

import pytest
import torch

from gansift.errors import GansiftError
from gansift.influence.linear_solvers import gmres, largest_stretch, neumann

SIZE = 70


def _system(seed=0, spread=0.5):
    """A game-like matrix: positive real parts, rotation that is as strong, and a right-hand side."""
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(SIZE, SIZE, generator=random, dtype=torch.float64) / SIZE**0.5
    matrix = torch.eye(SIZE, dtype=torch.float64) + spread * noise + (noise - noise.T)
    assert (torch.linalg.eigvals(matrix).imag.abs() > 0.5).any()
    return matrix, torch.randn(SIZE, generator=random, dtype=torch.float64)


def _counted(matrix):
    products = []

    def operator(u):
        products.append(u)
        return matrix @ u

    return operator, products


def test_gmres_equals_the_dense_solution():
    matrix, g = _system()
    u = gmres(lambda u: matrix @ u, g, iterations=500, tolerance=1e-12)
    torch.testing.assert_close(u, torch.linalg.solve(matrix, g), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("iterations", [1, 7, 50, 60, 200])
def test_gmres_keeps_to_its_products(iterations):
    matrix, g = _system(spread=3.0)
    operator, products = _counted(matrix - torch.eye(SIZE, dtype=torch.float64))
    gmres(operator, g, iterations=iterations, tolerance=1e-15)
    assert iterations <= len(products) <= iterations + 2 * -(-iterations // 50)


def test_gmres_stops_at_its_tolerance():
    matrix, g = _system()
    operator, products = _counted(matrix)
    u = gmres(operator, g, iterations=500, tolerance=1e-3)
    assert len(products) < 40
    assert 1e-6 < (g - matrix @ u).norm() / g.norm() <= 1e-3


def test_neumann_equals_the_dense_solution():
    matrix, g = _system()
    u = neumann(lambda u: matrix @ u, g, iterations=2000, tolerance=1e-12, rate=0.1)
    torch.testing.assert_close(u, torch.linalg.solve(matrix, g), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("iterations", [0, 1, 2, 5])
@pytest.mark.parametrize("tolerance", [1e-15, None])
def test_neumann_adds_g_in_every_iteration(iterations, tolerance):
    """Published code discards the ``+ g`` and keeps the last term (I - rate A)^M g alone of the sum."""
    matrix, g = _system()
    shrink = torch.eye(SIZE, dtype=torch.float64) - 0.1 * matrix
    expected = 0.1 * sum(torch.linalg.matrix_power(shrink, i) @ g for i in range(iterations + 1))
    found = neumann(lambda u: matrix @ u, g, iterations=iterations, tolerance=tolerance, rate=0.1)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rate", [3.0, -0.1])
def test_neumann_that_grows_is_an_error(rate):
    matrix, g = _system()
    operator, products = _counted(matrix)
    with pytest.raises(GansiftError, match="diverges at rate"):
        neumann(operator, g, iterations=10_000, tolerance=1e-3, rate=rate)
    assert len(products) < 100


def test_neumann_that_shrinks_at_first_and_then_grows_is_an_error():
    matrix = torch.diag(torch.tensor([1.0, 1.0, -0.05], dtype=torch.float64))
    g = torch.tensor([1.0, 1.0, 1e-3], dtype=torch.float64)
    with pytest.raises(GansiftError, match="diverges at rate"):
        neumann(lambda u: matrix @ u, g, iterations=1000, tolerance=1e-4, rate=0.5)


def test_largest_stretch_is_the_norm_of_a_symmetric_matrix_and_never_above_that_of_another():
    matrix, g = _system()
    symmetric = matrix @ matrix.T
    assert largest_stretch(lambda u: symmetric @ u, g) == pytest.approx(
        float(torch.linalg.matrix_norm(symmetric, 2)), rel=0.02
    )
    found, norm = largest_stretch(lambda u: matrix @ u, g), float(torch.linalg.matrix_norm(matrix, 2))
    assert 0.5 * norm < found <= norm
