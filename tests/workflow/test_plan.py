"""What a run is asked to do is told from its configuration alone; each metric has a name that is fit for a file."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from configs import config
from gansift.errors import UsageError
from gansift.workflow import plan
from gansift.workflow.config import Decided, Way
from gansift.workflow.plan import Plan, metric_key

CONFIG = config(remove="5,20%", verify=6, baselines="none")
PLAN = Plan(CONFIG, 100, 10, Way("itd", False))


def test_horizons_are_steps_and_numbers_are_those_of_the_examples():
    assert (PLAN.horizons, PLAN.counts) == ([10, 30, 80], [5, 20])
    assert replace(PLAN, epoch=5).horizons == [5, 15, 80]
    assert replace(PLAN, epoch=2.5).horizons == [2, 8, 80]
    assert Plan(CONFIG, 100, 10, Way("itd", False, Decided("0123", 7))).counts == [7]


def test_removal_from_the_start_redoes_the_whole_run():
    assert [Plan(CONFIG, 100, 10, Way("itd", from_start)).redone(30) for from_start in (False, True)] == [30, 80]


@pytest.mark.parametrize(("examples", "verify", "found"), [(100, 6, (6, 2)), (4, 6, (4, 1)), (100, 2, (0, 2))])
def test_scores_are_verified_by_removals_of_two_percent_or_of_single_examples(examples, verify, found):
    assert Plan(replace(CONFIG, verify=verify), examples, 10, PLAN.way).verified == found


def test_the_choice_is_compared_with_itd_and_the_configured_estimators_but_not_with_itself():
    baselines = replace(CONFIG, baselines="density,random")
    assert Plan(baselines, 100, 10, Way("itd", False)).compared == ["density"]
    assert Plan(baselines, 100, 10, Way("density", False)).compared == ["itd"]
    assert Plan(baselines, 100, 10, Way("density", False, Decided("0123", 7))).compared == ["itd", "density"]


@pytest.mark.parametrize("wrong", [{"horizons": "never"}, {"remove": "100"}, {"baselines": "magic"}])
def test_what_cannot_be_understood_is_refused(wrong):
    with pytest.raises(UsageError):
        replace(PLAN, config=replace(CONFIG, **wrong)).check()
    PLAN.check()


def test_another_metric_other_features_and_more_latents_have_other_names(tmp_path):
    configs = [
        replace(CONFIG, metric=metric, features=features, latents=latents)
        for metric in ("fid", "kid", "own:Gap", f"{tmp_path}/own.py:Gap", "a/own.py:Gap", "a/own.py:gap")
        for features in ("auto", "imagenet", "imagenet:128", f"{tmp_path}/net.pt", "net.pt@clean")
        for latents in (50, 2000)
    ]
    names = [metric_key(config, config.metric) for config in configs]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[\w-]+(@50)?", name) for name in names)
    assert metric_key(CONFIG, "fid") == "fid"  # what is usual is not said
    assert metric_key(replace(CONFIG, features="imagenet", latents=50), "kid") == "kid-imagenet@50"


def test_of_several_metrics_each_has_its_own_name_and_the_first_one_decides():
    several = replace(PLAN, config=replace(CONFIG, metric="fid, kid", latents=50))
    assert (several.metrics, several.metric) == (("fid@50", "kid@50"), "fid@50")


def test_a_metric_whose_file_was_edited_is_another_one(tmp_path):
    file = tmp_path / "own.py"
    names = []
    for text in ("a = 1", "a = 2"):
        file.write_text(text)
        plan._content.cache_clear()  # every command reads it once
        names.append(metric_key(CONFIG, f"{file}:Gap"))
    assert len(set(names)) == 2
