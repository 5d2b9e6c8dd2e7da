"""The data behind the reviewing tool, and that it comes into the page safely. What it does: test_review_page.py."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace

import made_up_report as made_up
import made_up_review as reviewed
import numpy as np
import pytest
from page_reader import Page

from gansift.report import Shown, write_page
from gansift.report.sections.review import content
from gansift.report.views.sheets import sheets


def data_of(summary, pictures, **changes):
    found = content(summary, replace(pictures, review=reviewed.review(pictures, **changes)))
    return json.loads(str(found["data"]))


@pytest.mark.parametrize(("direction", "sign"), [("lower", 1), ("higher", -1)])
def test_everything_is_in_the_order_of_harm(direction, sign):
    one = made_up.only(reviewed.pictures())
    shuffled = np.random.default_rng(1).permutation(60)
    mixed = Shown.of(
        tuple(one.ids[row] for row in shuffled),
        sign * one.values[shuffled],
        tuple(one.labels[row] for row in shuffled),
        one.x[shuffled],
    )
    paths = tuple(f"p/{row}" for row in shuffled)
    data = data_of(made_up.summary(direction=direction), mixed, paths=paths, standard_error=shuffled / 100)
    assert data["ids"] == list(one.ids)
    assert data["paths"] == [f"p/{rank}" for rank in range(60)]
    assert np.allclose(data["scores"], sign * one.values, rtol=1e-5)
    assert np.allclose(data["means"], 0.8 * sign * one.values, rtol=1e-5)
    assert np.allclose(data["errors"], np.arange(60) / 100)
    assert data["classes"] == ["$dog$", "cat"]
    assert [data["classes"][place] for place in data["labels"]] == list(one.labels)
    straight = data_of(made_up.summary(), reviewed.pictures())
    assert data["nearest"]["training"] == straight["nearest"]["training"]
    assert data["sheets"]["training"] == straight["sheets"]["training"]


def test_only_generated_images_that_are_near_something_are_there():
    one = reviewed.pictures()
    data = data_of(made_up.summary(), one, nearest_generated=np.where(np.arange(60) < 30, 7, 3))
    assert data["nearest"]["generated"] == [1] * 30 + [0] * 30
    assert data["sheets"]["generated"] == sheets(reviewed.review(one).generated[[3, 7]])


def test_shares_are_those_of_the_shown_horizon_that_are_known():
    rows = made_up.report((160, 320))["grid"]
    rows[4] |= {"calibrated": None}
    rows[5] |= {"predicted": 0.0}
    data = data_of(made_up.summary(grid=rows), reviewed.pictures())
    assert data["shares"] == [[2, pytest.approx(0.275)]]
    ranking = made_up.summary(ranking=True, grid=[row | {"predicted": None, "calibrated": None} for row in rows])
    data = data_of(ranking, reviewed.pictures())
    assert (data["sums"], data["shares"]) == (False, [])


def test_what_is_not_finite_is_null():
    one = made_up.only(reviewed.pictures())
    broken = Shown.of(one.ids, np.where(np.arange(60) == 5, np.nan, one.values), one.labels, one.x)
    assert data_of(made_up.summary(), broken)["scores"].count(None) == 1


@pytest.fixture
def source(tmp_path, without_charts):
    return reviewed.write(tmp_path / "report.html", reviewed.pictures()).read_text(encoding="utf-8")


def test_no_file_name_ends_the_script_and_every_one_comes_through(source):
    page = Page(source)
    assert page.open == []
    assert "<b>.png" not in source
    (text,) = re.findall(r'<script type="application/json" id="review-data">(.*?)</script>', source, re.DOTALL)
    assert tuple(json.loads(text)["ids"]) == reviewed.IDS


def test_the_only_script_that_may_run_is_the_one_inside(source):
    page = Page(source)
    assert all(not attributes.get("src") for tag, attributes in page.tags if tag == "script")
    (policy,) = [a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    (script,) = re.findall(r"<script>(.*?)</script>", source, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; img-src data: file:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    )
    assert "://" not in source
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_every_field_has_a_name_for_those_who_do_not_see_it(source):
    page = Page(source)
    labelled = {a["for"] for tag, a in page.tags if tag == "label" and "for" in a}
    for tag, attributes in page.tags:
        inside_a_label = attributes.get("id") in ("review-class", "review-decision", "review-load")
        if tag in ("input", "select") and not inside_a_label:
            assert attributes.get("aria-label") or attributes.get("id") in labelled, attributes
    roles = {attributes.get("role") for _, attributes in page.tags}
    assert {"listbox", "status", "alert", "group"} <= roles


def test_what_is_printed_leaves_the_tool_out(source):
    assert "@media print { #review { display: none; } }" in source


def test_the_same_review_gives_the_same_bytes(source, tmp_path):
    again = reviewed.write(tmp_path / "again.html", reviewed.pictures())
    assert again.read_text(encoding="utf-8") == source


def test_without_a_review_there_is_no_script_and_points_have_none(without_charts, tmp_path):
    write_page(tmp_path / "report.html", made_up.summary(), made_up.points(2))
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in source
    assert "script-src" not in source
    assert "review" not in source


def test_what_a_person_decided_is_marked_wherever_it_stands(without_charts, tmp_path):
    one = made_up.only(made_up.images())
    gone = frozenset((one.ids[1], one.ids[50]))
    pictures = Shown.of(one.ids, one.values, one.labels, one.x, removed=gone)
    write_page(tmp_path / "report.html", made_up.summary(removed=2, decisions="decisions/0123456789ab.csv"), pictures)
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "What was removed is what a person decided on: 2 examples." in text
    assert "#1 · kept" in text
    assert "#2 class" in text
    assert "#51 class" in text
    assert "1 more removed example" in text
    assert "examples that a person decided on were removed" in text
    assert "most harmful removed" not in text
