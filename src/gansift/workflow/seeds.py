"""The work of one training seed: train, score, try removals, compare with other ways."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict

from gansift import training
from gansift.cleansing.choose import Cells, choose, complete_cells, strongest
from gansift.cleansing.decisions import read_decisions
from gansift.cleansing.trial import Cell, Trial, compare, try_horizon
from gansift.errors import GansiftError, UsageError
from gansift.files import read_json, write_json
from gansift.influence.estimators import ESTIMATORS, estimate
from gansift.influence.horizon import trust
from gansift.influence.scores import Scores
from gansift.training.memory import bytes_of
from gansift.training.trajectory import Run
from gansift.workflow.build import Workplace, build_game, build_optimizers
from gansift.workflow.config import AUTO, Config, Way, known, parse_counts, parse_estimators, parse_horizons
from gansift.workflow.directory import RunDirectory
from gansift.workflow.progress import Tick

_log = logging.getLogger(__name__)

STAGES = ("train", "score", "cleanse", "verify")

#: The seed whose generator, scores and lists are the user's; the others show whether the gain holds.
MAIN_SEED = 0

# A step of the backward sweep costs about this many training steps.
SWEEP = 3.5


def trial_work(config: Config, way: Way, horizon: int, examples: int) -> float:
    """Work of trying removals at one horizon, in training steps."""
    return 2.0 * len(numbers(config, way, examples)) * redone(config, way, horizon)


def comparison_work(config: Config, way: Way, cell: Cell) -> float:
    """Work of comparing with other estimators at one cell, in training steps."""
    steps = redone(config, way, cell.horizon)
    return sum(steps + SWEEP * ESTIMATORS[name].steps_swept([cell.horizon]) for name in compared_with(config, way))


def redone(config: Config, way: Way, horizon: int) -> int:
    """Steps of one retraining of a horizon: the whole run where examples are removed from the start."""
    return known(config.steps) if way.from_start else horizon


def compared_with(config: Config, way: Way) -> list[str]:
    """The estimators that a way of cleansing is compared with: the configured ones, and ITD where it is not ITD's.

    What a person decided is compared with the scores that were at hand, too.
    """
    names = dict.fromkeys(["itd", way.estimator, *parse_estimators(config.baselines)])
    return [name for name in names if name not in (way.chooser, "random")]


def chosen_cell(directory: RunDirectory, place: Workplace, way: Way) -> Cell | None:
    """The cell that all seeds' trials choose on validation data; None if nothing is chosen."""
    trials = read_trials(directory, place.config, len(place.splits.train), way)
    return choice(complete_cells(trials, known(place.config.seeds)), place.validation.direction, way)


def choice(cells: Cells, direction: str, way: Way) -> Cell | None:
    """The cell that a way of cleansing settles on: none if removal does not help, unless a person decided on it."""
    return choose(cells, direction) if way.decided is None else strongest(cells, direction)


def numbers(config: Config, way: Way, examples: int) -> list[int]:
    """Numbers to remove of ``examples`` training examples: the configured ones, or that of a person's decisions."""
    return plan(config, examples)[1] if way.decided is None else [way.decided.removed]


def candidates(directory: RunDirectory, scores: Scores, way: Way) -> Scores:
    """The scores of those examples of which the most harmful are removed: all, or those a person decided to remove.

    Raises:
        UsageError: if the run directory's copy of the decisions was changed or is gone.
    """
    if way.decided is None:
        return scores
    path = directory.decisions(way.decided.digest)
    decisions = read_decisions(path, scores.ids)
    if decisions.digest != way.decided.digest:
        raise UsageError(f"{path} was changed since the run was cleansed with it; give your own decisions again")
    return scores[[scores.rows[identity] for identity in decisions.removed]]


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
    return training.train(
        build_game(config, place.splits.train, seed),
        place.splits.train,
        steps=known(config.steps),
        batch_size=config.batch,
        optimizers=build_optimizers(config, place.splits.train),
        ema=known(config.ema),
        seed=seed,
        outdir=directory.training(seed),
        renormalise=config.renormalise,
        dtype=config.dtype,
        device=known(config.device),
        compiled=config.compiled,
        accept_drift=bool(config.accept_drift),
        memory=None if config.memory is None else bytes_of(config.memory) // (config.jobs or 1),
        progress=lambda number, losses: tick(1),
    )


def values_of_seed(directory: RunDirectory, place: Workplace, run: Run, seed: int) -> dict[str, dict[str, float]]:
    """Validation and test metric of the untrained and the trained generator of one seed."""
    path = directory.values(seed)
    if not path.exists():
        values = {
            name: {"validation": place.validation.value(trained), "test": place.test.value(trained)}
            for name, trained in (("untrained", run.trained(0)), ("trained", run.trained()))
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


def try_removals(
    directory: RunDirectory, place: Workplace, run: Run, seed: int, horizon: int, way: Way, tick: Tick
) -> None:
    """Retraining of one seed at one horizon, for every number to remove; nothing where it has no scores."""
    path = directory.scores(seed, place.validation.name, way.estimator, horizon)
    if not path.exists():
        return
    counts = numbers(place.config, way, len(place.splits.train))
    before = _before(directory, place, run, seed)
    scores = candidates(directory, Scores.read(path), way)
    found = try_horizon(run, scores, counts, place.metrics, before, way.from_start)
    write_json(directory.trials(seed, horizon, way), [asdict(trial) for trial in found])
    tick(trial_work(place.config, way, horizon, len(place.splits.train)))


def compare_seed(
    directory: RunDirectory, place: Workplace, run: Run, seed: int, cell: Cell, way: Way, tick: Tick
) -> None:
    """Retraining of one seed without what other estimators call most harmful, at the chosen cell.

    An estimator that does not fit the game or the metric is left out, with a warning.
    """
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
    write_json(directory.compared(seed, cell, way), rows)
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
    """Whether every seed was measured and has tried removals at every horizon for which it has scores."""
    horizons, _ = plan(place.config, len(place.splits.train))
    return all(
        directory.values(seed).exists()
        and directory.growth(seed, way.estimator).exists()
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


def add_seconds(directory: RunDirectory, seed: int, stage: str, seconds: float) -> None:
    """Add what a job took to what earlier ones took on the stage."""
    spent = read_seconds(directory, seed)
    write_json(directory.seconds(seed), spent | {stage: spent[stage] + seconds})


def read_seconds(directory: RunDirectory, seed: int) -> dict[str, float]:
    """Seconds of work on one seed by stage, over all calls."""
    path = directory.seconds(seed)
    return read_json(path) if path.exists() else dict.fromkeys(STAGES, 0.0)
