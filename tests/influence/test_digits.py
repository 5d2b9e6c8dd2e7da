"""On real data: summed scores rank random removals as retraining of the same horizon does."""

from __future__ import annotations

import pytest
from predicts import correlation, preset_run

from gansift import data, metrics


@pytest.fixture(scope="module")
def trained():
    splits = data.load("digits", seed=0)
    features = metrics.ClassifierFeatures.fit(splits.valid, seed=0)
    return (
        preset_run(splits, seed=0),
        metrics.FID(features, reference=splits.valid, latents=2000, seed=1),
        metrics.FID(features, reference=splits.test, latents=2000, seed=2),
    )


def test_the_preset_trains_a_good_generator(trained):
    run, _, test = trained
    assert test.value(run) <= 0.2 * test.value(run.trained(0))


@pytest.mark.parametrize("epochs", [1, 5, 10, pytest.param(20, marks=pytest.mark.slow)])
def test_matched_scores_rank_removals_of_two_percent(trained, epochs):
    run, validation, _ = trained
    assert correlation(run, validation, round(epochs * run.epoch), removals=20)["spearman"] >= 0.95
