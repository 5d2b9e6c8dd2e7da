"""The work of one training seed: train, score, try removals. Each piece is skipped if its result is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from gansift import influence, training
from gansift.cleansing.trial import Trial, try_horizon
from gansift.files import read_json, write_json
from gansift.influence.scores import Scores
from gansift.training.checkpoints import DiskCheckpoints
from gansift.training.trajectory import Run
from gansift.workflow.build import Workplace, build_game, build_optimizers, workplace
from gansift.workflow.config import Config, known, load, parse_counts, parse_horizons
from gansift.workflow.directory import RunDirectory

#: Called with the amount of work done, in units of one training step.
Tick = Callable[[float], None]

STAGES = ("train", "score", "cleanse")

# A step of the backward sweep costs about this many training steps.
SWEEP = 3.5


def seed_work(config: Config, examples: int) -> dict[str, float]:
    """Work of one seed by stage, in training steps, for ``examples`` training examples."""
    steps = known(config.steps)
    horizons, counts = plan(config, examples)
    redone = [steps if config.from_start else horizon for horizon in horizons]
    return {"train": steps, "score": SWEEP * max(horizons), "cleanse": 2.0 * len(counts) * sum(redone)}


def work_left(directory: RunDirectory, config: Config, seed: int, examples: int) -> dict[str, float]:
    """`seed_work` without what is done already."""
    work = seed_work(config, examples)
    horizons, counts = plan(config, examples)
    done = DiskCheckpoints(directory.training(seed) / "checkpoints").numbers()
    work["train"] -= max(done, default=0)
    if directory.growth(seed).exists():
        work["score"] = 0.0
    for horizon in horizons:
        if directory.trials(seed, horizon, config.from_start).exists():
            work["cleanse"] -= 2.0 * len(counts) * (known(config.steps) if config.from_start else horizon)
    return work


def plan(config: Config, examples: int) -> tuple[list[int], list[int]]:
    """Horizons in steps and numbers to remove, for ``examples`` training examples."""
    epoch = max(1, examples // config.batch) / max(_updates(config.schedule))
    return (
        parse_horizons(known(config.horizons), epoch, known(config.steps)),
        parse_counts(known(config.remove), examples),
    )


def _updates(schedule: str) -> list[int]:
    return [int(part) for part in schedule.split(":")] if ":" in schedule else [1]


def train_seed(directory: RunDirectory, place: Workplace, seed: int, tick: Tick) -> Run:
    """The recorded run of one seed, trained as far as it is not there yet."""
    config = place.config
    shape = tuple(place.splits.train.shape)
    return training.train(
        build_game(config, shape),
        place.splits.train,
        steps=known(config.steps),
        batch_size=config.batch,
        optimizers=build_optimizers(config),
        ema=known(config.ema),
        seed=seed,
        outdir=directory.training(seed),
        renormalise=config.renormalise,
        dtype=config.dtype,
        device=config.device,
        progress=lambda number, losses: tick(1),
    )


def values_of_seed(directory: RunDirectory, place: Workplace, run: Run, seed: int) -> dict[str, dict[str, float]]:
    """Validation and test metric of the untrained and the trained generator of one seed."""
    path = directory.values(seed)
    if not path.exists():
        values = {
            name: {"validation": place.validation.value(sampler), "test": place.test.value(sampler)}
            for name, sampler in (("untrained", run.sampler(0)), ("trained", run.sampler()))
        }
        write_json(path, values)
    return read_json(path)


def score_seed(directory: RunDirectory, place: Workplace, run: Run, seed: int, tick: Tick) -> dict[int, Scores]:
    """The scores of one seed for every horizon that could be computed, from one backward sweep."""
    horizons, _ = plan(place.config, len(place.splits.train))
    paths = {horizon: directory.scores(seed, place.validation.name, horizon) for horizon in horizons}
    growth = directory.growth(seed)
    if not growth.exists():
        scores = influence.itd_horizons(run, place.validation, horizons, lambda number: tick(SWEEP))
        for horizon, of_horizon in scores.items():
            of_horizon.to_csv(paths[horizon])
        longest = max(scores) if scores else 0
        # Written last, so that it vouches for the score files.
        write_json(growth, [{"step": step, "norm": norm} for step, norm in (scores[longest].growth if scores else ())])
    return {horizon: Scores.read(path) for horizon, path in paths.items() if path.exists()}


def cleanse_seed(
    directory: RunDirectory,
    place: Workplace,
    run: Run,
    scores: dict[int, Scores],
    seed: int,
    from_start: bool,
    tick: Tick,
) -> list[Trial]:
    """Retraining of one seed for every horizon, the cheapest first, and every number to remove."""
    _, counts = plan(place.config, len(place.splits.train))
    trained = values_of_seed(directory, place, run, seed)["trained"]
    trials = []
    for horizon in sorted(scores):
        path = directory.trials(seed, horizon, from_start)
        if not path.exists():
            found = try_horizon(
                run,
                scores[horizon],
                counts,
                (place.validation, place.test),
                (trained["validation"], trained["test"]),
                from_start,
            )
            write_json(path, [asdict(trial) for trial in found])
            tick(2.0 * len(counts) * (run.steps if from_start else horizon))
        trials += [Trial(**row) for row in read_json(path)]
    return trials


def is_cleansed(directory: RunDirectory, place: Workplace, from_start: bool) -> bool:
    """Whether every seed has tried removals at every horizon for which it has scores."""
    horizons, _ = plan(place.config, len(place.splits.train))
    return all(
        directory.growth(seed).exists()
        and all(
            directory.trials(seed, horizon, from_start).exists()
            for horizon in horizons
            if directory.scores(seed, place.validation.name, horizon).exists()
        )
        for seed in range(known(place.config.seeds))
    )


def read_trials(directory: RunDirectory, config: Config, examples: int, from_start: bool) -> list[Trial]:
    """The finished trials of all seeds."""
    horizons, _ = plan(config, examples)
    paths = [directory.trials(seed, horizon, from_start) for seed in range(known(config.seeds)) for horizon in horizons]
    return [Trial(**row) for path in paths if path.exists() for row in read_json(path)]


def work_on_seed(root: Path, seed: int, last: str, from_start: bool, tick: Tick) -> None:
    """Everything of one seed up to the stage ``last`` (train, score or cleanse)."""
    directory = RunDirectory(root)
    place = workplace(load(directory.config))
    with _timed(directory, seed, "train"):
        run = train_seed(directory, place, seed, tick)
        values_of_seed(directory, place, run, seed)
    if last in ("score", "cleanse"):
        with _timed(directory, seed, "score"):
            scores = score_seed(directory, place, run, seed, tick)
    if last == "cleanse":
        with _timed(directory, seed, "cleanse"):
            cleanse_seed(directory, place, run, scores, seed, from_start, tick)


@contextmanager
def _timed(directory: RunDirectory, seed: int, stage: str) -> Iterator[None]:
    """Add the seconds spent to what earlier calls spent on the stage."""
    start = time.monotonic()
    yield
    path = directory.seconds(seed)
    spent = read_json(path) if path.exists() else dict.fromkeys(STAGES, 0.0)
    write_json(path, spent | {stage: spent[stage] + time.monotonic() - start})
