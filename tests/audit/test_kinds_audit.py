"""The audit of kinds: it finds the kind of images that is harmful, without taking luck for harm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gansift.audit import Subject, run_audit
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.influence import group_effects
from gansift.influence.groups import Group
from gansift.influence.looks import Looks, Window

SHAPE, EACH = (1, 6, 6), 15
BASE = torch.rand(4, *SHAPE, generator=torch.Generator().manual_seed(3)) * 1.6 - 0.8


def part(each, seed, name) -> Examples:
    noise = 0.2 * torch.rand(4 * each, *SHAPE, generator=torch.Generator().manual_seed(seed))
    kinds = torch.arange(4 * each) % 4
    return Examples.of((BASE[kinds] + noise).clamp(-1, 1).numpy(), name=name, kind=["abcd"[row] for row in kinds])


@pytest.fixture(scope="module")
def splits():
    return Splits("kinds", part(EACH, 1, "train"), part(3, 2, "valid"), part(3, 3, "test"))


def looks(ids, effect, seeds=4, noise=0.3, direction="lower"):
    """Windows of several seeds, three each, that see a true effect of each image through noise."""
    random = np.random.default_rng(0)
    return [
        Looks(
            tuple(ids), effect + noise * random.normal(size=(3, len(ids))),
            tuple(Window(seed, end, 3) for end in (3, 6, 9)),
            metric="fid", direction=direction, steps=9, removal="fixed-denominator",
        )
        for seed in range(seeds)
    ]  # fmt: skip


def subject(splits, effect, **changes):
    of_train = looks(splits.train.ids, effect, **changes)
    return Subject("run", {"data": splits}, [object()], looks=of_train, features=lambda x: x.flatten(1))


def audited(*subjects, **settings):
    return run_audit("kinds", *subjects, **{"clusters": 4, "steps": 200, "kind": "kmeans", "starts": 2} | settings)


def harm_of_d(splits) -> np.ndarray:
    return np.where(splits.train.columns["kind"].values.numpy() == 3, -1.0, 0.0)


@pytest.mark.parametrize(("kind", "direction"), [("kmeans", "lower"), ("dti-gmm", "higher")])
def test_the_kind_that_hurts_is_a_cluster_of_its_own_with_its_harm(splits, kind, direction):
    sign = 1 if direction == "lower" else -1
    one = subject(splits, sign * harm_of_d(splits), direction=direction)
    answer = audited(one, kind=kind, starts=2 if kind == "kmeans" else 1)
    assert answer.finding is True
    assert answer.badge == "1 harmful cluster"
    assert answer.numbers["harmful_clusters"].value == 1
    assert answer.numbers["harmful_clusters_of_features"].value == 1
    worst = answer.tables["Clusters of all images"].rows[0]
    assert worst[0] == "cluster 1"
    assert worst[1] == EACH
    assert worst[4:] == ("yes", "kind d 100 %")
    ids = answer.groups["cluster 1"]
    assert sorted(ids) == sorted(np.array(splits.train.ids)[harm_of_d(splits) < 0])
    (effect,) = group_effects(one.looks, [Group("d", ids)])
    assert worst[3] == pytest.approx(effect.predicted / EACH)
    assert worst[3] == pytest.approx(-sign, abs=0.1)
    gallery = answer.pictures["All images"]
    assert gallery.captions[0].startswith(f"cluster 1, {EACH} images")
    assert np.abs(gallery.x[0] - (BASE[3] + 0.1).clamp(-1, 1).numpy()).mean() < 0.1


def test_the_most_harmful_by_chance_alone_do_not_look_harmful(splits):
    one = subject(splits, np.zeros(4 * EACH), noise=1.0)
    answer = audited(one)
    assert answer.finding is False
    assert answer.badge == "none for sure"
    by_chance = answer.tables["Clusters of the most harmful images"].rows
    assert sum(row[1] for row in by_chance) == 15
    chosen = [identity for name, ids in answer.groups.items() if name.startswith("harmful") for identity in ids]
    picked, told = (group_effects(one.looks[half::2], [Group("worst", tuple(chosen))])[0] for half in (0, 1))
    assert picked.ci95[1] < 0, "those that chose them take them for harmful"
    assert told.ci95[0] < 0 < told.ci95[1]
    assert sum(row[3] * row[1] for row in by_chance) == pytest.approx(told.predicted)


def test_large_images_are_clustered_as_small_ones(splits):
    wide = splits.train.x.repeat_interleave(3, 2).repeat_interleave(2, 3)
    one = subject(Splits("wide", replace(splits.train, x=wide), splits.valid, splits.test), harm_of_d(splits))
    answer = audited(one, side=6)
    assert answer.pictures["All images"].x.shape[2:] == (1, 6, 4)
    assert answer.tables["Clusters of all images"].rows[0][5] == "kind d 100 %"


def test_with_one_scored_training_it_is_said_that_it_chose_too(splits):
    answer = audited(subject(splits, harm_of_d(splits), seeds=1))
    assert any("With one scored training" in sentence for sentence in answer.not_shown)
    assert sum(len(ids) for name, ids in answer.groups.items() if name.startswith("cluster")) == 4 * EACH


def test_what_has_no_scores_or_images_is_refused(splits):
    one = subject(splits, harm_of_d(splits))
    for changed, message in (
        (replace(one, players=[]), "is data alone"),
        (replace(one, looks=()), "needs scores that say what helps new models"),
        (replace(one, data={"a": splits, "b": splits}), "looks at one data set, and run has 2"),
    ):
        with pytest.raises(UsageError, match=message):
            audited(changed)
    points = Splits("points", *(Examples.of(np.random.default_rng(0).normal(size=(9, 2))) for _ in range(3)))
    with pytest.raises(UsageError, match="clusters images, and run has none"):
        audited(replace(one, data={"points": points}))
