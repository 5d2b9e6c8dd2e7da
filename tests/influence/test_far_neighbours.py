"""Examples that are far from all others rank first, as scikit-learn's neighbours have it."""

from __future__ import annotations

import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from gansift import influence, training
from gansift.influence.baselines import far_neighbours as module
from gansift.influence.baselines.far_neighbours import far_neighbours, remoteness
from toys import MeanWave, examples, gan

ROWS = torch.randn(57, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def _expected(rows, count):
    metric = "cosine" if rows.shape[1] > 3 else "euclidean"
    found = NearestNeighbors(n_neighbors=count + 1, algorithm="brute", metric=metric).fit(rows.numpy())
    distances, _ = found.kneighbors(rows.numpy())
    return torch.from_numpy(distances[:, 1:].mean(axis=1))  # the first neighbour is the row itself


@pytest.mark.parametrize(
    ("rows", "count"), [(ROWS, 10), (ROWS[:, :3], 10), (ROWS[:11], 10), (ROWS[:5, :2], 4), (ROWS[:2], 1)]
)
def test_remoteness_is_the_mean_distance_to_the_nearest_others(rows, count):
    torch.testing.assert_close(remoteness(rows), _expected(rows, count), rtol=1e-12, atol=1e-12)


def test_distances_in_blocks_are_those_at_once(monkeypatch):
    whole = remoteness(ROWS)
    monkeypatch.setattr(module, "_BLOCK", 3 * len(ROWS))
    torch.testing.assert_close(remoteness(ROWS), whole, rtol=1e-12, atol=1e-15)


def test_copies_are_near_each_other_and_a_row_alone_is_far_from_nothing():
    assert remoteness(ROWS[:1]).tolist() == [0.0]
    copies = torch.cat([ROWS, ROWS[:1].expand(10, -1)])
    assert abs(float(remoteness(copies)[0])) < 1e-12
    zero = torch.cat([ROWS, torch.zeros(1, 4, dtype=torch.float64)])
    assert float(remoteness(zero)[-1]) == 1


def test_the_one_far_from_all_others_is_removed_first_and_who_took_no_part_is_no_neighbour():
    data = examples(30)
    data.x[7] += 100
    data.x[8] += 101  # beside it, but left out of the training
    weights = torch.ones(30)
    weights[8] = 0
    run = training.train(gan(), data, steps=2, batch_size=5, optimizers=training.SGD(lr=0.01), weights=weights)
    scores = far_neighbours(run, MeanWave())
    assert scores.harmful(1).ids == (run.ids[7],)
    assert scores.values[8] == 0
    assert influence.ESTIMATORS["far-neighbours"].ranks_only
