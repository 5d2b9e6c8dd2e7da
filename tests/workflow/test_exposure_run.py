"""A run is asked which of its examples are exposed, from the command line."""

from __future__ import annotations

import json

import pytest

from gansift.influence import Scores
from tiny_run import gansift


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    directory = tmp_path_factory.mktemp("exposed") / "run"
    gansift(
        "run", "digits", "--game", "classifier", "--fractions", "0.05,0.5,0.45", "--steps", 6, "--seeds", 1,
        "--batch", 20, "--hidden", 4, "--horizons", "all", "--for-this-model", "--until", "train", "--jobs", 1,
        "--quiet", "--outdir", directory,
    )  # fmt: skip
    return directory


def test_scores_of_exposure_are_self_influence_unless_another_estimator_is_named(classifier):
    (path,) = json.loads(gansift("score", classifier, "--metric", "exposure", "--jobs", 1, "--quiet", "--json").stdout)[
        "scores"
    ]
    scores = Scores.read(path)
    assert (scores.metric, scores.estimator, scores.horizon) == ("exposure", "self-influence", 6)
    assert (scores.values != 0).mean() > 0.8  # all but those that an incomplete epoch leaves out
    (path,) = json.loads(
        gansift(
            "score", classifier, "--metric", "exposure", "--estimator", "loss-trace", "--jobs", 1, "--quiet", "--json"
        ).stdout
    )["scores"]
    assert Scores.read(path).estimator == "loss-trace"
    (path,) = json.loads(gansift("score", classifier, "--jobs", 1, "--quiet", "--json").stdout)["scores"]
    assert Scores.read(path).estimator == "itd"


def test_a_run_is_cleansed_of_its_most_exposed_examples(classifier):
    found = json.loads(gansift("cleanse", classifier, "--metric", "exposure", "--jobs", 1, "--quiet", "--json").stdout)
    assert found["metric"] == "exposure"
