"""How a run is cut into jobs does not show in its numbers."""

from __future__ import annotations

import pickle

import pytest

from gansift import influence, training
from gansift.cleansing import replicas
from gansift.cleansing.verify import random_removals, true_changes
from gansift.workflow.config import Config, Way
from gansift.workflow.jobs import Compare, Retrain, Score, Train, Try, pipeline, retrainings
from toys import MeanWave, examples, gan


@pytest.mark.parametrize("stacked", [1, 2, 7])
def test_retrainings_in_jobs_are_bit_for_bit_those_in_one_go(monkeypatch, stacked):
    optimizer = training.Adam(lr=0.02, eps=1e-2, eps_inside=True)
    run = training.train(gan(r1=0.3), examples(24), steps=8, batch_size=4, optimizers=optimizer)
    metric = MeanWave()
    monkeypatch.setattr(replicas, "_STACKED", stacked * sum(layout.size for layout in run.step.layouts.values()))
    assert replicas.stack_size(run.step) == stacked
    removals = random_removals(run, influence.itd(run, metric), count=17, removed=2)
    jobs = retrainings(run, 0, 6, removals)
    assert len(jobs) > 1
    assert [ids for job in jobs for ids in job.removals] == removals
    in_jobs = [change for job in jobs for change in true_changes(run, metric, job.removals, 6)]
    assert in_jobs == true_changes(run, metric, removals, 6)


def test_jobs_travel_to_other_processes_and_stay_equal():
    way = Way("aid", True)
    for job in (Train(1), Score(1, "aid"), Try(1, 20, way), Compare(1, (20, 5), way), Retrain(0, 20, (("a", "b"),))):
        assert pickle.loads(pickle.dumps(job)) == job
        assert len({job, pickle.loads(pickle.dumps(job))}) == 1


def test_what_others_wait_for_comes_first_and_the_longest_trials_before_the_shorter():
    way = Way("itd", False)
    config = Config(source="x", batch=10, steps=80, seeds=2, horizons="1,3,all", remove="5", schedule="alternating")
    assert pipeline(config, way, "cleanse", 100) == [
        Train(0), Train(1), Score(0, "itd"), Score(1, "itd"),
        Try(0, 80, way), Try(1, 80, way), Try(0, 30, way), Try(1, 30, way), Try(0, 10, way), Try(1, 10, way),
    ]  # fmt: skip
    assert pipeline(config, way, "train", 100) == [Train(0), Train(1)]
