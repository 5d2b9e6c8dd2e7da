"""The work of one training seed: train, score, try removals. Each piece is skipped if its result is there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from gansift import training
from gansift.cleansing.choose import choose, complete_cells
from gansift.cleansing.trial import Cell, Trial, compare, try_horizon
from gansift.errors import GansiftError
from gansift.files import read_json, write_json
from gansift.influence.estimators import estimate, steps_swept
from gansift.influence.horizon import trust
from gansift.influence.scores import Scores
from gansift.training.checkpoints import DiskCheckpoints
from gansift.training.memory import bytes_of
from gansift.training.trajectory import Run
from gansift.workflow.build import Workplace, build_game, build_optimizers, workplace
from gansift.workflow.config import AUTO, Config, Way, known, load, parse_counts, parse_estimators, parse_horizons
from gansift.workflow.directory import RunDirectory
from gansift.workflow.verification import has_verified, own_removals, verify_itself

_log = logging.getLogger(__name__)

#: Called with the amount of work done, in units of one training step.
Tick = Callable[[float], None]

STAGES = ("train", "score", "cleanse", "verify")

#: The seed whose generator, scores and lists are the user's; the others show whether the gain holds.
MAIN_SEED = 0

# A step of the backward sweep costs about this many training steps.
SWEEP = 3.5


class Left(NamedTuple):
    """What is left to do of one seed until removals are tried.

    Attributes:
        steps: of training.
        scored: horizons to score, in steps; empty once they are.
        tried: horizons to try removals at, in steps.
    """

    steps: int
    scored: list[int]
    tried: list[int]


class VerifyLeft(NamedTuple):
    """What is left to do of one seed's stage `verify`.

    Attributes:
        horizon: of the choice, in steps; the longest if nothing is chosen.
        compared: estimators to compare the choice with.
        removals: random ones to verify the scores by.
    """

    horizon: int
    compared: list[str]
    removals: int


def left(directory: RunDirectory, config: Config, way: Way, seed: int, examples: int) -> Left:
    """What is left to do of one seed, for ``examples`` training examples; all of it if nothing is there."""
    horizons, _ = plan(config, examples)
    done = DiskCheckpoints(directory.training(seed) / "checkpoints").numbers()
    scored = directory.growth(seed, way.estimator).exists()
    tried = (
        [horizon for horizon in horizons if directory.has_scores(seed, way.estimator, horizon)] if scored else horizons
    )
    return Left(
        known(config.steps) - max(done, default=0),
        [] if scored else horizons,
        [horizon for horizon in tried if not directory.trials(seed, horizon, way).exists()],
    )


def verify_left(
    directory: RunDirectory, config: Config, way: Way, seed: int, examples: int, cell: Cell | None
) -> VerifyLeft:
    """What is left of the stage `verify` for one seed, once a cell is chosen, or None."""
    compared = cell is not None and not directory.compared(seed, cell, way).exists()
    verified = seed != MAIN_SEED or has_verified(directory, way.estimator)
    return VerifyLeft(
        max(plan(config, examples)[0]) if cell is None else cell.horizon,
        compared_with(config, way) if compared else [],
        0 if verified else own_removals(config, examples)[0],
    )


def work_left(directory: RunDirectory, config: Config, way: Way, seed: int, examples: int) -> dict[str, float]:
    """Work left of one seed by stage, in training steps, before anything is chosen."""
    to_do, (_, counts) = left(directory, config, way, seed, examples), plan(config, examples)
    return {
        "train": to_do.steps,
        "score": SWEEP * steps_swept(way.estimator, to_do.scored) if to_do.scored else 0.0,
        "cleanse": 2.0 * len(counts) * sum(redone(config, way, horizon) for horizon in to_do.tried),
    }


def verify_work(directory: RunDirectory, place: Workplace, way: Way, seed: int) -> float:
    """Work left of the stage `verify` for one seed, in training steps, once the choice can be made."""
    config = place.config
    cell = chosen_cell(directory, place, way)
    horizon, names, removals = verify_left(directory, config, way, seed, len(place.splits.train), cell)
    compared = sum(redone(config, way, horizon) + SWEEP * steps_swept(name, [horizon]) for name in names)
    return compared + removals * horizon


def redone(config: Config, way: Way, horizon: int) -> int:
    """Steps of one retraining of a horizon: the whole run where examples are removed from the start."""
    return known(config.steps) if way.from_start else horizon


def compared_with(config: Config, way: Way) -> list[str]:
    """The estimators that a way of cleansing is compared with: the configured ones, and ITD where it is not ITD's."""
    return [name for name in ["itd", *parse_estimators(config.baselines)] if name not in (way.estimator, "random")]


def chosen_cell(directory: RunDirectory, place: Workplace, way: Way) -> Cell | None:
    """The cell that all seeds' trials choose on validation data; None if removal does not help."""
    trials = read_trials(directory, place.config, len(place.splits.train), way)
    return choose(complete_cells(trials, known(place.config.seeds)), place.validation.direction)


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
        memory=None if config.memory is None else bytes_of(config.memory) // (config.jobs or 1),
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


def score_seed(
    directory: RunDirectory, place: Workplace, run: Run, seed: int, estimator: str, tick: Tick
) -> dict[int, Scores]:
    """The scores of one seed by one estimator for every horizon that could be computed, from one backward sweep."""
    horizons, _ = plan(place.config, len(place.splits.train))
    paths = {horizon: directory.scores(seed, place.validation.name, estimator, horizon) for horizon in horizons}
    growth = directory.growth(seed, estimator)
    if not growth.exists():
        scores = estimate(estimator, run, place.validation, horizons, lambda number: tick(SWEEP))
        rows = scores[max(scores)].growth if scores else ()
        for horizon in _believable(place.config, scores, run.epoch):
            scores[horizon].to_csv(paths[horizon])
        # Written last, so that it vouches for the score files.
        write_json(growth, [{"step": step, "norm": norm, "effect": effect} for step, norm, effect in rows])
    return {horizon: Scores.read(path) for horizon, path in paths.items() if path.exists()}


def _believable(config: Config, scores: Mapping[int, Scores], epoch: float) -> list[int]:
    """The horizons to go on with: all of them, or with ``auto`` those within which the adjoint grows little.

    The shortest one stays in any case; a trial of it shows what its scores are worth.
    """
    if not scores or known(config.horizons).strip() != AUTO or not scores[max(scores)].growth:
        return sorted(scores)
    longest = trust(scores[max(scores)].growth, epoch).horizon
    return [horizon for horizon in sorted(scores) if horizon <= max(longest, min(scores))]


def cleanse_seed(
    directory: RunDirectory, place: Workplace, run: Run, scores: dict[int, Scores], seed: int, way: Way, tick: Tick
) -> list[Trial]:
    """Retraining of one seed for every horizon, the cheapest first, and every number to remove."""
    _, counts = plan(place.config, len(place.splits.train))
    trials = []
    for horizon in sorted(scores):
        path = directory.trials(seed, horizon, way)
        if not path.exists():
            before = _before(directory, place, run, seed)
            found = try_horizon(run, scores[horizon], counts, place.metrics, before, way.from_start)
            write_json(path, [asdict(trial) for trial in found])
            tick(2.0 * len(counts) * redone(place.config, way, horizon))
        trials += [Trial(**row) for row in read_json(path)]
    return trials


def compare_seed(
    directory: RunDirectory, place: Workplace, run: Run, seed: int, cell: Cell, way: Way, tick: Tick
) -> None:
    """Retraining of one seed without what other estimators call most harmful, at the chosen cell.

    An estimator that does not fit the game or the metric is left out, with a warning.
    """
    path = directory.compared(seed, cell, way)
    if path.exists():
        return
    scores = {}
    for name in compared_with(place.config, way):
        try:
            scores[name] = scores_at(directory, place, run, seed, name, cell.horizon, tick)
        except GansiftError as error:
            _log.warning("seed %d: nothing is compared with %s: %s", seed, name, error)
    before = _before(directory, place, run, seed)
    found = compare(run, list(scores.values()), cell, place.metrics, before, way.from_start)
    rows = [
        {"estimator": name, "validation": changes[0], "test": changes[1]}
        for name, changes in zip(scores, found, strict=True)
        if changes is not None
    ]
    write_json(path, rows)
    tick(float(len(scores) * redone(place.config, way, cell.horizon)))


def scores_at(
    directory: RunDirectory,
    place: Workplace,
    run: Run,
    seed: int,
    estimator: str,
    horizon: int,
    tick: Tick = lambda amount: None,
) -> Scores:
    """The scores of one seed by one estimator for one horizon; computed, but not kept, where they are not there.

    What is kept says which horizons are cleansed with, and that is for `score_seed` to decide.

    Raises:
        GansiftError: if the estimator does not fit the game or the metric, or its sweep overflows.
    """
    path = directory.scores(seed, place.validation.name, estimator, horizon)
    if path.exists():
        return Scores.read(path)
    found = estimate(estimator, run, place.validation, [horizon], lambda number: tick(SWEEP))
    if horizon not in found:
        raise GansiftError(f"no scores of horizon {horizon}: the backward sweep overflowed. Choose a shorter one.")
    return found[horizon]


def _before(directory: RunDirectory, place: Workplace, run: Run, seed: int) -> tuple[float, float]:
    trained = values_of_seed(directory, place, run, seed)["trained"]
    return trained["validation"], trained["test"]


def is_cleansed(directory: RunDirectory, place: Workplace, way: Way) -> bool:
    """Whether every seed has tried removals at every horizon for which it has scores."""
    horizons, _ = plan(place.config, len(place.splits.train))
    return all(
        directory.growth(seed, way.estimator).exists()
        and all(
            directory.trials(seed, horizon, way).exists()
            for horizon in horizons
            if directory.scores(seed, place.validation.name, way.estimator, horizon).exists()
        )
        for seed in range(known(place.config.seeds))
    )


def read_trials(directory: RunDirectory, config: Config, examples: int, way: Way) -> list[Trial]:
    """The finished trials of all seeds."""
    horizons, _ = plan(config, examples)
    paths = [directory.trials(seed, horizon, way) for seed in range(known(config.seeds)) for horizon in horizons]
    return [Trial(**row) for path in paths if path.exists() for row in read_json(path)]


def work_on_seed(root: Path, seed: int, last: str, way: Way, tick: Tick) -> None:
    """Everything of one seed up to the stage ``last``; ``verify`` needs the trials of all seeds."""
    directory = RunDirectory(root)
    place = workplace(load(directory.config))
    with _timed(directory, seed, "train"):
        run = train_seed(directory, place, seed, tick)
        values_of_seed(directory, place, run, seed)
    if last == "train":
        return
    with _timed(directory, seed, "score"):
        scores = score_seed(directory, place, run, seed, way.estimator, tick)
    if last == "score":
        return
    with _timed(directory, seed, "cleanse"):
        cleanse_seed(directory, place, run, scores, seed, way, tick)
    if last == "cleanse":
        return
    with _timed(directory, seed, "verify"):
        cell = chosen_cell(directory, place, way)
        if cell is not None:
            compare_seed(directory, place, run, seed, cell, way, tick)
        if seed == MAIN_SEED and scores:
            own = scores[cell.horizon if cell is not None else max(scores)]
            verify_itself(directory, place, run, own, tick)


@contextmanager
def _timed(directory: RunDirectory, seed: int, stage: str) -> Iterator[None]:
    """Add the seconds spent to what earlier calls spent on the stage."""
    start = time.monotonic()
    yield
    path = directory.seconds(seed)
    spent = read_json(path) if path.exists() else dict.fromkeys(STAGES, 0.0)
    write_json(path, spent | {stage: spent[stage] + time.monotonic() - start})
