"""The audit of clusters: what it says of clusters that are known, and of several runs side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gansift import games
from gansift.audit import Subject, run_audit
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.games.parameters import Layout

SHAPE = (1, 6, 6)
BASE = torch.where(torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(0)) < 0.5, -0.8, 0.8)


def part(count, seed, name) -> Examples:
    """Images of three kinds, each with noise."""
    noise = 0.2 * torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed))
    kinds = torch.arange(count) % 3
    return Examples.of((BASE[kinds] + noise).clamp(-1, 1).numpy(), name=name, label=["abc"[row] for row in kinds])


@pytest.fixture(scope="module")
def splits():
    return Splits("kinds", part(60, 1, "train"), part(30, 2, "valid"), part(45, 3, "test"))


def trained(prototypes, kind="kmeans"):
    game = games.Clustering(kind, SHAPE, len(prototypes), hidden=4)
    with torch.no_grad():
        game.players["clusters"].prototypes.copy_(prototypes)
    return games.Trained(game, {name: Layout(module).flatten(module) for name, module in game.players.items()})


def run(splits, *players, name="run"):
    return Subject(name, {"data": splits}, list(players))


@pytest.mark.parametrize("kind", ["kmeans", "dti-kmeans"])
def test_clusters_that_are_the_labels_are_said_to_be_and_those_of_the_best_seed_are_looked_at(splits, kind):
    answer = run_audit("clusters", run(splits, trained(0.5 * BASE, kind), trained(BASE + 0.1, kind)))
    assert answer.finding is False
    assert answer.numbers["accuracy"].value == 1.0
    assert answer.numbers["nmi"].value == pytest.approx(1.0)
    assert answer.numbers["gain"].value == 0.0, "K-means sorts these, too"
    expected = (splits.test.x - (BASE + 0.1)[torch.arange(45) % 3]).square().flatten(1).sum(1)
    low, high = answer.numbers["loss"].ci95
    assert answer.numbers["loss"].value == pytest.approx(float(expected.mean()), rel=1e-4)
    assert high - low == pytest.approx(2 * 1.96 * float(expected.std()) / 45**0.5, rel=1e-3)
    assert sorted(row[1:] for row in answer.tables["Clusters"].rows) == [
        (20, "33.3 %", label, "100 %") for label in "abc"
    ]
    gallery = answer.pictures["Prototypes and members"]
    assert gallery.x.shape == (3, 9, *SHAPE)
    np.testing.assert_allclose(gallery.x[:, 0], (BASE + 0.1).clamp(-1, 1)[[0, 1, 2]].numpy(), atol=1e-6)
    np.testing.assert_allclose(gallery.x[:, 2], gallery.x[:, 0], atol=1e-5)


def test_clusters_that_hold_nothing_and_mix_labels_are_said_to(splits):
    far = torch.stack([BASE[0], (BASE[1] + BASE[2]) / 2, torch.full(SHAPE, 9.0)])
    answer = run_audit("clusters", run(splits, trained(far)))
    assert (answer.finding, answer.badge) == (True, "1 nearly empty")
    assert answer.numbers["accuracy"].value == pytest.approx(2 / 3)
    assert answer.numbers["gain"].ci95[1] < 0
    assert "1 cluster held hardly any training example" in answer.verdict
    assert len(answer.pictures["Prototypes and members"].x) == 2


def test_several_numbers_of_clusters_stand_side_by_side(splits):
    two, three = (
        run(splits, trained(BASE[:2]), name="two"),
        run(splits, trained(BASE), trained(BASE + 0.3), name="three"),
    )
    answer = run_audit("clusters", two, three)
    rows = answer.tables["Runs"].rows
    assert [len(gallery.x) for gallery in answer.pictures.values()] == [2, 3]
    assert list(answer.pictures) == ["Prototypes and members of two", "Prototypes and members of three"]
    assert [row[:3] for row in rows] == [("two", "kmeans", 2), ("three", "kmeans", 3)]
    assert rows[0][4] == rows[0][5] > rows[1][4]
    assert rows[1][5] > rows[1][4]


def test_without_labels_nothing_is_said_of_them(splits):
    bare = Splits("bare", *(replace(one, columns={}) for one in (splits.train, splits.valid, splits.test)))
    answer = run_audit("clusters", run(bare, trained(BASE)))
    assert set(answer.numbers) == {"loss"}
    assert answer.tables["Clusters"].columns == ("cluster", "training examples", "share")


def test_what_has_no_clusters_is_refused(splits):
    with pytest.raises(UsageError, match="a run of --game clustering, which data is not"):
        run_audit("clusters", Subject("data", {"data": splits}))
