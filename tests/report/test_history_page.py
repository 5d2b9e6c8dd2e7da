"""The page's parts that tell how training went and where images lie, and pairs of samples from the same latents."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import made_up_report as made_up
import made_up_review
import numpy as np
from page_reader import Page, written
from PIL import Image

from gansift.report.history import History, Moment
from gansift.report.views.collage import collage_uri

X = np.random.default_rng(0).uniform(-1, 1, (6, 1, 8, 8)).astype(np.float32)
HISTORY = History(
    (
        Moment(0, 0.0, {"<g>": 1.0, "d": 2.0}, 90.0),
        Moment(10, 0.5, {"<g>": 0.9, "d": 2.1}, None),
        Moment(20, 1.0, {}, 9.0),
    ),
    {0: X, 20: X},
)


def _page(folder, shown):
    return Page(written(folder, made_up.summary(), shown))


def test_a_training_shows_losses_the_metric_and_samples_as_it_went_on(tmp_path):
    page = _page(tmp_path, replace(made_up.images(), history=HISTORY))
    charts = [attributes.get("aria-label") for tag, attributes in page.tags if tag == "svg"]
    assert "FID on validation data against epochs of training: FID." in charts
    assert "loss against epochs of training: <g>, d." in charts
    alts = [attributes["alt"] for tag, attributes in page.tags if tag == "img"]
    assert [alt for alt in alts if alt.startswith("sample 6 after") and alt.endswith("steps")] == [
        "sample 6 after 0 steps",
        "sample 6 after 20 steps",
    ]
    assert "0.5 epochs" not in page.text


def test_without_moments_or_images_those_parts_are_left_out(tmp_path):
    alone = replace(HISTORY, moments=HISTORY.moments[:1])
    assert "How the training went" not in _page(tmp_path, replace(made_up.images(), history=alone)).text
    points = replace(made_up.points(2), history=replace(HISTORY, samples={0: X[:, 0, 0, :2]}))
    assert "The same latents" not in _page(tmp_path, points).text


def test_samples_of_one_latent_stand_beside_each_other(tmp_path):
    page = _page(tmp_path, made_up.images())
    alts = [attributes["alt"] for tag, attributes in page.tags if tag == "img"]
    first = alts.index("sample 1 before the removal")
    assert alts[first : first + 3] == [
        "sample 1 before the removal", "sample 1 after the removal", "sample 2 before the removal",
    ]  # fmt: skip


def test_images_lie_on_the_map_where_their_features_do_in_the_colour_of_their_harm(tmp_path):
    white, black = np.ones((1, 1, 8, 8), np.float32), -np.ones((1, 1, 8, 8), np.float32)
    plane = np.array([[0.0, 0.0], [1.0, 1.0]])  # black at the lower left, white at the upper right
    uri = collage_uri(np.concatenate([black, white]), plane, np.array([-1.0, 1.0]), "lower")
    picture = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    size = picture.width
    assert max(picture.getpixel((28, size - 28))) < 40
    assert min(picture.getpixel((size - 28, 28))) > 215
    red, _, blue = picture.getpixel((1, size - 28))
    assert red > blue + 60  # harmful: orange
    red, _, blue = picture.getpixel((size - 2, 28))
    assert blue > red + 60  # helpful: blue


def test_the_map_is_shown_where_there_is_one(tmp_path):
    shown = made_up_review.pictures()
    plane = np.random.default_rng(0).normal(size=(60, 2))
    with_map = Page(made_up_review.write(tmp_path / "a.html", shown, plane=plane).read_text("utf-8"))
    assert "A map of the images" in with_map.text
    assert "A map of the images" not in made_up_review.write(tmp_path / "b.html", shown).read_text("utf-8")
