"""What one of each thing costs on this machine: a miniature of the run is done, in as many processes as the run has.

The miniature has the same data, game and metrics, a few training steps, one horizon and one seed, and lies in a
temporary directory. It goes through the very functions that the run goes through. Single costs are times of the
processor, because a short time on the clock says more about what else the machine was doing; how much longer the clock
takes is known from the miniature as a whole.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, fields, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Any

from gansift import training
from gansift.cleansing.checked import CHECKED
from gansift.cleansing.replicas import retrained_players
from gansift.data import write_manifest
from gansift.errors import GansiftError
from gansift.files import write_json
from gansift.influence.estimators import estimate, sweeps
from gansift.influence.rolling import rolling_seeds
from gansift.progress import unseen
from gansift.training.checkpoints import DiskCheckpoints
from gansift.training.trajectory import Run
from gansift.workflow.config import AUTO, Config, Way
from gansift.workflow.directory import RunDirectory
from gansift.workflow.estimate import Costs, Pace, stacks
from gansift.workflow.from_scratch import rankings
from gansift.workflow.jobs import trial
from gansift.workflow.machine import peak_memory
from gansift.workflow.place import Place, load_data, place_of
from gansift.workflow.plan import STAGES, Plan
from gansift.workflow.seed import Seed
from gansift.workflow.states import sizes

# Seconds of training that the miniature is long, and its fewest and most steps.
_TRAINED = 0.5
_FEWEST, _MOST = 6, 64
# Of the temporary directory, followed by the number of the process that it belongs to.
_PREFIX = "gansift-estimate-"
# How often what is short is repeated, for its median.
_REPEATS = 3
# Seconds between two looks at what is being measured.
_LOOK = 0.2

#: Told what is measured next, and the seconds of a training step as soon as they are known.
Told = Callable[[str, float | None], None]


class _Line:
    """The line on which the first process says what it does; set in each process as it starts."""

    queue: Any = None

    @classmethod
    def join(cls, queue: Any) -> None:
        cls.queue = queue

    @classmethod
    def tell(cls, what: str, step: float | None = None) -> None:
        cls.queue.put((what, step))


def _clean_up() -> None:
    """Remove what an estimate that was killed could not remove itself."""
    if os.name != "posix":  # elsewhere asking for a process may end it
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        try:
            os.kill(int(owner), 0)
        except ProcessLookupError:
            if not folder.is_symlink():
                shutil.rmtree(folder, ignore_errors=True)
        except (ValueError, OverflowError, PermissionError):  # not ours
            continue


def measure(plan: Plan, place: Place, told: Told = lambda what, step: None) -> Costs:
    """Do a miniature of a run in each of its processes at the same time, and take the mean of what they measured.

    It takes about as long as one seed takes to start, and a few dozen training steps of everything.

    Args:
        plan: of the run.
        place: of the run.
        told: called while it is measured.

    Raises:
        GansiftError: whatever would stop the run itself, such as a training that breaks down at once.
    """
    parent, config = peak_memory(), plan.config
    small = replace(
        config, steps=_miniature_steps(place), horizons="all", seeds=1, memory=None, verify=0, from_start=False
    )
    # A sweep and a retraining take as long whichever question they are for.
    way = Way("itd", from_start=False) if plan.way.new_models else plan.way._replace(from_start=False)
    miniature = replace(plan, config=small, way=way)
    stacked, together = _stacks(plan, place), sorted({len(seeds) for seeds in plan.stacks} - {1})
    processes = config.job_count
    # Fresh interpreters, as in a run: what they take in memory and to start is measured, too.
    context = multiprocessing.get_context("spawn")
    line = context.SimpleQueue()
    _clean_up()
    with (
        tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as folder,
        ProcessPoolExecutor(processes, context, _Line.join, (line,)) as pool,
    ):
        futures = [
            pool.submit(
                _measured, miniature, stacked, together, Path(folder) / str(row), row == 0, processes == 1,
                time.time(),
            )
            for row in range(processes)
        ]  # fmt: skip
        _follow(futures, line, told)
        try:
            costs = [future.result() for future in futures]
        except BrokenProcessPool as error:
            raise GansiftError(
                "a process that measured died (killed, or out of memory?), and so would the run; try fewer --jobs, a "
                "smaller --batch or --width"
            ) from error
    return _mean(costs, parent)


def _follow(futures: Sequence[Future[Any]], line: Any, told: Told) -> None:
    """Pass on what is said on the line, until all processes have ended."""
    left: set[Future[Any]] = set(futures)
    while left:
        left = wait(left, timeout=_LOOK).not_done
        while not line.empty():
            told(*line.get())


def _miniature_steps(place: Place) -> int:
    """Steps that take about half a second."""
    shown: list[float] = []
    steps = place.config.steps
    training.train(
        place.game(0),
        place.train,
        **place.training,
        steps=min(steps, _FEWEST),
        progress=lambda number, losses: shown.append(time.process_time()),
    )
    step = median(_differences(shown)) if len(shown) > 1 else _TRAINED
    return min(steps, _MOST, max(_FEWEST, round(_TRAINED / max(step, 1e-6))))


def _stacks(plan: Plan, place: Place) -> list[int]:
    """The numbers of replicas that the run retrains together."""
    stack = sizes(place).stack
    replicas: tuple[int, ...] = (2 * len(plan.counts), len(plan.compared), plan.verified[0])
    if plan.config.horizons.strip() == AUTO:
        replicas += (CHECKED,)
    if plan.way.new_models:
        others = len(rankings(plan))
        # With everything, without the choice, and its controls; a few groups may come to it.
        replicas = (1 + 2 * len(plan.counts), *range(3, 5 + others))
    return sorted({size for count in replicas for size in stacks(count, stack)}) if stack > 1 else []


def _measured(
    plan: Plan,
    stacked: Sequence[int],
    together: Sequence[int],
    folder: Path,
    whole: bool,
    alone: bool,
    submitted: float,
) -> dict[str, Any]:
    """What one process measures; the first one does the command's own part, too: first of all if it works alone."""
    costs: dict[str, Any] = {"worker": time.process_time()}
    logging.getLogger("gansift").setLevel(logging.ERROR)
    if alone:
        costs["command"] = costs["worker"] + _command(plan.config)
    tell: Callable[..., None] = _Line.tell if whole else lambda *said: None
    tell("start")
    miniature = _Miniature(plan, folder)
    tell("training")
    costs |= miniature.trained()
    tell("scores and removals", costs["step"])
    costs |= miniature.scored()
    tell("baselines and stacked retrainings")
    costs |= miniature.ranked(stacked, costs["step"])
    if together:
        tell("seeds in one stack")
    costs["together"] = miniature.together(together)
    if whole:
        tell("report")
        if not alone:
            costs["command"] = costs["worker"] + _command(plan.config)
        costs["report"] = miniature.reported()
    miniature.peak("report")
    slowdown = (time.time() - submitted) / time.process_time()
    return costs | miniature.start | {
        "slowdown": slowdown, "peaks": miniature.peaks, "files": miniature.files, "steps": miniature.run.steps,
    }  # fmt: skip


class _Miniature:
    """A run in small that is done stage by stage, in the order of its methods, which return what they measured.

    Attributes:
        start: the cost of loading the data and making the metrics.
        peaks: the peak memory after each stage so far.
        files: the bytes of what is written once, by row of the estimate.
        run: the recorded training.
    """

    run: Run

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.peaks: dict[str, int] = {}
        self.directory = RunDirectory(folder)
        small = plan.config
        load_data(small.sources, asdict(small), self.directory.cache)  # as the command has done before any job begins
        seconds, self.place = _timed(lambda: _ready(small, self.directory))
        self.start = {"place": seconds}
        self.peak("start")
        small.save(self.directory.config)
        write_manifest(self.directory.manifest, self.place.data)
        self.files = {"start": _bytes(folder)}
        self.seed = Seed.main(self.directory, self.place)

    def peak(self, stage: str) -> None:
        """Note the peak memory after a stage."""
        self.peaks[stage] = peak_memory()

    def trained(self) -> dict[str, Any]:
        """The costs of training, of states on disk, and of measuring the metrics."""
        shown: list[float] = []
        seed, directory = self.seed, self.directory
        seed.train(lambda amount: shown.append(time.process_time()))
        opening, self.run = _repeated(seed.train)
        store = DiskCheckpoints(directory.checkpoints(seed.number))
        load, state = _repeated(lambda: store.load(self.run.steps, self.plan.config.device))
        save, _ = _repeated(lambda: DiskCheckpoints(directory.root / "spare").save(self.run.steps, state))
        for metric in self.plan.metrics:
            seed.values(metric)
        pair = (self.place.validation, self.place.test)
        values, _ = _repeated(lambda: [metric.value(self.run) for metric in pair])
        self.peak("train")
        return {
            "step": median(_differences(shown)) if len(shown) > 1 else 0.0, "opening": opening, "load": load,
            "save": save, "values": values,
            # With its line in the file of checksums.
            "checkpoint": _bytes(directory.checkpoints(seed.number)) // len(store.numbers()),
        }  # fmt: skip

    def scored(self) -> dict[str, Any]:
        """The sizes of what scoring writes; the removals at the one horizon are tried, too.

        Raises:
            GansiftError: if nothing can be scored.
        """
        plan, seed, directory, steps = self.plan, self.seed, self.directory, self.run.steps
        estimator = plan.way.estimator
        seed.score(estimator, plan.metrics, plan.horizons)
        if not seed.scores(plan.metric, estimator):
            raise GansiftError(
                f"nothing can be scored: the backward sweep overflowed within {steps} steps. Train more smoothly, "
                "such as with a smaller --lr."
            )
        self.peak("score")
        trial(plan, seed.number, steps).run(directory, self.place, unseen)
        self.peak("cleanse")
        return {
            "scores": directory.scores(seed.number, plan.metric, estimator, steps).stat().st_size,
            "growth": directory.growth(seed.number, plan.metric, estimator).stat().st_size // steps,
        }

    def ranked(self, stacked: Sequence[int], step: float) -> dict[str, Any]:
        """The costs of steps of so many replicas, and of every estimator that the run asks for.

        Args:
            stacked: the numbers of replicas.
            step: seconds of a training step.
        """
        run, names = self.run, dict.fromkeys([self.plan.way.estimator, *self.plan.compared])
        gradient, _ = _repeated(lambda: self.place.validation.gradient(run))
        steps_of = {size: _stacked_step(run, size) for size in stacked}
        paces = {name: _pace(name, run, self.place, gradient, step) for name in names}
        self.peak("verify")
        return {
            "stacked": steps_of,
            "paces": {name: pace for name, (_, pace) in paces.items()},
            "imports": sum(first for first, _ in paces.values()),
            "name": len(max(run.ids, key=len)) + len('      "",\n'),
        }

    def together(self, sizes: Sequence[int]) -> dict[int, tuple[float, float]]:
        """The costs of a training step and of one of the sweep, of each of so many seeds in a stack."""
        return {size: _steps_together(self.place, self.seed.recording, size) for size in sizes}

    def reported(self) -> float:
        """Seconds of choosing and of writing the report."""
        written = _bytes(self.directory.root)
        seconds, _ = _timed(lambda: _report(self.directory, self.plan))
        self.files["report"] = _bytes(self.directory.root) - written
        return seconds


def _ready(config: Config, directory: RunDirectory) -> Place:
    """The data, the system and the metrics, as every job has them."""
    place = place_of(config, directory.cache)
    for metric in place.plan().metrics:
        place.judges(metric)
    return place


def _command(small: Config) -> float:
    """Seconds that the command itself spends: its imports, reading the data twice, examining the game."""
    start = time.process_time()
    from gansift.workflow import stages

    with tempfile.TemporaryDirectory() as cache:
        load_data(small.sources, asdict(small), Path(cache))
        stages.examined(place_of(small, Path(cache)), quick=True)
    return time.process_time() - start


def _report(directory: RunDirectory, plan: Plan) -> None:
    from gansift.workflow.outcome import finish

    write_json(directory.seconds(plan.main), dict.fromkeys(STAGES, 0.0))
    finish(directory, plan.config, plan.way)


def _stacked_step(run: Run, replicas: int) -> float:
    """Seconds of one step of so many replicas, from the difference of a long and a short retraining."""
    removals = [run.ids[row % len(run.ids) :][:1] for row in range(replicas)]

    def retrained(steps: int) -> float:
        return _timed(lambda: retrained_players(run, removals, steps))[0]

    retrained(1)
    if run.steps == 1:
        return retrained(1)
    return max(0.0, median((retrained(run.steps) - retrained(1)) / (run.steps - 1) for _ in range(_REPEATS)))


def _steps_together(place: Place, settings: dict[str, Any], size: int) -> tuple[float, float]:
    """Seconds of a training step, and of a step of the sweep, of each of so many seeds in one stack."""
    trained: list[float] = []
    swept: list[float] = []
    runs = training.train_seeds(
        place.game, place.train, range(size), progress=lambda made: trained.append(time.process_time()), **settings
    )
    judges, steps = [[place.validation]] * size, runs[0].steps
    rolling_seeds(runs, judges, steps, [steps], progress=lambda number: swept.append(time.process_time()))
    # The sweep tells of every step once for each seed.
    return median(_differences(trained)) / size, median(_differences(swept[::size])) / size


def _pace(name: str, run: Run, place: Place, gradient: float, step: float) -> tuple[float, Pace]:
    """What an estimator spends the first time it is used, for its imports; and its pace from then on."""

    def scored() -> tuple[float, list[float]]:
        shown: list[float] = []
        try:
            seconds, _ = _timed(
                lambda: estimate(
                    name, run, place.validation, [run.steps], lambda number: shown.append(time.process_time())
                )
            )
        except GansiftError:  # a run leaves it out, too
            return 0.0, []
        return seconds, shown

    if not sweeps(name):
        first, again = scored()[0], scored()[0]
        return max(0.0, first - again), Pace(again, 0.0)
    seconds, shown = scored()
    if len(shown) > 1:
        return 0.0, Pace(gradient, median(_differences(shown)))
    return 0.0, Pace(gradient, max(0.0, seconds - gradient - step))


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def _repeated(work: Callable[[], Any]) -> tuple[float, Any]:
    """The median of several times, and the last result."""
    times = [_timed(work) for _ in range(_REPEATS)]
    return median(seconds for seconds, _ in times), times[-1][1]


def _differences(moments: Sequence[float]) -> list[float]:
    return [later - sooner for sooner, later in pairwise(moments)]


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _mean(costs: Sequence[dict[str, Any]], parent: int) -> Costs:
    """The mean over processes of what each measured, the highest of their peaks; the rest is the first one's."""
    first = costs[0]
    mean: dict[str, Any] = {
        name: fmean(of_process[name] for of_process in costs)
        for name in ("worker", "place", "opening", "step", "save", "load", "values", "imports", "slowdown")
    }
    mean["stacked"] = {
        size: fmean(of_process["stacked"][size] for of_process in costs) for size in first["stacked"]
    }  # fmt: skip
    mean["paces"] = {
        name: Pace(*(fmean(of_process["paces"][name][part] for of_process in costs) for part in range(2)))
        for name in first["paces"]
    }
    mean["together"] = {
        size: tuple(fmean(of_process["together"][size][part] for of_process in costs) for part in range(2))
        for size in first["together"]
    }
    mean["peaks"] = {stage: max(of_process["peaks"][stage] for of_process in costs) for stage in first["peaks"]}
    others = {item.name: first[item.name] for item in fields(Costs) if item.name in first}
    return Costs(**(others | mean), parent=parent)
