"""The stages of a run directory: prepare, train, score, cleanse, report. Each goes on where it was stopped."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save
from torch import Tensor

from gansift import cleansing, data
from gansift.cleansing.trial import Cell, removals
from gansift.errors import TrainingError, UsageError
from gansift.files import read_json, write_bytes, write_json
from gansift.games.draw import Draw
from gansift.games.sampler import Sampler
from gansift.influence.scores import Scores
from gansift.report.export import write_lists
from gansift.report.page import write_page
from gansift.report.pictures import Pictures
from gansift.training.trajectory import Run
from gansift.workflow.build import Workplace, check, load_data, workplace
from gansift.workflow.config import MACHINE, Config, known, load, resolve
from gansift.workflow.directory import RunDirectory
from gansift.workflow.jobs import run_seeds
from gansift.workflow.result import summarise
from gansift.workflow.seeds import (
    STAGES,
    is_cleansed,
    plan,
    read_trials,
    score_seed,
    seed_work,
    train_seed,
    work_left,
)

_log = logging.getLogger(__name__)

# The seed whose generator, scores and lists are the user's; the others show whether the gain holds.
MAIN_SEED = 0
_SAMPLES = 64


def prepare(given: Config, outdir: Path) -> tuple[RunDirectory, Config]:
    """Check the data, resolve the configuration and write both down; or go on with the run that is there.

    Raises:
        UsageError: if the configuration asks for something that does not exist.
        TrainingError: if the directory holds a run with other settings.
        DataError: if the data cannot be used.
    """
    directory = RunDirectory(outdir)
    splits = load_data(given)
    config = resolve(given, tuple(splits.train.shape)).with_absolute_paths()
    config = replace(config, jobs=config.jobs or os.cpu_count() or 1)
    check(config, splits)
    plan(config, len(splits.train))
    if directory.config.exists() and directory.started:
        _check_same(directory, config)
        return directory, replace(load(directory.config), jobs=config.jobs)
    data.write_manifest(directory.manifest, splits)
    write_json(directory.config, asdict(config))
    _log.info(
        "%s: %d training, %d validation and %d test examples",
        splits.name,
        *map(len, (splits.train, splits.valid, splits.test)),
    )
    for path, reason in splits.skipped:
        _log.warning("left out %s: %s", path, reason)
    return directory, config


def _check_same(directory: RunDirectory, config: Config) -> None:
    recorded, wanted = read_json(directory.config), json.loads(json.dumps(asdict(config)))
    differing = [
        f"{key} ({recorded.get(key)!r} there, {value!r} now)"
        for key, value in wanted.items()
        if key not in MACHINE and recorded.get(key) != value
    ]
    if differing:
        raise TrainingError(
            f"{directory.root} holds a run with other settings: {', '.join(differing)}. Choose another --outdir, or "
            "give the same settings to go on with it."
        )


def _check_same_data(directory: RunDirectory, splits: data.Splits) -> None:
    differing = data.changes(directory.manifest, splits)
    if differing:
        raise TrainingError(
            f"the data are not those that {directory.root} was made with: {len(differing)} examples were added, "
            f"removed, changed or relabelled, e.g. {differing[0]}. Bring them back, or choose another --outdir."
        )


def describe(config: Config) -> dict[str, Any]:
    """What a run would do: its resolved settings, grid and amount of work, without doing it."""
    splits = load_data(config)
    resolved = resolve(config, tuple(splits.train.shape))
    check(resolved, splits)
    horizons, counts = plan(resolved, len(splits.train))
    return {
        "settings": asdict(resolved),
        "examples": {"train": len(splits.train), "validation": len(splits.valid), "test": len(splits.test)},
        "skipped": [list(pair) for pair in splits.skipped],
        "horizons": horizons,
        "removals": counts,
        "training_steps_worth_of_work": known(resolved.seeds) * sum(seed_work(resolved, len(splits.train)).values()),
    }


def work(directory: RunDirectory, config: Config, last: str, from_start: bool, quiet: bool) -> None:
    """Train, score and cleanse all seeds up to the stage ``last`` (train, score or cleanse).

    Raises:
        TrainingError: if the data are no longer those of the run, or a training breaks down.
    """
    splits = load_data(config)
    _check_same_data(directory, splits)
    for unfinished in directory.unfinished():
        unfinished.unlink(missing_ok=True)
    examples = len(splits.train)
    left = replace(config, from_start=from_start)
    stages = STAGES[: STAGES.index(last) + 1]
    total = sum(
        work_left(directory, left, seed, examples)[stage] for seed in range(known(config.seeds)) for stage in stages
    )
    run_seeds(directory.root, range(known(config.seeds)), last, from_start, total, config.jobs or 1, quiet)


def finish(directory: RunDirectory, from_start: bool, seconds: float | None = None) -> dict[str, Any]:
    """Choose, judge, and write everything that a person takes away from a run.

    Args:
        directory: with finished trials.
        from_start: which trials to read: examples removed from the whole run, or from the horizon on.
        seconds: that the run took, unless an earlier report says more.

    Raises:
        UsageError: if some seed is not cleansed to its end yet.
    """
    place = workplace(load(directory.config))
    trials = read_trials(directory, place.config, len(place.splits.train), from_start)
    if not is_cleansed(directory, place, from_start):
        flag = " --from-start" if from_start else ""
        raise UsageError(
            f"{directory.root} is not cleansed to its end yet; run `gansift cleanse {directory.root}{flag}` first"
        )
    run = train_seed(directory, place, MAIN_SEED, lambda amount: None)
    seeds = range(known(place.config.seeds))
    values = [read_json(directory.values(seed)) for seed in seeds]
    times = [read_json(directory.seconds(seed)) for seed in seeds]
    if directory.result.exists():  # a finished run that is only looked at again took what it took
        seconds = max(seconds or 0.0, read_json(directory.result)["seconds"] or 0.0)
    result, kept_choice = summarise(place, values, trials, run, from_start, seconds, times)
    scores = score_seed(directory, place, run, MAIN_SEED, lambda amount: None)
    result["growth"] = read_json(directory.growth(MAIN_SEED))
    _write_outcome(directory, place, run, scores, result, kept_choice)
    return result


def _write_outcome(
    directory: RunDirectory,
    place: Workplace,
    run: Run,
    scores: dict[int, Scores],
    result: dict[str, Any],
    chosen: Cell | None,
) -> None:
    if not scores:
        raise TrainingError(
            f"no example of {directory.root} has a score: the backward sweep of the first seed overflowed within "
            "its shortest horizon (see log.txt). Train more smoothly (larger --eps or --r1, smaller --lr)."
        )
    shown = (
        scores[chosen.horizon]
        if chosen is not None
        else scores[result["chosen"]["horizon"] if result["chosen"] else max(scores)]
    )
    removed = () if chosen is None else shown.harmful(chosen.removed).ids
    after = None
    if chosen is not None:
        redone = run.steps if result["from_start"] else chosen.horizon
        # The very retrainings that were measured, so that the generator is the one in the report bit for bit.
        _, counts = plan(place.config, len(run.ids))
        samplers = cleansing.retrained_samplers(run, removals(run, shown, counts), redone)
        after = samplers[counts.index(chosen.removed)]
    result["classes"] = _classes(place, set(removed))
    samples = [None if sampler is None else _samples(sampler) for sampler in (run.sampler(), after)]
    _save_generator(directory, "original", run, run.sampler())
    if after is None:  # what an earlier choice left
        directory.generator("cleansed").unlink(missing_ok=True)
    else:
        _save_generator(directory, "cleansed", run, after)
    shown.to_csv(directory.chosen_scores(shown.metric))
    write_lists(directory.root, run.ids, removed)
    result["report"] = str(directory.page)
    write_json(directory.result, result)
    train = place.splits.train
    labels = None
    if train.labels is not None and train.class_names is not None:
        labels = tuple(train.class_names[label] for label in train.labels.tolist())
    write_page(directory.page, result, Pictures(run.ids, shown.values, labels, train.x.numpy(), *samples))


def _samples(sampler: Sampler) -> np.ndarray:
    draw = Draw(MAIN_SEED, "report", dtype=sampler.dtype, device=sampler.device)
    return sampler.sample(_SAMPLES, draw).detach().float().cpu().numpy()


def _save_generator(directory: RunDirectory, name: str, run: Run, sampler: Sampler) -> None:
    flat = sampler.parameters["generator"]
    views: dict[str, Tensor] = {
        key: value.detach().cpu().contiguous() for key, value in run.step.layouts["generator"].views(flat).items()
    }
    write_bytes(directory.generator(name), save(views, metadata={"run": name}))


def _classes(place: Workplace, removed: set[str]) -> list[dict[str, Any]] | None:
    train = place.splits.train
    if train.labels is None or train.class_names is None:
        return None
    labels = train.labels.numpy()
    kept = np.array([identity not in removed for identity in train.ids])
    return [
        {"name": name, "before": int((labels == row).sum()), "after": int((labels[kept] == row).sum())}
        for row, name in enumerate(train.class_names)
    ]


def evaluate(directory: RunDirectory) -> dict[str, Any]:
    """Metric of every seed's untrained and trained generator, on validation and on test data.

    Raises:
        UsageError: if no seed is trained to its end yet.
    """
    place = workplace(load(directory.config))
    rows = []
    for seed in range(known(place.config.seeds)):
        if directory.values(seed).exists():
            rows.append({"seed": seed, **read_json(directory.values(seed))})
    if not rows:
        raise UsageError(f"no seed of {directory.root} is trained to its end yet; go on with `gansift train`")
    return {"metric": place.validation.name, "direction": place.validation.direction, "values": rows}
