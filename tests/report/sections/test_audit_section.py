import re
from dataclasses import replace

import made_up_answer
import made_up_report as made_up
import numpy as np
import pytest
from page_reader import Page, written

from gansift.report import Gallery
from gansift.report.answer import Curves, Scatter
from gansift.report.audit_figures import curves_chart, scatter_chart
from gansift.report.words import MINUS, MISSING


def source_of(tmp_path, *answers):
    return written(tmp_path, made_up.summary(), replace(made_up.points(2), answers=answers))


def section(source):
    return Page(source).text.split("Audit: copies")[1].split("What this shows")[0]


def test_everything_of_an_answer_is_on_the_page(tmp_path):
    source = source_of(tmp_path, made_up_answer.answer())
    text = section(source)
    for part in (
        "Some <samples> are copies: 7 % of them", "z-score; below 0 is closer (expected: 0)",
        "share of close <samples>", "Distances", "Left is closer.", "Features", "Two kinds apart.",
        "Closest pairs", "The closest first.",
        "a/<b>.png", "distance 0.2",
        f"0 0.0712 {MISSING} 1 0.0800 <odd>", "A note.", "What is shown.", "What is not shown.",
    ):  # fmt: skip
        assert part in text
    page = Page(source)
    assert page.open == []
    assert "<b>.png" not in source
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert [one["alt"] for one in pictures][:2] == ["sample, a/<b>.png", "training example, a/<b>.png"]
    assert all(one["src"].startswith("data:image/") for one in pictures)
    charts = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg" and "aria-label" in attributes]
    assert "share against distance: samples, held-out." in charts
    assert "second against first <way>. samples: 2 points; real: 1 point." in charts
    assert any(
        label.startswith(f"Numbers with 95 % intervals. c_t: {MINUS}12.5 ({MINUS}14 to {MINUS}10)") for label in charts
    )


@pytest.mark.parametrize(("finding", "word"), [(True, "found"), (False, "not found"), (None, "cannot tell")])
def test_the_finding_is_told_in_a_word(without_charts, tmp_path, finding, word):
    assert section(source_of(tmp_path, made_up_answer.answer(finding=finding))).strip().startswith(word)


def test_a_bare_answer_is_only_its_verdict(without_charts, tmp_path):
    bare = {"numbers": {}, "tables": {}, "curves": {}, "scatters": {}, "pictures": {}, "shown": (), "not_shown": ()}
    text = section(source_of(tmp_path, made_up_answer.answer(**bare)))
    assert " ".join(text.split()) == "found Some <samples> are copies: 7 % of them (95 % interval 5 to 9 %)."


def test_points_are_written_out(without_charts, tmp_path):
    gallery = Gallery(("sample", "training example"), np.array([[[1.0, 2.0], [1.5, 2.5]]]), ("distance 0.7",))
    text = section(source_of(tmp_path, made_up_answer.answer(pictures={"Pairs": gallery})))
    assert "1.00, 2.00 sample 1.50, 2.50 training example distance 0.7" in text


def test_without_audits_there_is_no_section_and_several_follow_one_another(without_charts, tmp_path):
    assert "Audit:" not in Page(source_of(tmp_path)).text
    text = Page(source_of(tmp_path, made_up_answer.answer(audit="a"), made_up_answer.answer(audit="b"))).text
    assert text.index("Audit: a") < text.index("Audit: b")


def test_a_single_point_is_drawn_though_it_makes_no_line():
    def marks(lines):
        return curves_chart(Curves("x", "y", lines), "one").count("<use")

    line = {"line": ((0.0, 1.0), (0.0, 1.0))}
    assert marks(line | {"point": ((0.5,), (0.5,))}) >= marks(line | {"other": ((0.2, 0.5), (0.5, 0.5))}) + 1


def test_every_point_of_a_kind_has_its_mark_and_kinds_have_shapes_of_their_own():
    def marks(points):
        drawn = scatter_chart(Scatter("x", "y", points), "one")
        return drawn.count("<use"), drawn

    one, other = ((0.0, 1.0, 0.5), (0.0, 1.0, 0.2)), ((0.2, 0.4), (0.9, 0.8))
    axes, _ = marks({"one": ((0.0, 1.0), (0.0, 1.0)), "other": ((0.5,), (0.5,))})
    more, drawn = marks({"one": ((0.0, 1.0, 0.5), (0.0, 1.0, 0.2)), "other": ((0.5, 0.2), (0.5, 0.9))})
    assert more == axes + 2
    alone, single = marks({"one": (one[0] + other[0], one[1] + other[1])})
    assert alone < more  # a mark of the legend less
    assert len(set(re.findall(r'href="(#one-m[^"]*)"', drawn))) > len(set(re.findall(r'href="(#one-m[^"]*)"', single)))
