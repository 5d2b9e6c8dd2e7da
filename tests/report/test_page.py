import functools
import re
import tempfile
from pathlib import Path

import made_up_report as made_up
import numpy as np
import pytest
from markupsafe import escape
from page_reader import Page, written

from gansift.report import Shown

MINUS = "\N{MINUS SIGN}"
TWICE = [made_up.verification(), made_up.verification(horizon=160, epochs=10.0)]
CASES = {
    "images": (made_up.summary((160, 320), verification=TWICE), made_up.images()),
    "colour": (made_up.summary(), made_up.images(3, 80)),
    "points in a plane": (made_up.summary(direction="higher", metric="all-h0.1@2000"), made_up.points(2)),
    "points on a line": (made_up.summary(), made_up.points(1)),
    "nothing helped": (made_up.nothing_helped(), made_up.images()),
}


@functools.cache
def source_of(case: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return written(Path(folder), *CASES[case])


@pytest.mark.parametrize("case", CASES)
def test_the_page_is_well_formed_and_loads_nothing(case):
    source = source_of(case)
    page = Page(source)
    assert page.open == []
    assert "://" not in source
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object")
        for name in ("src", "href", "xlink:href", "data", "srcset"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/"))
    assert not re.search(r"@import|url\((?!#)", source)


@pytest.mark.parametrize("case", CASES)
def test_ids_are_unique_and_references_are_met(case):
    page = Page(source_of(case))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    wanted = {a["href"][1:] for _, a in page.tags if (a.get("href") or "").startswith("#")}
    wanted |= {a["clip-path"][5:-1] for _, a in page.tags if "clip-path" in a}
    assert wanted <= set(ids)


@pytest.mark.parametrize("case", CASES)
def test_every_picture_has_an_alternative_text(case):
    page = Page(source_of(case))
    assert all(attributes.get("alt") for tag, attributes in page.tags if tag == "img")
    assert all(a.get("aria-label") for tag, a in page.tags if tag == "svg" and "aria-hidden" not in a)


def test_same_input_gives_the_same_bytes(tmp_path):
    assert written(tmp_path, *CASES["points in a plane"]) == source_of("points in a plane")


def test_same_images_give_the_same_bytes(without_charts, tmp_path):
    assert written(tmp_path, *CASES["colour"]) == written(tmp_path, *CASES["colour"])


def test_file_names_and_texts_are_escaped():
    source = source_of("images")
    assert "<b>.png" not in source
    assert "<odd>" not in source
    assert "<i>" not in source
    text = Page(source).text
    for shown in ("a/<b>.png", "a/quote\"'&.png", "Something <odd> happened.", "c/<i>.png", "$dog$"):
        assert shown in text


@pytest.mark.parametrize(("direction", "sign"), [("lower", 1), ("higher", -1)])
def test_harmful_examples_stand_first_and_every_removed_one_is_there(without_charts, tmp_path, direction, sign):
    one = made_up.only(made_up.images())
    pictures = Shown.of(one.ids, sign * one.values, one.labels, one.x)
    source = written(tmp_path, made_up.summary(direction=direction, removed=25), pictures)
    harmful, helpful = source.split("<h2>The most harmful examples</h2>")[1].split("<h2>The most helpful examples</h2>")
    order = [harmful.index(str(escape(identity))) for identity in made_up.IDS[:25]]
    assert order == sorted(order)
    assert made_up.IDS[25] not in harmful
    assert made_up.IDS[59] in helpful
    assert made_up.IDS[59] not in harmful


def test_kept_examples_among_the_most_harmful_are_marked():
    page = Page(source_of("images"))
    assert "#4 class" in page.text
    assert "#5 · kept" in page.text


@pytest.mark.parametrize(
    ("direction", "convention"),
    [
        ("lower", "negative = removing it lowers (improves) FID = harmful"),
        ("higher", "positive = removing it raises (improves) FID = harmful"),
    ],
)
def test_the_sign_convention_follows_the_direction(without_charts, tmp_path, direction, convention):
    text = Page(written(tmp_path, made_up.summary(direction=direction), made_up.images())).text
    assert "score = predicted change of FID if this example is removed" in text
    assert convention in text


def test_the_verdict_and_the_numbers_are_there():
    page = Page(source_of("images"))
    assert [tag for tag, _ in page.tags].count("h1") == 1
    for words in (
        "Removing 4 of 60 lowers FID by 0.32 (95 % interval 0.16 to 0.48).",
        "4 examples of 60 removed (6.7 %), 56 kept",
        "9.000 → 8.680",
        "95 % interval \N{MINUS SIGN}0.480 to \N{MINUS SIGN}0.160",
        "77.70",
        "7 min 11 s",
        "Class cat lost the largest share: 3 of 40 (7.5 %).",
        " 2 11.00 10.50 \N{MINUS SIGN}0.500 11.12 +0.125",
        "0, 0.99",
        "1 file skipped",
        "corrected validation 95 % interval random",
        f" 320 4 {MINUS}1.60 {MINUS}0.440 {MINUS}0.400 ",
    ):
        assert words in page.text


def test_what_real_data_reach_stands_where_the_values_are_explained(without_charts, tmp_path):
    whole = made_up.report()
    assert "Real against real" not in Page(written(tmp_path, made_up.summary(), made_up.images())).text
    text = Page(written(tmp_path, made_up.summary(test=whole["test"] | {"floor": 0.4123}), made_up.images())).text
    assert "Real against real: 0.4123" in text
    assert "It is not the published FID" in text


def test_the_page_says_what_was_not_shown():
    text = Page(source_of("images")).text
    assert "(2, 4, 8 at a time)" in text
    assert "from step 960 on were still seen by training before that step" in text


def test_retraining_from_scratch_does_not_claim_that_removed_examples_were_seen(without_charts, tmp_path):
    text = Page(written(tmp_path, made_up.summary(from_start=True), made_up.images())).text
    assert "still seen" not in text
    assert "never seen" in text


def test_nothing_helped_says_that_everything_is_kept():
    text = Page(source_of("nothing helped")).text
    assert "Nothing helped; all 60 training examples are kept." in text
    assert "Nothing is removed: all 60 training examples are kept." in text
    assert "no improvement shown" in text
    assert "helped on test data" not in text
    assert not re.search(r"\bNone\b(?! of)", text)
    assert "nan" not in text


def test_a_choice_that_test_data_refute_removes_nothing_and_says_so(without_charts, tmp_path):
    verdict = {"helped": False, "sentence": "No gain on test data; everything is kept."}
    text = Page(written(tmp_path, made_up.summary(removed=0, verdict=verdict), made_up.images())).text
    assert "all 60 training examples are kept" in text
    assert "Removing 4 looked best on validation data, but test data did not confirm it." in text
    assert "Compared with 4 removed at random" in text
    assert "there is only one generator" in text


def test_missing_values_are_dashes_or_left_out(tmp_path):
    whole = made_up.report()
    grid = [dict.fromkeys(row) | {key: row[key] for key in ("horizon", "removed")} for row in whole["grid"]]
    empty = {key: dict.fromkeys(whole[key]) for key in ("validation", "test", "times")}
    source = {**whole["source"], "shape": None, "classes": None}
    bare = made_up.summary(
        grid=grid, **empty, source=source, seconds=None, classes=None, growth=[], seeds=1,
        per_seed=[{"seed": 0, "before": None, "after": None, "random": None}],
    )  # fmt: skip
    one = made_up.only(made_up.images())
    text = Page(written(tmp_path, bare, Shown.of(one.ids, one.values, None, one.x))).text
    assert not re.search(r"\bNone\b(?! of)", text)
    assert "Samples before and after" not in text
    assert "Only one training seed was run" in text
    assert "\N{EN DASH} → \N{EN DASH}" in text


def test_an_empty_grid_and_scores_of_zero_still_make_a_page(tmp_path):
    one = made_up.only(made_up.images())
    flat = Shown.of(one.ids, np.zeros(60), None, one.x)
    text = Page(written(tmp_path, made_up.nothing_helped(grid=[]), flat)).text
    assert "No removal was tried." in text
    assert "No example has a harmful score." in text


def test_the_chosen_point_is_named_once_for_each_split():
    text = Page(source_of("images")).text
    assert len(re.findall(r"\bchosen\b", text.split("On validation data")[1].split("All numbers")[0])) == 2


def test_seeds_judged_at_another_choice_are_named(without_charts, tmp_path):
    text = Page(written(tmp_path, made_up.summary(), made_up.images())).text
    assert "judged by the horizon and number that the other seeds choose" in text
    assert "seed 1: 2 at 320 steps" in text


def test_a_file_name_that_is_not_unicode_does_not_stop_the_report(without_charts, tmp_path):
    one = made_up.only(made_up.images())
    odd = Shown.of(("bad\udcff.png", *one.ids[1:]), one.values, one.labels, one.x)
    assert "bad\\udcff.png" in written(tmp_path, made_up.summary(), odd)
