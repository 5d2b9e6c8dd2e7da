"""Clustering as a system: what its settings do, what it reports, and what it refuses."""

from __future__ import annotations

import pytest
import torch

from gansift import data
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.metrics.metric import reported_of
from gansift.systems import build
from tiny_system import Tiny

TINY = Tiny(
    {"data": "digits"},
    {"clusters": 3, "hidden": 4, "affine_from": 0.1, "splines_from": 0.3, "lr": 0.02},
    "cluster-loss",
    ("digits", "--game", "clustering", "--clusters", "3", "--hidden", "4"),
    "label 3",
    batch={"data": 6},
)


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", seed=0)


def splits(shape) -> Splits:
    generator = torch.Generator().manual_seed(0)
    return Splits("noise", *(Examples.of(torch.rand(12, *shape, generator=generator)) for _ in range(3)))


def test_settings_decide_the_game(digits):
    settings = {"kind": "dti-gmm", "clusters": 4, "affine_from": 0.2, "splines_from": 1.0, "sigma_min": 0.3}
    system = build("clustering", {"d": digits}, settings)
    found = system.new_game(0).settings()
    assert {name: found[name] for name in ("kind", "clusters", "affine_from", "sigma_min")} == {
        name: value for name, value in settings.items() if name != "splines_from"
    }
    assert "splines_from" not in found, "1 is never"
    assert system.judges("cluster-loss").validation.logarithmic
    assert not build("clustering", {"d": digits}, {}).judges("cluster-loss").validation.logarithmic


def test_only_labels_that_there_are_are_reported(digits):
    assert reported_of(build("clustering", {"d": digits}, {}).judges("cluster-loss").test).name == "cluster-error"
    bare = build("clustering", {"d": splits((1, 6, 6))}, {"clusters": 2})
    assert reported_of(bare.judges("cluster-loss").test).name == "cluster-loss"
    assert build("clustering", {"d": splits((3, 6, 6))}, {"clusters": 2}).new_game(0).settings()["colour_from"] == 0.05
    assert "colour_from" not in bare.new_game(0).settings()


def test_what_it_cannot_cluster_is_refused():
    with pytest.raises(UsageError, match=r"--kind dti-kmeans moves and bends images.*--kind kmeans"):
        build("clustering", {"d": splits((5,))}, {"clusters": 2})
    with pytest.raises(UsageError, match="--clusters 13: noise has 12 training examples"):
        build("clustering", {"d": splits((5,))}, {"kind": "kmeans", "clusters": 13})
    assert build("clustering", {"d": splits((5,))}, {"kind": "kmeans", "clusters": 2}).new_game(0).clusters == 2
