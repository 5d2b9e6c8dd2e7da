"""The truth set: what is stored is of the data and of the trainings that its recipes describe."""

from __future__ import annotations

import re

import numpy as np
import pytest
import truth as builder

from gansift import cleansing
from gansift.influence import Scores
from gansift.workflow.truths import read_truth

ROOT = builder.Path(builder.__file__).parent / "truth"
every_truth = pytest.mark.parametrize("name", builder.RECIPES)


@pytest.mark.slow
@every_truth
def test_a_stored_truth_is_of_the_recipe_and_of_the_data_that_it_names(name):
    truth, recipe = read_truth(ROOT / name), builder.RECIPES[name]
    place = builder.place_of(recipe, ROOT / name)
    assert truth.training["command"] == recipe.command(len(truth.seeds))
    assert truth.training["data"] == place.data.digest()
    assert truth.ids == place.ids
    assert truth.hashes == tuple(content for part in place.train.values() for content in part.hashes)
    assert truth.metrics == {metric.name: metric.direction for metric in builder.metrics_of(place)}
    assert truth.steps == place.config.steps
    assert np.isfinite(truth.changes).all()


@every_truth
def test_every_example_is_left_out_once_and_sets_have_the_shares(name):
    truth = read_truth(ROOT / name)
    sizes, counts = np.unique(truth.removed.sum(axis=1), return_counts=True)
    examples = len(truth.ids)
    assert sizes.tolist() == [1, *(round(share * examples) for share in builder.SHARES)]
    assert counts.tolist() == [examples, 32, 32, 32, 32]
    np.testing.assert_array_equal(truth.removed[:examples], np.eye(examples, dtype=bool))


@every_truth
def test_the_true_changes_of_single_examples_as_scores_are_perfect_there(name):
    truth = read_truth(ROOT / name)
    for row, (metric, direction) in enumerate(truth.metrics.items()):
        values = truth.changes[row, : len(truth.ids)].mean(axis=1)
        scores = Scores(truth.ids, values, metric, direction, "truth", truth.steps, truth.steps, truth.removal)
        assert truth.judge(scores)[0].agreement.spearman.value == pytest.approx(1)


@pytest.mark.slow
def test_a_stored_change_is_what_retraining_gives():
    truth, place = read_truth(ROOT / "laftr"), builder.place_of(builder.RECIPES["laftr"], ROOT / "laftr")
    (run,) = builder.trained(place, truth.seeds[:1])
    for row in (0, len(truth.removed) - 1):
        gone = [identity for identity, removed in zip(truth.ids, truth.removed[row], strict=True) if removed]
        again = cleansing.retrain(run, gone, horizon=truth.steps)
        for kind, metric in enumerate(builder.metrics_of(place)):
            assert truth.values[kind, 0] == pytest.approx(metric.value(run), rel=1e-6)
            change = metric.value(again) - metric.value(run)
            assert truth.changes[kind, row, 0] == pytest.approx(change, rel=1e-4)


def test_the_page_has_every_truth_and_its_command():
    page = (ROOT.parents[1] / "docs/truth.md").read_text(encoding="utf-8")
    for name in builder.RECIPES:
        truth = read_truth(ROOT / name)
        assert truth.training["command"] in page
        assert re.search(rf"\| `{name}` \|.*\| {len(truth.ids)} \|", page)
