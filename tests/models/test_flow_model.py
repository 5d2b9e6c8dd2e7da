"""The coupling flow: its inverse, its density by a dense Jacobian, its mass, and its derivatives."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from gansift.errors import TrainingError
from gansift.models import CouplingFlow


def flow(features=5, conditions=3, blocks=4) -> CouplingFlow:
    """A flow that is far from the identity, in float64."""
    torch.manual_seed(0)
    made = CouplingFlow(features, conditions, 7, blocks).double()
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.4 * torch.randn(parameter.shape, generator=draw, dtype=torch.float64))
    return made


def points(count=6, features=5, seed=2):
    return torch.randn(count, features, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("condition", range(3))
@pytest.mark.parametrize(("features", "blocks"), [(5, 4), (4, 3), (2, 1)])
def test_the_inverse_undoes_the_map_under_every_condition(condition, features, blocks):
    made, z = flow(features, 3, blocks), points(features=features)
    v, _ = made.normalised(z, condition)
    assert (v - z).abs().max() > 0.1
    torch.testing.assert_close(made.inverse(v, condition), z, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(made.normalised(made.inverse(z, condition), condition)[0], z, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("condition", range(3))
def test_log_densities_are_those_of_the_dense_jacobian(condition):
    made, z = flow(), points()
    for row, found in zip(z, made(z, condition).tolist(), strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda one: made.normalised(one[None], condition)[0][0], row)
        v = made.normalised(row[None], condition)[0][0]
        normal = MultivariateNormal(torch.zeros(5).double(), torch.eye(5).double())
        expected = normal.log_prob(v) + torch.linalg.svdvals(jacobian).log().sum()
        assert found == pytest.approx(expected.item(), rel=1e-10)


def test_a_density_has_mass_one():
    made = flow(2, 2, 3)
    side = torch.linspace(-14, 14, 1200, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    mass = made(grid, 1).exp().sum() * (side[1] - side[0]) ** 2
    assert mass.item() == pytest.approx(1.0, abs=1e-3)


def test_conditions_differ_and_no_point_looks_at_another():
    made, z = flow(), points()
    assert (made(z, 0) - made(z, 1)).abs().min() > 1e-3
    torch.testing.assert_close(made(z, 1), torch.cat([made(row[None], 1) for row in z]))


def test_every_number_moves_and_depends_on_others():
    made, z = flow(blocks=6), points(1)
    jacobian = torch.autograd.functional.jacobian(lambda one: made.normalised(one, 0)[0].sum(0), z)[:, 0]
    assert (jacobian.abs() > 1e-9).all()


def test_training_begins_at_a_permutation_whatever_the_seed():
    for seed in range(2):
        torch.manual_seed(seed)
        made = CouplingFlow(4, 2, 8, 3)
        z = torch.randn(3, 4)
        v, volume = made.normalised(z, 1)
        assert (volume == 0).all()
        torch.testing.assert_close(v.sort(1).values, z.sort(1).values)
    assert CouplingFlow(2, 1)(torch.zeros(1, 2), 0).item() == pytest.approx(-math.log(2 * math.pi), rel=1e-6)


def test_first_and_second_derivatives_are_right():
    made, z = flow(3, 2, 2), points(2, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda one: made(one, 1), z, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda one: made(one, 1), z, fast_mode=True)


def test_what_cannot_be_a_flow_is_refused():
    with pytest.raises(TrainingError, match="two numbers or more, and a condition: 1, 2"):
        CouplingFlow(1, 2)
