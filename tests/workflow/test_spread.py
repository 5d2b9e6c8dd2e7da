"""Jobs are begun when what they need is there, never twice, and again if their worker died."""

from __future__ import annotations

import random
from concurrent.futures import Future
from dataclasses import dataclass

import pytest

from configs import config
from gansift.errors import GansiftError
from gansift.workflow import spread
from gansift.workflow.config import Way
from gansift.workflow.directory import RunDirectory
from gansift.workflow.executors import Outcome
from gansift.workflow.jobs import Retrain, Score, Train, pipeline
from gansift.workflow.plan import Plan
from gansift.workflow.seed import read_seconds

PLAN = Plan(config(steps=40, seeds=4, horizons="1,2,all"), 500, 10, Way("itd", False))
METRICS = (PLAN.metric,)


class WorkerDiedError(Exception):
    """What a future raises whose worker died."""


@dataclass
class Pretending:
    """Ends jobs in a random order, and touches the files that they would write."""

    directory: RunDirectory
    size: int = 3
    scored: tuple[int, ...] = (10, 20, 40)  # horizons that get scores
    stop_after: int = 10**9
    outcomes: dict = None  # of a job's tries, one after the other; done without error if nothing is said

    def __post_init__(self):
        self.begun, self.running, self.random = [], {}, random.Random(0)

    def submit(self, job, tick):
        assert all(need.done(self.directory) for need in job.needs), f"{job} was begun too early"
        assert job not in self.running.values()
        assert len(self.running) < self.size
        if len(self.begun) == self.stop_after:
            raise KeyboardInterrupt
        self.begun.append(job)
        future = Future()
        self.running[future] = job
        if len(self.running) == self.size:
            self._end_one()
        return future

    def relay(self, tick):
        if self.running:
            self._end_one()

    def _end_one(self):
        future = self.random.choice(list(self.running))
        job = self.running.pop(future)
        tries = (self.outcomes or {}).get(job, [])
        outcome = tries.pop(0) if tries else Outcome(1.0)
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
            return
        if outcome.error is None:
            self._write(job)
        future.set_result(outcome)

    def _write(self, job):
        paths = job.paths(self.directory)
        if isinstance(job, Score):
            kinds = [self.directory.scores if h in self.scored else self.directory.unscored for h in job.horizons]
            tried = zip(kinds, job.horizons, strict=True)
            paths = [paths[0], *(kind(job.seed, *METRICS, job.estimator, horizon) for kind, horizon in tried)]
        assert not any(path.exists() for path in paths), f"{job} was done twice"
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def died(self, error):
        return isinstance(error, WorkerDiedError)


@pytest.fixture
def directory(tmp_path):
    return RunDirectory(tmp_path)


def _run(directory, executor, last="cleanse"):
    jobs = pipeline(PLAN, last)
    spread.run_jobs(directory, jobs, executor, lambda amount: None)
    return jobs


def test_every_job_is_done_once_after_what_it_needs(directory):
    executor = Pretending(directory)
    jobs = _run(directory, executor)
    assert sorted(map(str, executor.begun)) == sorted(map(str, jobs))
    assert len(jobs) == 4 * (1 + 1 + 3)
    assert read_seconds(directory, 3) == {"train": 1.0, "score": 1.0, "cleanse": 3.0, "verify": 0.0}


@pytest.mark.parametrize("stop_after", range(0, 20, 3))
def test_stopped_at_any_moment_the_next_call_does_the_rest(directory, stop_after):
    first = Pretending(directory, stop_after=stop_after)
    with pytest.raises(KeyboardInterrupt):
        _run(directory, first)
    finished = [job for job in first.begun if job.done(directory)]
    second = Pretending(directory)
    jobs = _run(directory, second)
    assert all(job.done(directory) for job in jobs)
    assert not set(finished) & set(second.begun)
    assert len(finished) + len(second.begun) == len(jobs)


def test_no_trial_is_begun_at_a_horizon_without_scores(directory):
    executor = Pretending(directory, scored=(10, 20))
    _run(directory, executor)
    assert {job.horizon for job in executor.begun if isinstance(job, Retrain)} == {10, 20}


def test_after_a_failure_nothing_more_is_begun_and_the_running_ones_land(directory):
    executor = Pretending(directory, outcomes={Train(1, METRICS): [Outcome(0.0, GansiftError("NaN in seed 1"))]})
    with pytest.raises(GansiftError, match="NaN in seed 1"):
        _run(directory, executor, "train")
    assert not executor.running
    assert [job.done(directory) for job in executor.begun] == [job != Train(1, METRICS) for job in executor.begun]
    assert len(executor.begun) < 6
    _run(directory, Pretending(directory), "train")


def test_a_job_whose_worker_died_is_begun_again(directory, caplog):
    executor = Pretending(
        directory,
        outcomes={
            Train(2, METRICS): [WorkerDiedError(), WorkerDiedError()],
            Score(0, METRICS, "itd", (10, 20, 40)): [WorkerDiedError()],
        },
    )
    jobs = _run(directory, executor)
    assert len(executor.begun) == len(jobs) + 3
    assert all(job.done(directory) for job in jobs)
    assert caplog.text.count("training seed 2: its worker died") == 2


def test_a_job_that_three_workers_die_of_is_named_and_what_is_done_is_kept(directory):
    executor = Pretending(directory, outcomes={Train(2, METRICS): [WorkerDiedError("no memory")] * 3})
    with pytest.raises(GansiftError, match=r"training seed 2: 3 workers died of it .* no memory .* smaller --jobs"):
        _run(directory, executor)
    assert executor.begun.count(Train(2, METRICS)) == 3
    assert not executor.running
    again = Pretending(directory)
    _run(directory, again)
    assert Train(2, METRICS) in again.begun
    assert Train(0, METRICS) not in again.begun


def test_a_fault_in_the_code_is_raised_as_it_is(directory):
    with pytest.raises(ZeroDivisionError):
        _run(directory, Pretending(directory, outcomes={Train(0, METRICS): [ZeroDivisionError()]}))


def test_a_result_that_stays_on_another_machine_is_refused(directory, monkeypatch):
    monkeypatch.setattr(spread, "_PATIENCE", 0.2)
    executor = Pretending(directory)
    executor._write = lambda job: None
    with pytest.raises(GansiftError, match=r"values/fid\.json cannot be seen here.*must share the file system"):
        _run(directory, executor)
