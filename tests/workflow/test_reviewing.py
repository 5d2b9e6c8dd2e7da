"""What the report needs for deciding image by image, against direct computation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gansift.influence import Scores
from gansift.metrics.metric import in_chunks
from gansift.workflow import stages
from gansift.workflow.build import workplace
from gansift.workflow.config import merge
from gansift.workflow.reviewing import reviewed
from gansift.workflow.seeds import train_seed

SMALL = {
    "source": "digits", "steps": 4, "seeds": 3, "horizons": "0.1", "remove": "5", "latents": 60, "width": 4, "jobs": 1,
    "verify": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The directory, workplace, run and first scores of a tiny run of three seeds, whose scores are made up."""
    directory, config = stages.prepare(merge(SMALL, None), tmp_path_factory.mktemp("digits"))
    place = workplace(config, None)
    run = train_seed(directory, place, 0, lambda amount: None)
    rng = np.random.default_rng(0)
    scores = [
        Scores(run.ids, rng.normal(size=len(run.ids)), place.validation.name, "lower", "itd", 2, 4, "fixed-denominator")
        for _ in range(3)
    ]
    for seed, of_seed in enumerate(scores):
        of_seed.to_csv(directory.scores(seed, of_seed.metric, "itd", 2))
    return directory, place, run, scores


def test_neighbours_are_those_in_the_metrics_features(made):
    directory, place, run, scores = made
    found = reviewed(directory, place, run, scores[0])
    assert found.generated.shape == (60, 1, 8, 8)
    seen, samples = (
        in_chunks(place.validation.features, images, 500).double()
        for images in (place.splits.train.x, torch.tensor(found.generated))
    )
    plain = {"compute_mode": "donot_use_mm_for_euclid_dist"}
    assert np.array_equal(found.nearest_generated, torch.cdist(seen, samples, **plain).argmin(dim=1).numpy())
    others = torch.cdist(seen, seen, **plain).fill_diagonal_(torch.inf)
    assert np.array_equal(found.nearest_training, others.argmin(dim=1).numpy())


def test_scores_over_seeds_have_a_standard_error(made):
    directory, place, run, scores = made
    found = reviewed(directory, place, run, scores[0])
    values = np.stack([of_seed.values for of_seed in scores])
    assert np.allclose(found.mean, values.mean(axis=0))
    assert np.allclose(found.standard_error, np.sqrt(values.var(axis=0, ddof=1) / 3))
    missing = reviewed(directory, place, run, replace(scores[0], horizon=3))
    assert missing.mean is None
    assert missing.standard_error is None


def test_the_run_is_that_of_the_scores(made):
    directory, place, run, scores = made
    found = reviewed(directory, place, run, replace(scores[0], run="some-run"))
    assert (found.run, found.horizon, found.paths) == ("some-run", 2, place.splits.train.paths)


def test_points_are_not_reviewed(made, tmp_path):
    _, config = stages.prepare(merge(SMALL | {"source": "normal-1d"}, None), tmp_path)
    assert reviewed(made[0], workplace(config, None), made[2], made[3][0]) is None
