import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from gansift.report import nearest
from gansift.report.neighbours import plane


@pytest.mark.parametrize(
    ("n", "m", "d", "shift"), [(40, 30, 5, 0.0), (3000, 2500, 3, 0.0), (50, 60, 7, 1e4), (5, 1, 2, 0.0)]
)
def test_the_nearest_is_that_of_all_distances_in_float64(n, m, d, shift):
    rng = np.random.default_rng(0)
    queries, pool = rng.normal(size=(n, d)) + shift, rng.normal(size=(m, d)) + shift
    apart = torch.cdist(torch.tensor(queries), torch.tensor(pool), compute_mode="donot_use_mm_for_euclid_dist")
    assert np.array_equal(nearest(queries, pool), apart.argmin(dim=1).numpy())


def test_an_example_is_no_neighbour_of_itself_but_its_copy_is():
    x = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    x[150] = x[20]
    found = nearest(x, x, skip_self=True)
    assert (found != np.arange(200)).all()
    assert (found[150], found[20]) == (20, 150)
    apart = torch.cdist(torch.tensor(x).double(), torch.tensor(x).double()).fill_diagonal_(torch.inf)
    assert np.array_equal(found, apart.argmin(dim=1).numpy())


def test_two_examples_are_each_others_neighbours_and_one_has_none():
    assert nearest(np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]]), skip_self=True).tolist() == [1, 0]
    with pytest.raises(ValueError, match="no neighbour"):
        nearest(np.zeros((1, 2)), np.zeros((1, 2)), skip_self=True)


def test_the_map_is_that_of_the_first_two_principal_components():
    points = np.random.default_rng(0).normal(size=(60, 5)) * [3, 1, 0.5, 2, 0.1] + 100
    expected, found = PCA(2).fit_transform(points), plane(points)
    assert np.allclose(np.abs(found), np.abs(expected))
    assert (found[np.abs(found).argmax(axis=0), [0, 1]] > 0).all()
    assert np.allclose(plane(points[:, :1])[:, 1], 0)
    assert np.array_equal(plane(np.ones((3, 4))), np.zeros((3, 2)))
