"""What one of each thing costs on this machine: a miniature of the run is done, in as many processes as the run has.

The miniature has the same data, game and metrics, a few training steps, one horizon and one seed, and lies in a
temporary directory. It goes through the very functions that the run goes through. Single costs are times of the
processor, because a short time on the clock says more about what else the machine was doing; how much longer the clock
takes is known from the miniature as a whole.
"""

from __future__ import annotations

import logging
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, fields, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Any

from gansift import training
from gansift.cleansing.replicas import retrained_players
from gansift.data import write_manifest
from gansift.errors import GansiftError
from gansift.files import write_json
from gansift.influence.estimators import estimate, sweeps
from gansift.spread.progress import unseen
from gansift.training.checkpoints import DiskCheckpoints
from gansift.training.trajectory import Run
from gansift.workflow.config import Config, Way
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
# How often what is short is repeated, for its median.
_REPEATS = 3


def measure(plan: Plan, place: Place) -> Costs:
    """Do a miniature of a run in each of its processes at the same time, and take the mean of what they measured.

    It takes about as long as one seed takes to start, and a few dozen training steps of everything.

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
    stacked = _stacks(plan, place)
    processes = config.jobs or 1
    # Fresh interpreters, as in a run: what they take in memory and to start is measured, too.
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="gansift-estimate-") as folder,
        ProcessPoolExecutor(processes, context) as pool,
    ):
        futures = [
            pool.submit(
                _measured, miniature, stacked, Path(folder) / str(row), row == 0, processes == 1, time.time(),
            )
            for row in range(processes)
        ]  # fmt: skip
        try:
            found = [future.result() for future in futures]
        except BrokenProcessPool as error:
            raise GansiftError(
                "a process that measured died (killed, or out of memory?), and so would the run; try fewer --jobs, a "
                "smaller --batch or --width"
            ) from error
    return _mean(found, parent)


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
    if plan.way.new_models:
        others = len(rankings(plan))
        # With everything, without the choice, and its controls; a few groups may come to it.
        replicas = (1 + 2 * len(plan.counts), *range(3, 5 + others))
    return sorted({size for count in replicas for size in stacks(count, stack)}) if stack > 1 else []


def _measured(
    plan: Plan, stacked: Sequence[int], folder: Path, whole: bool, alone: bool, submitted: float
) -> dict[str, Any]:
    """What one process measures; the first one does the command's own part, too: first of all if it works alone."""
    found: dict[str, Any] = {"worker": time.process_time()}
    small = plan.config
    peaks: dict[str, int] = {}
    logging.getLogger("gansift").setLevel(logging.ERROR)
    if alone:
        found["command"] = found["worker"] + _command(small)
    directory = RunDirectory(folder)
    load_data(small.sources, asdict(small), directory.cache)  # as the command has done before any job begins
    found["place"], place = _timed(lambda: _ready(small, directory))
    peaks["start"] = peak_memory()
    small.save(directory.config)
    write_manifest(directory.manifest, place.data)
    files = {"start": _bytes(folder)}

    shown: list[float] = []
    seed = Seed.main(directory, place)
    seed.train(lambda amount: shown.append(time.process_time()))
    found["step"] = median(_differences(shown)) if len(shown) > 1 else 0.0
    found["opening"], run = _repeated(seed.train)
    store = DiskCheckpoints(directory.checkpoints(seed.number))
    found["load"], state = _repeated(lambda: store.load(run.steps, small.device))
    found["save"], _ = _repeated(lambda: DiskCheckpoints(folder / "spare").save(run.steps, state))
    found["checkpoint"] = _bytes(directory.checkpoints(seed.number)) // len(store.numbers())  # with its checksum's line
    for metric in plan.metrics:
        seed.values(metric)
    found["values"], _ = _repeated(lambda: [metric.value(run) for metric in (place.validation, place.test)])
    peaks["train"] = peak_memory()

    found["gradient"], _ = _repeated(lambda: place.validation.gradient(run))
    estimator = plan.way.estimator
    seed.score(estimator, plan.metrics, plan.horizons)
    if not seed.scores(plan.metric, estimator):
        raise GansiftError(
            f"nothing can be scored: the backward sweep overflowed within {run.steps} steps. Train more smoothly "
            "(larger --eps or --r1, smaller --lr)."
        )
    peaks["score"] = peak_memory()
    found["scores"] = directory.scores(seed.number, plan.metric, estimator, run.steps).stat().st_size
    found["growth"] = directory.growth(seed.number, plan.metric, estimator).stat().st_size // run.steps
    trial(plan, seed.number, run.steps).run(directory, place, unseen)
    peaks["cleanse"] = peak_memory()

    found["stacked"] = {size: _stacked_step(run, size) for size in stacked}
    names = dict.fromkeys([estimator, *plan.compared])
    imports = []
    found["paces"] = {}
    for name in names:
        first, pace = _pace(name, run, place, found["gradient"], found["step"])
        found["paces"][name] = pace
        imports.append(first)
    found["imports"] = sum(imports)
    peaks["verify"] = peak_memory()
    found["name"] = len(max(run.ids, key=len)) + len('      "",\n')
    if whole:
        if not alone:
            found["command"] = found["worker"] + _command(small)
        written = _bytes(folder)
        found["report"], _ = _timed(lambda: _report(directory, plan))
        files["report"] = _bytes(folder) - written
    peaks["report"] = peak_memory()
    found["slowdown"] = (time.time() - submitted) / time.process_time()
    return found | {"peaks": peaks, "files": files, "steps": run.steps}


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


def _mean(found: Sequence[dict[str, Any]], parent: int) -> Costs:
    """The mean over processes of what each measured, the highest of their peaks; the rest is the first one's."""
    first = found[0]
    mean: dict[str, Any] = {
        name: fmean(of_process[name] for of_process in found)
        for name in ("worker", "place", "opening", "step", "save", "load", "values", "imports", "slowdown")
    }
    mean["stacked"] = {
        size: fmean(of_process["stacked"][size] for of_process in found) for size in first["stacked"]
    }  # fmt: skip
    mean["paces"] = {
        name: Pace(*(fmean(of_process["paces"][name][part] for of_process in found) for part in range(2)))
        for name in first["paces"]
    }
    mean["peaks"] = {stage: max(of_process["peaks"][stage] for of_process in found) for stage in first["peaks"]}
    own = {item.name: first[item.name] for item in fields(Costs) if item.name in first}
    return Costs(**(own | mean), parent=parent)
