"""The page of a run that asked about new models says what it is about, whatever came out."""

from __future__ import annotations

from dataclasses import replace

from made_up_report import images, report, summary

from gansift.report.page import write_page
from gansift.report.summary import NewModels

FOUND = NewModels(
    before=7.4, after=2.6, change=-4.8, ci95=(-5.9, -3.8), random_change=-0.9, random_ci95=(-2.5, 0.7),
    difference=-3.9, difference_ci95=(-5.7, -2.2), removed=4, finding="better", scoring_seeds=4, choosing_seeds=3,
    judging_seeds=16, error_of_seeds=0.41, error_of_examples=0.25, error_of_latents=0.14, looks=24, reliability=0.91,
    seeds_needed=2, surely_harmful=97,
)  # fmt: skip


def _page(folder, **changes):
    about = replace(summary(from_start=True), question="new-models", new_models=FOUND, verification=(), **changes)
    write_page(folder / "report.html", about, images())
    return (folder / "report.html").read_text("utf-8")


def test_it_tells_roles_of_seeds_reliability_and_where_the_uncertainty_comes_from(tmp_path):
    page = _page(tmp_path)
    assert "4 trainings were scored, 3 fresh ones chose how many examples to remove, and 16 further ones judged" in page
    assert "0.91" in page
    assert "training seeds 0.41, which examples were held out 0.25, which latents were drawn 0.14" in page
    assert "What was chosen for this very training" not in page
    assert "gansift verify RUN_DIR" not in page  # scores of new models are proved otherwise


def test_an_interval_over_seeds_alone_claims_no_more(tmp_path):
    about = replace(FOUND, error_of_examples=None, error_of_latents=None)
    write_page(tmp_path / "report.html", replace(summary(), question="new-models", new_models=about), images())
    assert "The interval covers training seeds alone." in (tmp_path / "report.html").read_text("utf-8")


def test_one_scored_training_is_said_to_know_nothing_of_others(tmp_path):
    write_page(
        tmp_path / "report.html",
        replace(summary(), question="new-models", new_models=replace(FOUND, scoring_seeds=1, seeds_needed=None)),
        images(),
    )
    assert "one training cannot tell how much others differ" in (tmp_path / "report.html").read_text("utf-8")


def test_the_answer_to_the_other_question_stands_on_the_page(tmp_path):
    assert "And this very model?" in _page(tmp_path, this_model=report())
    write_page(tmp_path / "this.html", replace(summary(), new_models=FOUND), images())
    assert "And new generators?" in (tmp_path / "this.html").read_text("utf-8")
    assert "And this very model?" not in _page(tmp_path, this_model={"of": "a later version"})


def test_the_page_says_with_how_many_other_draws_updates_were_looked_at_and_is_silent_without_any(tmp_path):
    said = "Each update was looked at with 1 other draw of batch and random numbers"
    for redraws in (0, 1):
        about = replace(summary(from_start=True), question="new-models", new_models=replace(FOUND, redraws=redraws))
        write_page(tmp_path / "report.html", about, images())
        assert (said in (tmp_path / "report.html").read_text("utf-8")) == bool(redraws)
