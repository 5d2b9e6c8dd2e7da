"""Jobs: how a run is cut into them does not show in its numbers, and each says what it needs and what it costs."""

from __future__ import annotations

import pickle

import pytest

from configs import config
from gansift import training
from gansift.cleansing import replicas
from gansift.cleansing.retraining import Harmful, Ids, Random, ScoresOf, changes
from gansift.cleansing.trial import Cell
from gansift.cleansing.verify import random_removals
from gansift.workflow.config import Decided, Way
from gansift.workflow.cost import Cost, ToDo
from gansift.workflow.directory import RunDirectory
from gansift.workflow.jobs import Retrain, Score, Train, comparison, pipeline, retrainings, to_do, trial
from gansift.workflow.plan import Plan, metric_key
from toys import MeanWave, examples, gan

CONFIG = config()
PLAN = Plan(CONFIG, 100, 10, Way("itd", False))
FID = (metric_key(CONFIG, "fid"),)
ON_80 = ScoresOf(*FID, "itd", 80, (0,))


@pytest.mark.parametrize("stacked", [1, 2, 7])
def test_retrainings_in_jobs_are_bit_for_bit_those_in_one_go(monkeypatch, stacked):
    optimizer = training.Adam(lr=0.02, eps=1e-2, eps_inside=True)
    run = training.train(gan(r1=0.3), examples(24), steps=8, batch_size=4, optimizers=optimizer)
    metric = MeanWave()
    monkeypatch.setattr(replicas, "_STACKED", stacked * sum(layout.size for layout in run.step.layouts.values()))
    assert replicas.stack_size(run.step) == stacked
    removals = random_removals(run, run.ids, count=17, removed=2)
    jobs = retrainings(0, *FID, 6, removals, stacked)
    assert len(jobs) > 1
    assert [removal.ids for job in jobs for removal in job.removals] == removals
    in_jobs = [
        change
        for job in jobs
        for change in changes(run, [removal.ids for removal in job.removals], job.horizon, [metric])
    ]
    assert in_jobs == changes(run, removals, 6, [metric])


def test_jobs_travel_to_other_processes_and_stay_equal():
    for job in (
        Train(1, FID), Score(1, FID, "aid", (10, 80)), trial(PLAN, 1, 20), comparison(PLAN, 1, Cell(20, 5)),
        Retrain(0, FID, 20, (Ids(("a", "b")),), "verify"),
    ):  # fmt: skip
        assert pickle.loads(pickle.dumps(job)) == job
        assert len({job, pickle.loads(pickle.dumps(job))}) == 1


def test_what_others_wait_for_comes_first_and_the_longest_trials_before_the_shorter():
    assert pipeline(PLAN, "cleanse") == [
        Train(0, FID), Train(1, FID), Score(0, FID, "itd", (10, 30, 80)), Score(1, FID, "itd", (10, 30, 80)),
        *(trial(PLAN, seed, horizon) for horizon in (80, 30, 10) for seed in (0, 1)),
    ]  # fmt: skip
    assert pipeline(PLAN, "train") == [Train(0, FID), Train(1, FID)]


def test_a_trial_removes_the_most_harmful_then_as_many_at_random():
    harmful = Harmful(ON_80, 5)
    assert trial(PLAN, 0, 80) == Retrain(0, FID, 80, (harmful, Random(harmful, 80)))
    decided = Plan(CONFIG, 100, 10, Way("aid", True, Decided("0123", 7)))
    by = ScoresOf(*FID, "aid", 10, (1,), "0123")
    assert trial(decided, 1, 10) == Retrain(1, FID, 80, (Harmful(by, 7), Random(Harmful(by, 7), 10)))


def test_a_retraining_waits_for_the_scores_of_all_seeds_that_say_what_it_removes(tmp_path):
    """Seed 7 is scored by nobody: it judges what the mean over the seeds 0, 1 and 2 calls harmful."""
    directory, by = RunDirectory(tmp_path), ON_80._replace(seeds=(0, 1, 2))
    judging = Retrain(7, ("kid@50", *FID), 80, (Harmful(by, 5), Random(Harmful(by, 5), 80)))
    assert judging.needs == (Train(7, ("kid@50", *FID)), *(Score(seed, FID, "itd", (80,)) for seed in (0, 1, 2)))
    _touch([directory.unscored(1, *FID, "itd", 80)])
    assert not judging.done(directory)
    for need in judging.needs:
        _touch(need.paths(directory))
    assert judging.done(directory)  # seed 1 was scored, and has no scores at this horizon: there is nothing to judge
    directory.unscored(1, *FID, "itd", 80).unlink()
    assert not judging.needs[2].done(directory)
    _touch([directory.scores(1, *FID, "itd", 80)])
    assert judging.needs[2].done(directory)
    assert not judging.done(directory)
    _touch(judging.paths(directory)[:1])
    assert not judging.done(directory)
    _touch(judging.paths(directory))
    assert judging.done(directory)


def test_scores_that_nobody_waits_for_are_not_needed():
    assert comparison(PLAN, 0, Cell(30, 5)).needs == (Train(0, FID),)


def _touch(paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_each_metric_horizon_and_set_of_removals_has_a_file_of_its_own(tmp_path):
    directory, one = RunDirectory(tmp_path), Harmful(ON_80, 5)
    jobs = [
        Retrain(0, FID, 80, (one,)), Retrain(0, FID, 30, (one,)), Retrain(0, FID, 80, (one, one)),
        Retrain(0, ("kid@50",), 80, (one,)), Retrain(1, FID, 80, (one,)), Retrain(0, FID, 80, (Harmful(ON_80, 6),)),
        Retrain(0, FID, 80, (Random(one, 80),)),
        Retrain(0, FID, 80, (Random(Harmful(ON_80._replace(metric="kid@50"), 5), 80),)),
    ]  # fmt: skip
    assert len({job.paths(directory)[0] for job in jobs}) == len(jobs)
    both = Retrain(0, (*FID, "kid@50"), 80, (one,))
    assert both.paths(directory) == [jobs[0].paths(directory)[0], jobs[3].paths(directory)[0]]


def test_every_job_says_what_it_costs(tmp_path):
    directory, two = RunDirectory(tmp_path), (*FID, "kid@50")
    assert Train(0, two).cost(directory, PLAN) == Cost(steps=80, saved=11, loaded=2, values=4)
    swept = ("itd", (10, 30, 80))
    assert Score(0, two, "itd", (10, 30, 80)).cost(directory, PLAN) == Cost(swept=(swept,), scores=6, growth=160)
    assert Score(0, FID, "density", (10,)).cost(directory, PLAN).growth == 0
    assert (
        Score(0, two, "without-propagation", (10, 30, 80)).cost(directory, PLAN).swept
        == (("without-propagation", swept[1]),) * 2
    )
    assert trial(PLAN, 0, 30).cost(directory, PLAN) == Cost(values=2, replicas=2, redone=30)
    compared = comparison(PLAN, 0, Cell(30, 5)).cost(directory, PLAN)
    assert compared == Cost(values=1, swept=(("density", (30,)),), replicas=1, redone=30)
    verified = Retrain(0, FID, 30, (Ids(("a", "b")), Ids(("c", "d"))), "verify").cost(directory, PLAN)
    assert verified == Cost(values=2, replicas=2, redone=30, listed=4)


def test_progress_counts_training_steps_sweeps_and_retrainings(tmp_path):
    costs = [Cost(steps=80), Cost(swept=(("itd", (10, 30)), ("density", (30,)))), Cost(replicas=3, redone=30)]
    assert [cost.work for cost in costs] == [80, 3.5 * 30, 90]


def test_what_is_left_says_what_has_to_come_first(tmp_path):
    directory = RunDirectory(tmp_path)
    jobs = [Train(0, FID), Train(1, FID), Score(1, ("kid@50", *FID), "itd", (10, 30)), trial(PLAN, 1, 30)]
    assert [(left.stage, left.needs) for left in to_do(directory, PLAN, jobs)] == [
        ("train", ()), ("train", ()), ("score", ()), ("cleanse", (1, 2)),
    ]  # fmt: skip
    assert not Score(1, FID, "itd", (10,)).gives(Score(1, FID, "itd", (30,)))
    _touch(Train(1, FID).paths(directory))
    left = to_do(directory, PLAN, jobs)
    assert left[-1] == ToDo("cleanse", trial(PLAN, 1, 30).cost(directory, PLAN), (1,))
