"""Which training images does a model owe an image to? Asked of a finished run, of one image after the other."""

from __future__ import annotations

import json

import pytest

import tiny_run
from gansift.errors import UsageError
from gansift.influence import Scores
from gansift.workflow.config import load

FLAGS = [
    "--for-this-model", "--steps", "8", "--seeds", "1", "--horizons", "all", "--remove", "5", "--verify", "0",
    "--batch", "20", "--jobs", "1", "--quiet", "--width", "4", "--sampling-steps", "2", "--latents", "100",
    "--baselines", "none", "--until", "train",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("query") / "run"
    tiny_run.gansift("run", "digits", "--game", "matching", *FLAGS, "--outdir", folder)
    return folder


def held_out(folder, number):
    rows = [line.split(",") for line in (folder / "manifest.csv").read_text().splitlines()[1:]]
    return [row[0] for row in rows if "test" in row][number]


def scores_of(folder, *query):
    done = tiny_run.gansift("score", folder, "--metric", "query-loss", *query, "--json", "--quiet", "--jobs", "1")
    return [Scores.read(file) for file in json.loads(done.stdout)["scores"]]


def test_every_query_has_scores_of_its_own_and_the_run_keeps_its_question(folder):
    (one,), (other,) = (scores_of(folder, "--query", held_out(folder, number)) for number in (0, 1))
    assert one.ids == other.ids
    assert one.metric != other.metric
    assert one.metric.startswith("query-loss-")
    assert abs(one.values).max() > 0
    assert list(one.values) != list(other.values)
    config = load(folder / "config.json")
    assert (config.metric, config.query, config.latents) == ("fid", None, 100)


def test_an_image_is_asked_about_from_any_folder(folder, tmp_path, monkeypatch):
    from PIL import Image

    Image.new("L", (9, 9), 80).save(tmp_path / "grey.png")
    monkeypatch.chdir(tmp_path)
    (scores,) = scores_of(folder, "--query", "grey.png")
    assert abs(scores.values).max() > 0


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (["--metric", "query-loss"], "give --query IMAGE"),
        (["--metric", "fid", "--query", "x.png"], "--query: --metric fid has no such setting"),
        (["--metric", "query-loss", "--query", "x.png"], "--query x.png: there is no such file"),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused(folder, query, message):
    with pytest.raises(UsageError, match=message):
        tiny_run.gansift("score", folder, *query)
