"""Processes of this machine: a worker that is killed costs its own job's work and nothing else."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from gansift.errors import GansiftError
from gansift.workflow import stages
from gansift.workflow.config import NO_CLUSTER
from gansift.workflow.executors import Here
from gansift.workflow.jobs import Score, Train, pipeline
from gansift.workflow.plan import Plan
from gansift.workflow.processes import Processes
from gansift.workflow.request import requested
from gansift.workflow.spread import executor, run_jobs

SMALL = {
    "steps": 40, "seeds": 2, "horizons": "1,all", "remove": "5", "latents": 50, "width": 4,
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


@dataclass(frozen=True)
class DiesAlways(Train):
    """Kills its process."""

    def run(self, directory, place, tick):
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Faulty(Train):
    """Has a mistake in its code, and in what the user asks for."""

    error: Exception

    def run(self, directory, place, tick):
        raise self.error


def _prepared(root: Path, **settings):
    return stages.prepare(requested(["normal-1d"], {**SMALL, **settings}), root)


def _files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.glob("seeds/**/*"))
        if path.is_file() and path.name not in ("seconds.json", ".lock")
    }


def _do(root: Path, make, replaced=()) -> float:
    directory, config = _prepared(root)
    jobs = [*replaced, *pipeline(Plan(config, 500, 5, config.way), "cleanse")[len(replaced) :]]
    chosen, amounts = make(root, config), []
    try:
        run_jobs(directory, jobs, chosen, amounts.append)
    finally:
        chosen.close()
    return sum(amounts)


def _two(root: Path, config) -> Processes:
    return Processes(root, config, 2)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    root = tmp_path_factory.mktemp("undisturbed")
    progress = _do(root, Here)
    return _files(root), progress


def test_a_killed_workers_job_is_done_again_to_the_same_bytes(undisturbed, tmp_path):
    progress = _do(tmp_path, _two, [DiesOnce(0, METRICS)])
    assert (tmp_path / "died-0").exists()
    assert _files(tmp_path) == undisturbed[0]
    assert progress == pytest.approx(undisturbed[1], rel=0.3)


def test_a_job_that_kills_every_worker_is_named_and_the_others_land(tmp_path):
    directory, config = _prepared(tmp_path)
    chosen = _two(tmp_path, config)
    with pytest.raises(GansiftError, match="training seed 0: 3 workers died of it"):
        run_jobs(directory, [DiesAlways(0, METRICS), Train(1, METRICS)], chosen, lambda amount: None)
    chosen.close()
    assert Train(1, METRICS).done(directory)


def test_what_a_worker_logs_is_logged_here(tmp_path, caplog):
    directory, config = _prepared(tmp_path)
    run_jobs(directory, [Train(0, METRICS)], Here(tmp_path, config), lambda amount: None)
    sorted(directory.checkpoints(0).glob("step-*"))[-1].unlink()
    chosen = _two(tmp_path, config)
    caplog.clear()
    run_jobs(directory, [Score(0, METRICS, "itd", (5, 40))], chosen, lambda amount: None)
    chosen.close()
    assert caplog.text.count(f"step-{config.steps:08d}.safetensors is missing; it is computed again") == 1


def test_a_jobs_own_errors_come_back_as_they_are(tmp_path):
    directory, config = _prepared(tmp_path)
    chosen = _two(tmp_path, config)
    for error in (GansiftError("lower the learning rate"), ZeroDivisionError("a mistake")):
        with pytest.raises(type(error), match=str(error)):
            run_jobs(directory, [Faulty(0, METRICS, error)], chosen, lambda amount: None)
    chosen.close()


def test_one_job_at_a_time_needs_no_process_and_no_cluster(tmp_path):
    for settings, most, kind in (({"jobs": 1}, 9, Here), ({"jobs": 3}, 1, Here), ({"jobs": 3}, 2, Processes)):
        _, config = _prepared(tmp_path, cluster=NO_CLUSTER, **settings)
        with executor(tmp_path, config, most) as chosen:
            assert type(chosen) is kind
            assert chosen.size == min(settings["jobs"], most)
