"""The stages of a run directory: prepare, train, score, cleanse, report. Each goes on where it was stopped."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors.torch import save
from torch import Tensor

from gansift import cleansing, data
from gansift.cleansing.trial import Cell, removals
from gansift.errors import GansiftError, TrainingError, UsageError
from gansift.files import read_json, remove, write_bytes, write_json
from gansift.games.draw import Draw
from gansift.games.sampler import Sampler
from gansift.influence.doctor import Finding, examine
from gansift.influence.estimators import SWEEPS, steps_swept
from gansift.influence.horizon import trust
from gansift.influence.scores import Scores
from gansift.report.export import write_lists
from gansift.report.page import write_page
from gansift.report.pictures import Pictures
from gansift.training.trajectory import Run
from gansift.workflow.build import Workplace, build_game, build_optimizers, check, load_data, workplace
from gansift.workflow.config import (
    MACHINE,
    Config,
    Way,
    known,
    load,
    parse_counts,
    parse_estimators,
    parse_horizons,
    resolve,
)
from gansift.workflow.damage import discard_damaged, read_values
from gansift.workflow.directory import RunDirectory
from gansift.workflow.estimate import estimate, total
from gansift.workflow.executors import Executor, executor
from gansift.workflow.fits import check_fits
from gansift.workflow.jobs import Compare, Job, Train, at_once, pipeline
from gansift.workflow.left import Left, VerifyLeft, left, verify_left
from gansift.workflow.machine import available_memory, free_disk
from gansift.workflow.measure import measure
from gansift.workflow.progress import progress
from gansift.workflow.result import compared, summarise
from gansift.workflow.seeds import (
    MAIN_SEED,
    SWEEP,
    chosen_cell,
    is_cleansed,
    plan,
    read_seconds,
    read_trials,
    score_seed,
    scores_at,
    train_seed,
)
from gansift.workflow.spread import run_jobs
from gansift.workflow.states import sizes
from gansift.workflow.verification import Planned, planned, planned_itself, read_verifications

_log = logging.getLogger(__name__)

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
    config = resolved(given, splits)
    if directory.config.exists() and directory.started:
        recorded = load(directory.config)
        _check_same(directory, recorded, config)
        config = replace(recorded, **{name: getattr(config, name) for name in MACHINE})
        if config != recorded:
            write_json(directory.config, asdict(config))
        if not directory.manifest.exists():
            data.write_manifest(directory.manifest, splits)
        return directory, config
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


def resolved(given: Config, splits: data.Splits) -> Config:
    """The configuration with every open value filled in, and checked.

    Raises:
        UsageError, TrainingError: as `prepare`.
    """
    config = resolve(given, tuple(splits.train.shape)).with_absolute_paths()
    check(config, splits)
    plan(config, len(splits.train))
    parse_estimators(f"{config.estimator},{config.baselines}" if config.baselines != "none" else config.estimator)
    return config


def _check_same(directory: RunDirectory, recorded: Config, config: Config) -> None:
    there = asdict(recorded)
    differing = [
        f"{key} ({there[key]!r} there, {value!r} now)"
        for key, value in json.loads(json.dumps(asdict(config))).items()
        if key not in MACHINE and there[key] != value
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


def estimated(given: Config, directory: RunDirectory | None, way: Way | None = None) -> dict[str, Any]:
    """What a run takes by stage, all of it, or what is left to do in a run directory; and what there is for it.

    Args:
        given: the configuration; that of the directory where one is given.
        directory: of a run.
        way: of cleansing; default the configured one.

    Returns:
        ``stages`` and ``total`` (see `workflow.estimate.Row`; seconds and bytes), ``jobs``, ``available`` (bytes of
        ``memory``, None where unknown, and ``disk``), and whether it ``fits``.

    Raises:
        UsageError, TrainingError, DataError: as `prepare`.
        GansiftError: for what would stop the run at once.
    """
    splits = load_data(given)
    config = resolved(given, splits)
    way = way or config.way
    config = replace(config, jobs=at_once(config, way, "verify", len(splits.train)))
    of_states = sizes(config, splits.train)
    rows = estimate(
        config,
        way,
        len(splits.train),
        of_states,
        measure(config, way, splits),
        _left(directory, config, way, len(splits.train)),
    )
    everything = total(rows)
    memory, disk = available_memory(), free_disk(directory.root if directory else Path())
    return {
        "stages": [asdict(row) for row in rows],
        "total": asdict(everything),
        "jobs": config.jobs,
        "available": {"memory": memory, "disk": disk},
        "fits": everything.disk <= disk and (memory is None or everything.memory <= memory),
    }


def _left(directory: RunDirectory | None, config: Config, way: Way, examples: int) -> list[tuple[Left, VerifyLeft]]:
    """What is left of every seed; as long as nothing can be chosen, a choice at the mean of the horizons counts."""
    cell: Cell | None = Cell(round(fmean(plan(config, examples)[0])), 0)
    if directory is not None and is_cleansed(directory, workplace(config), way):
        cell = chosen_cell(directory, workplace(config), way)
    with TemporaryDirectory() as empty:
        there = directory or RunDirectory(Path(empty))
        return [
            (left(there, config, way, seed, examples), verify_left(there, config, way, seed, examples, cell))
            for seed in range(known(config.seeds))
        ]


def describe(given: Config, outdir: Path) -> dict[str, Any]:
    """What a run would do: its resolved settings and grid, without doing it.

    Raises:
        UsageError, TrainingError, DataError: as `prepare` and `work` for what can be told beforehand.
    """
    splits = load_data(given)
    config = resolved(given, splits)
    check_fits(RunDirectory(outdir), config, config.way, splits, "verify")
    horizons, counts = plan(config, len(splits.train))
    return {
        "settings": asdict(config),
        "examples": {"train": len(splits.train), "validation": len(splits.valid), "test": len(splits.test)},
        "skipped": [list(pair) for pair in splits.skipped],
        "horizons": horizons,
        "removals": counts,
    }


def doctor(given: Config, quick: bool) -> list[Finding]:
    """Examine the game that a configuration describes, open values filled in as `gansift train` would."""
    splits = load_data(given)
    return examined(resolved(given, splits), splits, quick)


def examined(config: Config, splits: data.Splits, quick: bool) -> list[Finding]:
    """What the doctor finds in the game of a resolved configuration."""
    return examine(
        build_game(config, tuple(splits.train.shape)),
        splits.train,
        batch_size=config.batch,
        optimizers=build_optimizers(config),
        ema=known(config.ema),
        dtype=config.dtype,
        device=config.device,
        renormalise=config.renormalise,
        quick=quick,
    )


def _consult(config: Config, splits: data.Splits) -> None:
    findings = examined(config, splits, quick=True)
    for finding in findings:
        if finding.verdict == "warning":
            _log.warning("doctor: %s %s %s", finding.where, finding.message, finding.remedy)
    faults = [
        f"{finding.where} {finding.message} {finding.remedy}".strip()
        for finding in findings
        if finding.verdict == "fault"
    ]
    if faults:
        raise GansiftError(
            f"scores of this game would be wrong: {' '.join(faults)} `gansift doctor` says more; --no-doctor scores "
            "anyway."
        )


def work(directory: RunDirectory, config: Config, last: str, way: Way, quiet: bool, consult: bool = True) -> None:
    """Train, score, cleanse and verify all seeds up to the stage ``last``.

    Before anything is scored by going back through training, the doctor's quick examination has to find no fault,
    unless ``consult`` is False.

    Raises:
        TrainingError: if the data are no longer those of the run, or a training breaks down.
        UsageError: if the states do not fit this machine's disk or memory.
        GansiftError: for a fault that the doctor finds.
    """
    splits = load_data(config)
    _check_same_data(directory, splits)
    discard_damaged(directory, len(splits.train))
    check_fits(directory, config, way, splits, last)
    if (
        consult
        and last != "train"
        and way.estimator in SWEEPS
        and not directory.growth(MAIN_SEED, way.estimator).exists()
    ):
        _consult(config, splits)
    for unfinished in directory.unfinished():
        remove(unfinished)
    examples = len(splits.train)
    jobs = pipeline(config, way, "cleanse" if last == "verify" else last, examples)
    seeds = known(config.seeds)
    with executor(directory.root, config, at_once(config, way, last, examples)) as chosen:
        _do(directory, config, jobs, chosen, f"{last} {seeds} seed{'s' if seeds > 1 else ''}", examples, quiet)
        if last == "verify":  # what is verified is the choice, which takes the trials of all seeds
            comparisons, verification = _after_choice(directory, way)
            retrainings = [] if verification is None else verification.to_do
            _do(directory, config, [*comparisons, *retrainings], chosen, "verify", examples, quiet)
            if verification is not None:
                verification.conclude(directory)


def _do(
    directory: RunDirectory,
    config: Config,
    jobs: Sequence[Job],
    chosen: Executor,
    title: str,
    examples: int,
    quiet: bool,
) -> None:
    work = sum(job.work(directory, config, examples) for job in jobs if not job.done(directory))
    with progress(title, work, quiet or not work) as tick:
        run_jobs(directory, jobs, chosen, tick)


def _after_choice(directory: RunDirectory, way: Way) -> tuple[list[Job], Planned | None]:
    """What the report says of the choice beyond its trials: other ways of choosing, and whether scores hold."""
    place = workplace(load(directory.config))
    cell = chosen_cell(directory, place, way)
    comparisons: list[Job] = []
    if cell is not None:
        comparisons = [Compare(seed, cell, way) for seed in range(known(place.config.seeds))]
    run = train_seed(directory, place, MAIN_SEED, lambda amount: None)
    scores = score_seed(directory, place, run, MAIN_SEED, way.estimator, lambda amount: None)
    if not scores:
        return comparisons, None
    return comparisons, planned_itself(directory, place, run, scores[cell.horizon if cell else max(scores)])


def verify(
    directory: RunDirectory,
    config: Config,
    way: Way,
    file: Path | None,
    horizon: str | None,
    count: int,
    remove: str,
    over_seeds: bool,
    quiet: bool,
) -> dict[str, Any]:
    """Verify scores against retraining; write it down, and into the report where there is one.

    Args:
        directory: of the run.
        config: of the run, with the machine's settings of this call.
        way: whose scores, unless a file is given; and the way that an existing report is written anew for.
        file: score file of any origin.
        horizon: in epochs, or ``all``; default that of the file, the chosen one, or the longest that is configured.
        count: random removals.
        remove: examples in each, a count or a share.
        over_seeds: retrain every seed and take the mean for the truth.
        quiet: show no progress.

    Raises:
        UsageError: for what does not fit the run.
    """
    place = workplace(load(directory.config))
    _check_same_data(directory, place.splits)
    examples = len(place.splits.train)
    discard_damaged(directory, examples)
    given = None if file is None else Scores.read(file)
    seeds = range(known(config.seeds) if over_seeds else 1)
    (removed,) = parse_counts(remove, examples)
    with executor(directory.root, config, count * len(seeds)) as chosen:
        _do(directory, config, [Train(seed) for seed in seeds], chosen, "train", examples, quiet)
        runs = [train_seed(directory, place, seed, lambda amount: None) for seed in seeds]
        steps = _verified_horizon(directory, config, given, horizon, runs[0])
        unscored = [
            seed
            for seed in seeds
            if given is None and not directory.scores(seed, place.validation.name, way.estimator, steps).exists()
        ]
        with progress(
            "score", SWEEP * steps_swept(way.estimator, [steps]) * len(unscored), quiet or not unscored
        ) as tick:
            scores = [
                replace(given, horizon=steps)
                if given
                else scores_at(directory, place, run, seed, way.estimator, steps, tick)
                for seed, run in zip(seeds, runs, strict=True)
            ]
        verification = planned(directory, place, runs, scores, count, removed)
        _do(directory, config, verification.to_do, chosen, "verify", examples, quiet)
    found = verification.conclude(directory)
    if directory.result.exists() and is_cleansed(directory, place, way):
        finish(directory, way)
    return found


def _verified_horizon(
    directory: RunDirectory, config: Config, given: Scores | None, horizon: str | None, run: Run
) -> int:
    if horizon is not None:
        return parse_horizons(horizon, run.epoch, run.steps)[-1]
    if given is not None:
        return given.horizon
    chosen = read_json(directory.result)["chosen"] if directory.result.exists() else None
    return chosen["horizon"] if chosen else max(plan(config, len(run.ids))[0])


def finish(directory: RunDirectory, way: Way, seconds: float | None = None) -> dict[str, Any]:
    """Choose, judge, and write everything that a person takes away from a run.

    Args:
        directory: with finished trials.
        way: which trials to read.
        seconds: that the run took, unless an earlier report says more.

    Raises:
        UsageError: if some seed is not cleansed to its end yet.
    """
    place = workplace(load(directory.config))
    discard_damaged(directory, len(place.splits.train))
    trials = read_trials(directory, place.config, len(place.splits.train), way)
    if not is_cleansed(directory, place, way):
        raise UsageError(
            f"{directory.root} is not cleansed to its end yet; run `gansift cleanse {directory.root}{way.flags}` first"
        )
    run = train_seed(directory, place, MAIN_SEED, lambda amount: None)
    seeds = range(known(place.config.seeds))
    values = [read_json(directory.values(seed)) for seed in seeds]
    times = [read_seconds(directory, seed) for seed in seeds]
    if directory.result.exists():  # a finished run that is only looked at again took what it took
        seconds = max(seconds or 0.0, read_json(directory.result)["seconds"] or 0.0)
    result, kept_choice = summarise(place, values, trials, run, way, seconds, times)
    result |= _trust(directory, run, way)
    result["baselines"] = []
    if result["chosen"] is not None:
        cell = Cell(result["chosen"]["horizon"], result["chosen"]["removed"])
        paths = [directory.compared(seed, cell, way) for seed in seeds]
        others = [read_json(path) for path in paths if path.exists()]
        result["baselines"] = compared(cell, trials, others, way.estimator)
    scores = score_seed(directory, place, run, MAIN_SEED, way.estimator, lambda amount: None)
    _write_outcome(directory, place, run, scores, result, kept_choice)
    return result


def _trust(directory: RunDirectory, run: Run, way: Way) -> dict[str, Any]:
    """What is known of how far the main seed's scores can be believed."""
    growth = read_json(directory.growth(MAIN_SEED, way.estimator))
    found = trust([(row["step"], row["norm"], row["effect"]) for row in growth], run.epoch) if growth else None
    return {
        "verification": read_verifications(directory, way.estimator),
        "growth": growth,
        "trust": None if found is None else asdict(found) | {"epochs": round(found.horizon / run.epoch, 2)},
    }


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
        remove(directory.generator("cleansed"))
    else:
        _save_generator(directory, "cleansed", run, after)
    shown.to_csv(directory.chosen_scores(shown.metric, shown.estimator))
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
        GansiftError: if what was measured is damaged.
    """
    place = workplace(load(directory.config))
    rows = []
    for seed in range(known(place.config.seeds)):
        if directory.values(seed).exists():
            rows.append({"seed": seed, **read_values(directory.values(seed))})
    if not rows:
        raise UsageError(f"no seed of {directory.root} is trained to its end yet; go on with `gansift train`")
    return {"metric": place.validation.name, "direction": place.validation.direction, "values": rows}
