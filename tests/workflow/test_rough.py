"""The first estimate: the work that is counted, at the pace of one step, and said before anything is measured."""

from __future__ import annotations

import pytest

from gansift.workflow import looking, rough, stages
from gansift.workflow.jobs import to_do
from gansift.workflow.new_models import jobs_until
from tiny_run import FLAGS, gansift, request

SETTINGS = {
    "source": "normal-1d", "steps": 8, "scoring_seeds": 2, "choosing_seeds": 2, "judging_seeds": 3, "remove": "5,9",
    "latents": 50, "width": 4, "jobs": 1, "baselines": "density",
}  # fmt: skip


@pytest.fixture
def place():
    return stages.resolved(request(SETTINGS))


def test_it_is_all_work_one_job_after_the_other_at_the_pace_of_a_step(place, monkeypatch, tmp_path):
    monkeypatch.setattr(rough, "step_seconds", lambda place: 2.0)
    found = rough.rough(place)
    plan = place.plan()
    directory = stages.RunDirectory(tmp_path)
    known = sum(left.cost.work for left in to_do(directory, plan, jobs_until(plan, "cleanse")))
    # What judges: for each of 3 seeds everything, the choice, as many at random, and one other estimator, of 8 steps.
    assert found.seconds == pytest.approx(2.0 * (known + 3 * 8 * 4))
    assert str(found).endswith("with 1 job at a time, from one training step (2 s)")


def test_a_long_step_is_told_from_a_few_examples_and_a_short_one_is_timed_whole(place, monkeypatch):
    timed = []

    def clock(place, batch):
        timed.append(batch)
        return pace * batch

    monkeypatch.setattr(rough, "_timed", clock)
    whole, pace = place.config.batch, 1.0
    assert rough.step_seconds(place) == pytest.approx(whole)
    pace = 0.001
    assert rough.step_seconds(place) == pytest.approx(0.001 * whole)
    assert timed == [8, 8, whole]


@pytest.mark.parametrize(
    ("seconds", "found", "steps"), [([5.0, 0.4, 0.1, 0.2], 0.1, 4), ([5.0, 2.0, 0.1, 0.2], 2.0, 2)]
)
def test_a_step_that_waited_for_a_core_is_not_taken_for_the_pace(place, monkeypatch, seconds, found, steps):
    now, done, step = [0.0], [], rough.step_of(place)

    class Slow:
        ids, dtype, initial = step.ids, step.dtype, step.initial

        def __call__(self, state, number, weights):
            now[0] += seconds[number]
            done.append(number)
            return state

    monkeypatch.setattr(rough, "step_of", lambda place: Slow())
    monkeypatch.setattr(rough.time, "perf_counter", lambda: now[0])
    assert rough._timed(place, 8) == pytest.approx(found)
    assert done == list(range(steps))


def test_estimate_says_it_at_once_and_data_before_anybody_runs(monkeypatch):
    done = gansift("estimate", "normal-1d", *FLAGS[:-1])
    said = done.stderr.splitlines()
    assert said[0].startswith("first estimate: about ")
    assert said[1:3] == ["measuring: start", "measuring: training"]
    assert said[3].startswith("second estimate: about ")
    assert said[3].partition(" from ")[2].startswith("training steps with all jobs at work (")
    assert said[4:6] == ["measuring: scores and removals", "measuring: baselines and stacked retrainings"]
    assert said[-1] == "measuring: report"
    assert "total" in done.stdout
    monkeypatch.setattr(rough, "step_seconds", lambda place: 1000.0)
    text = gansift("data", "digits").stdout
    assert "That trains GANs of mlp networks on 8x8 images, 1,440 steps each, on cpu: about " in text
    assert "a GPU (--device cuda)" in text


def test_what_is_timed_is_what_is_advised():
    flags = ["--size", "16", "--skip-bad", "--fractions", "0.8,0.1,0.1"]
    assert looking._parsed(flags) == {"size": 16, "skip_bad": True, "fractions": "0.8,0.1,0.1"}
