import made_up_report as made_up
import numpy as np
import pytest
from page_reader import Page, written

from gansift.report import Shown, ShownSet


def two_sets() -> Shown:
    """60 images and 20 points; the images' row 0 is the most harmful, then the points' row 0."""
    images, points = made_up.only(made_up.images()), made_up.only(made_up.points(2))
    other = ShownSet(tuple(f"p/{row}" for row in range(20)), np.linspace(-0.049, 0.02, 20), None, points.x[:20])
    return Shown({"source": images, "target": other}, samples_before=points.x, samples_after=points.x + 1)


def test_every_example_of_several_sets_has_its_place():
    shown = two_sets()
    assert len(shown.ids) == len(shown.values) == 80
    name, one, row = shown.place(63)
    assert (name, one.ids[row], shown.ids[63]) == ("target", "p/3", "p/3")
    with pytest.raises(IndexError):
        shown.place(80)


def test_samples_are_like_the_set_of_their_shape():
    assert two_sets().sampled.ids[0] == "p/0"
    assert made_up.images().sampled.look.NOUN == "image"
    assert Shown.of(made_up.IDS, made_up.scores(), None, np.zeros((60, 2))).sampled is None


def test_each_set_is_shown_in_its_own_way_in_one_ranking(without_charts, tmp_path):
    text = Page(written(tmp_path, made_up.summary(removed=2), two_sets())).text
    harmful = " ".join(text.split("The most harmful examples")[1].split("The most helpful")[0].split())
    assert harmful.index("#1 of source") < harmful.index("p/0 target") < harmful.index("#3 · kept of source")
    assert "removed" in harmful.split("p/0 target")[1][:40]
    assert "Where the harmful examples lie: target" in text


def test_a_game_without_samples_is_not_said_to_have_any(without_charts, tmp_path):
    one = made_up.only(made_up.points(2))
    nouns = {"example": "point", "trained": "model"}
    shown = Shown.of(one.ids, one.values, None, one.x)
    text = Page(written(tmp_path, made_up.summary(samples=False, nouns=nouns), shown)).text
    for word in ("generator", "latent", "Samples", "samples"):
        assert word not in text
    assert "of an untrained model" in text
