"""Jobs of a run as tasks: in the order of their needs, in any process to the same bytes, no trial without scores."""

from __future__ import annotations

import os
import platform
import signal
import threading
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from configs import config
from executing import Pretending
from gansift import lock
from gansift.errors import DataError, GansiftError, TrainingError
from gansift.spread.executors import Here
from gansift.spread.processes import Processes
from gansift.spread.tasks import run_tasks
from gansift.workflow import place, stages
from gansift.workflow.config import NO_CLUSTER, Way
from gansift.workflow.directory import RunDirectory
from gansift.workflow.job_tasks import JobTask, workers
from gansift.workflow.jobs import Retrain, Score, Train, pipeline
from gansift.workflow.plan import Plan
from gansift.workflow.request import requested
from gansift.workflow.seed import read_seconds

PLAN = Plan(config(steps=40, seeds=4, horizons="1,2,all"), 500, 10, Way("itd", False))
SMALL = {
    "for_this_model": True, "steps": 40, "seeds": 2, "horizons": "1,all", "remove": "5", "latents": 50, "width": 4,
    "batch": 100, "verify": 0,
}  # fmt: skip
METRICS = ("all@50",)


@dataclass(frozen=True)
class DiesOnce(Train):
    """Kills its process in the middle of training, the first time."""

    def run(self, directory, place, tick):
        steps, died = 0, directory.root / f"died-{self.seed}"

        def count(amount):
            nonlocal steps
            steps += 1
            if steps == 25 and not died.exists():
                died.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            tick(amount)

        super().run(directory, place, count)


def _writer(scored):
    """What touches the files of a job whose scores can be believed at these horizons."""

    def write(task):
        job, directory = task.job, task.directory
        paths = job.paths(directory)
        if isinstance(job, Score):
            kinds = [directory.scores if horizon in scored else directory.unscored for horizon in job.horizons]
            tried = zip(kinds, job.horizons, strict=True)
            paths = [paths[0], *(kind(job.seed, PLAN.metric, job.estimator, horizon) for kind, horizon in tried)]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    return write


def _pretend(root, scored):
    tasks = [JobTask(RunDirectory(root), PLAN.config, job) for job in pipeline(PLAN, "cleanse")]
    pretending = Pretending(_writer(scored))
    run_tasks(tasks, pretending, lambda amount: None)
    return tasks, pretending.begun


def test_every_job_is_done_once_after_what_it_needs_and_its_time_is_written_down(tmp_path):
    tasks, begun = _pretend(tmp_path, (10, 20, 40))
    assert sorted(map(str, begun)) == sorted(map(str, tasks))
    assert len(tasks) == 4 * (1 + 1 + 3)
    assert read_seconds(RunDirectory(tmp_path), 3) == {"train": 1.0, "score": 1.0, "cleanse": 3.0, "verify": 0.0}


def test_no_trial_is_begun_at_a_horizon_without_scores(tmp_path):
    _, begun = _pretend(tmp_path, (10, 20))
    assert {task.job.horizon for task in begun if isinstance(task.job, Retrain)} == {10, 20}


def test_a_missing_file_is_one_that_the_job_writes(tmp_path):
    directory = RunDirectory(tmp_path)
    task = JobTask(directory, PLAN.config, Train(0, PLAN.metrics))
    assert task.missing() == directory.values(0, PLAN.metric)
    task.missing().parent.mkdir(parents=True)
    task.missing().touch()
    assert task.missing() == directory.checkpoints(0)


def test_a_configuration_says_where_work_is_done(tmp_path):
    directory = RunDirectory(tmp_path)
    own = config(jobs=3, threads=2, cluster=NO_CLUSTER)
    assert tuple(workers(directory, own).__dict__.values()) == (3, None, 2, 0, directory.config)
    other = config(cluster="local", device="cuda")
    assert tuple(workers(directory, other).__dict__.values()) == (None, "local", 1, 1, directory.config)


@pytest.mark.parametrize("there", ["other data", "no data"])
def test_a_machine_of_a_cluster_whose_data_are_others_does_nothing_and_is_named(tmp_path, monkeypatch, there):
    source, root = tmp_path / "data.npz", tmp_path / "run"
    points = np.random.default_rng(0).normal(size=(300, 2))
    np.savez(source, x=points)
    directory, small = stages.prepare(requested([str(source)], SMALL | {"batch": 50}), root)
    if there == "other data":
        np.savez(source, x=points + 1)
    else:
        source.unlink()
    monkeypatch.setattr(lock, "_PATIENCE", lock._PATIENCE)  # which jobs of a cluster change
    place._built.cache_clear()  # another machine has loaded nothing yet
    monkeypatch.setattr(platform, "node", lambda: "elsewhere")
    refusal = {"other data": (TrainingError, "the data are not those"), "no data": (DataError, "does not exist")}[there]
    with pytest.raises(refusal[0], match=f"on the machine elsewhere of the cluster: .*{refusal[1]}"):
        JobTask(directory, replace(small, cluster="auto"), Train(0, METRICS))(1, lambda amount: None)
    assert not directory.training(0).exists()


def test_a_job_of_a_cluster_waits_for_one_that_was_given_up_and_still_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_PATIENCE", 0.0)
    directory, small = stages.prepare(requested(["normal-1d"], SMALL), tmp_path)
    given_up = ExitStack()
    given_up.enter_context(lock.only_writer(directory.training(0)))
    task = JobTask(directory, small, Train(0, METRICS))
    with pytest.raises(GansiftError, match="in use"):
        task(1, lambda amount: None)
    ends = threading.Timer(0.5, given_up.close)
    ends.start()
    replace(task, config=replace(small, cluster="auto"))(1, lambda amount: None)
    ends.join()
    assert task.done()


def _files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.glob("seeds/**/*"))
        if path.is_file() and path.name not in ("seconds.json", ".lock")
    }


def _do(root: Path, executor, replaced=()) -> float:
    directory, small = stages.prepare(requested(["normal-1d"], SMALL), root)
    jobs = [*replaced, *pipeline(Plan(small, 500, 5, small.way), "cleanse")[len(replaced) :]]
    amounts = []
    try:
        run_tasks([JobTask(directory, small, job) for job in jobs], executor, amounts.append)
    finally:
        executor.close()
    return sum(amounts)


@pytest.mark.slow
def test_a_killed_workers_job_is_done_again_to_the_same_bytes(tmp_path):
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    alone = _do(undisturbed, Here())
    killed = _do(disturbed, Processes(2), [DiesOnce(0, METRICS)])
    assert (disturbed / "died-0").exists()
    assert _files(disturbed) == _files(undisturbed)
    assert killed == pytest.approx(alone, rel=0.3)


def test_what_a_job_logs_in_a_worker_is_logged_here(tmp_path, caplog):
    directory, small = stages.prepare(requested(["normal-1d"], SMALL), tmp_path)
    run_tasks([JobTask(directory, small, Train(0, METRICS))], Here(), lambda amount: None)
    sorted(directory.checkpoints(0).glob("step-*"))[-1].unlink()
    two = Processes(2)
    caplog.clear()
    run_tasks([JobTask(directory, small, Score(0, METRICS, "itd", (5, 40)))], two, lambda amount: None)
    two.close()
    assert caplog.text.count(f"step-{small.steps:08d}.safetensors is missing; it is computed again") == 1
