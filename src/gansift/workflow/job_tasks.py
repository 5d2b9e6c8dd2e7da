"""The jobs of a run as tasks: what is spread over processes and machines, and by which executor."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gansift.errors import GansiftError
from gansift.lock import wait_for_other_machines
from gansift.progress import Tick, progress
from gansift.spread.executors import Workers
from gansift.spread.share import OthersLeftError, Share
from gansift.spread.tasks import executor, run_tasks
from gansift.workflow.config import Config
from gansift.workflow.directory import RunDirectory
from gansift.workflow.jobs import Job, to_do
from gansift.workflow.opening import opened
from gansift.workflow.place import Place, place_of
from gansift.workflow.plan import Plan
from gansift.workflow.seed import add_seconds

#: Does all jobs that are not done yet, with those that they need; the text is the title of the progress.
Do = Callable[[Sequence[Job], str], None]


# What is done in a stage.
_PHASES = {
    "train": "training",
    "score": "scoring",
    "cleanse": "retraining to choose",
    "verify": "retraining to check",
}


@dataclass(frozen=True, eq=False)
class JobTask:
    """A job in a run directory, for a configuration; every one of them is a task of its own.

    Attributes:
        directory: the run directory in which the results land.
        config: the configuration of the run, with what is asked of it now.
        job: the work.
    """

    directory: RunDirectory
    config: Config
    job: Job

    def __str__(self) -> str:
        return str(self.job)

    def __call__(self, size: int, tick: Tick) -> None:
        """Do the job, in any process, as one of ``size`` at the same time, and write its files."""
        self.job.run(self.directory, self._place(replace(self.config, jobs=size)), tick)

    def _place(self, config: Config) -> Place:
        """Data and system; another machine may have other data under the same path, which is seen before any work."""
        if config.cluster_address is None:
            return place_of(config, self.directory.cache, confirmed=True)
        wait_for_other_machines()
        try:
            return opened(self.directory, config, confirmed=True)
        except GansiftError as error:
            raise type(error)(f"on the machine {platform.node()} of the cluster: {error}") from error

    def ready(self) -> bool:
        """Whether all jobs are done whose results this one reads."""
        return all(need.done(self.directory) for need in self.job.needs)

    def done(self) -> bool:
        """Whether there is nothing left to do, also because other results say so."""
        return self.job.done(self.directory)

    def phase(self) -> str:
        """The stage, as what is done in it."""
        return _PHASES[self.job.stage]

    def missing(self) -> Path:
        """A file of the job that is not there."""
        return next(path for path in self.job.paths(self.directory) if not path.exists())

    def ended(self, seconds: float) -> None:
        """Add the time to what earlier jobs took on the same stage of the seed."""
        add_seconds(self.directory, self.job.seed, self.job.stage, seconds)


def workers(directory: RunDirectory, config: Config) -> Workers:
    """The workers that a configuration asks for; all machines of a cluster have to see its ``config.json``."""
    return Workers(
        config.jobs, config.cluster_address, config.threads, 0 if config.device == "cpu" else 1, directory.config
    )


@contextmanager
def doing(directory: RunDirectory, plan: Plan, most: int, quiet: bool, share: Share | None = None) -> Iterator[Do]:
    """Do jobs in a run directory, by the same workers for as long as this is open.

    Args:
        directory: of the run.
        plan: whose configuration says where work is done.
        most: how many jobs could be done at the same time.
        quiet: show no progress.
        share: do only so many of them, and leave the others to workers elsewhere.

    Raises:
        GansiftError: if the cluster cannot be used; and the first failure of a job, once the other running ones have
            ended.
        OthersLeftError: if jobs of other shares are not done yet, once all own ones are that can be.
    """
    config = plan.config
    # Other machines work in folders of their own; here a path stays as it was given, and what was loaded is found.
    seen = directory if config.cluster_address is None else RunDirectory(directory.root.absolute())
    with executor(workers(directory, config), most) as chosen:

        def do(jobs: Sequence[Job], title: str) -> None:
            own = jobs if share is None else share.of(jobs)
            work = sum(left.cost.work for left in to_do(directory, plan, own))
            with progress(title, work, quiet or not work) as bar:
                tasks = [JobTask(seen, config, job) for job in own]
                if share is None:
                    run_tasks(tasks, chosen, bar, bar.name)
                # What is not ready may need what is: after that it is looked at again.
                while share is not None and (ready := [task for task in tasks if task.ready() and not task.done()]):
                    run_tasks(ready, chosen, bar, bar.name)
            left = 0 if share is None else sum(not job.done(directory) for job in jobs)
            if left:
                raise OthersLeftError(
                    f"share {share} is done as far as it can be now; {left} of {len(jobs)} jobs (to {title}) are left "
                    "to other shares, or wait for theirs. Give the same command again once they have ended."
                )

        yield do
