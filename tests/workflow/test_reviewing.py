"""What the report needs for deciding image by image, against direct computation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gansift.influence import Scores
from gansift.metrics.metric import in_chunks
from gansift.workflow import stages
from gansift.workflow.place import place_of
from gansift.workflow.reviewing import reviewed
from gansift.workflow.seed import Seed
from tiny_run import request

SMALL = {
    "for_this_model": True,
    "source": "digits", "steps": 4, "seeds": 3, "horizons": "0.1", "remove": "5", "latents": 60, "width": 4, "jobs": 1,
    "verify": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The main seed and the scores of a tiny run of three seeds, whose scores are made up."""
    directory, config = stages.prepare(request(SMALL), tmp_path_factory.mktemp("digits"))
    place = place_of(config, None)
    main = Seed.main(directory, place)
    rng = np.random.default_rng(0)
    scores = [
        Scores(
            main.run.ids,
            rng.normal(size=len(main.run.ids)),
            place.validation.name,
            "lower",
            "itd",
            2,
            4,
            "fixed-denominator",
        )
        for _ in range(3)
    ]
    for seed, of_seed in enumerate(scores):
        of_seed.to_csv(directory.scores(seed, place.asked, "itd", 2))
    return main, scores


def test_neighbours_are_those_in_the_metrics_features(made):
    main, scores = made
    found = reviewed(main, scores[0])
    assert found.generated.shape == (60, 1, 8, 8)
    seen, samples = (
        in_chunks(main.place.validation.features, images, 500).double()
        for images in (main.place.data.only.train.x, torch.tensor(found.generated))
    )
    plain = {"compute_mode": "donot_use_mm_for_euclid_dist"}
    assert np.array_equal(found.nearest_generated, torch.cdist(seen, samples, **plain).argmin(dim=1).numpy())
    others = torch.cdist(seen, seen, **plain).fill_diagonal_(torch.inf)
    assert np.array_equal(found.nearest_training, others.argmin(dim=1).numpy())


def test_scores_over_seeds_have_a_standard_error(made):
    main, scores = made
    found = reviewed(main, scores[0])
    values = np.stack([of_seed.values for of_seed in scores])
    assert np.allclose(found.mean, values.mean(axis=0))
    assert np.allclose(found.standard_error, np.sqrt(values.var(axis=0, ddof=1) / 3))
    missing = reviewed(main, replace(scores[0], horizon=3))
    assert missing.mean is None
    assert missing.standard_error is None


def test_the_run_is_that_of_the_scores(made):
    main, scores = made
    found = reviewed(main, replace(scores[0], run="some-run"))
    assert (found.run, found.horizon, found.paths) == ("some-run", 2, main.place.data.only.train.paths)


def test_points_are_not_reviewed(made, tmp_path):
    _, config = stages.prepare(request(SMALL | {"source": "normal-1d"}), tmp_path)
    points = Seed.main(made[0].directory, place_of(config, None))
    assert reviewed(points, made[1][0]) is None
