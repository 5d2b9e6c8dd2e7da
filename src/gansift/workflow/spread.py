"""Jobs spread over an executor: each as soon as what it needs is there, again if its worker died, never twice."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from pathlib import Path

from gansift.errors import GansiftError
from gansift.workflow.config import NO_CLUSTER, Config
from gansift.workflow.directory import RunDirectory
from gansift.workflow.executors import Executor, Here, Outcome
from gansift.workflow.jobs import Job
from gansift.workflow.processes import Processes
from gansift.workflow.progress import Tick
from gansift.workflow.seed import add_seconds

_log = logging.getLogger(__name__)

# How often a job is begun whose workers die.
_TRIES = 3
# Seconds until a file that another machine wrote must be seen here; network file systems take up to a minute.
_PATIENCE = 90.0


@contextmanager
def executor(root: Path, config: Config, most: int) -> Iterator[Executor]:
    """The executor that a configuration asks for.

    Args:
        root: run directory.
        config: of the run.
        most: jobs that could be done at the same time.

    Raises:
        GansiftError: if the cluster cannot be used.
    """
    chosen: Executor
    if config.cluster not in (None, NO_CLUSTER):
        from gansift.workflow.cluster import Cluster  # Ray is wanted only here

        chosen = Cluster(root, config)
    else:
        size = min(config.jobs or os.cpu_count() or 1, most)
        chosen = Processes(root, size) if size > 1 else Here(root)
    try:
        yield chosen
    finally:
        chosen.close()


def run_jobs(directory: RunDirectory, jobs: Sequence[Job], executor: Executor, tick: Tick) -> None:
    """Do all jobs that are not done yet.

    A job is done when its file is there, so whatever stops this function, the next call goes on from the files.

    Args:
        directory: where results land.
        jobs: with those that they need, unless these are done; begun in this order where needs allow.
        executor: that does them.
        tick: told of the progress.

    Raises:
        GansiftError: the first failure of a job, once the other running ones have ended.
    """
    waiting = [job for job in jobs if not job.done(directory)]
    running: dict[Future[Outcome], Job] = {}
    deaths: Counter[Job] = Counter()
    failure: GansiftError | None = None
    while running or (waiting and failure is None):
        ready = [job for job in waiting if all(need.done(directory) for need in job.needs)]
        assert running or ready or failure, "a job needs what none of the jobs gives"
        for job in ready[: executor.size - len(running)] if failure is None else []:
            waiting.remove(job)
            if not job.done(directory):  # a trial, of a seed that turned out to have no scores for it
                running[executor.submit(job, tick)] = job
        ended, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
        executor.relay(tick)
        for future in ended:
            job = running.pop(future)
            error = future.exception()
            if error is None:
                problem = future.result().error or _missing(directory, job)
                add_seconds(directory, job.seed, job.stage, future.result().seconds)
            elif executor.died(error):
                deaths[job] += 1
                problem = _dead(job, error) if deaths[job] == _TRIES else None
                if problem is None:
                    _log.warning("%s: its worker died (killed, or out of memory?); it is done again", job)
                    waiting.insert(0, job)
            else:
                raise error
            failure = failure or problem
    executor.relay(tick)
    if failure is not None:
        raise failure


def _dead(job: Job, error: BaseException) -> GansiftError:
    said = str(error).partition("\n")[0]
    return GansiftError(
        f"{job}: {_TRIES} workers died of it (killed, or out of memory?). The last: {said} Everything "
        "finished is kept: run the same command again, with a smaller --jobs if memory is short."
    )


def _missing(directory: RunDirectory, job: Job) -> GansiftError | None:
    """What is wrong if a finished job's file does not show up here."""
    end = time.monotonic() + _PATIENCE
    while not job.done(directory):
        if time.monotonic() > end:
            missing = next(path for path in job.paths(directory) if not path.exists())
            return GansiftError(
                f"{job} is done, but {missing} cannot be seen here. All machines of a cluster must share "
                "the file system of the run directory, under the same path."
            )
        time.sleep(0.1)
    return None
