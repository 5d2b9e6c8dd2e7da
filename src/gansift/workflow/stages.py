"""The stages of a run directory: prepare, train, score, cleanse, report. Each goes on where it was stopped."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gansift import data
from gansift.cleansing.decisions import read_decisions
from gansift.errors import GansiftError, TrainingError, UsageError
from gansift.files import read_json, remove, write_bytes, write_json, write_text
from gansift.influence.doctor import Finding, examine
from gansift.influence.estimators import ESTIMATORS, sweeps
from gansift.influence.scores import Scores
from gansift.training.checkpoints import DiskCheckpoints
from gansift.training.devices import check_device, kind_of
from gansift.training.trajectory import Run
from gansift.workflow.build import build_game, build_optimizers, check, load_data, workplace
from gansift.workflow.config import (
    MACHINE,
    Config,
    Decided,
    Way,
    known,
    load,
    moved,
    parse_counts,
    parse_estimators,
    parse_horizons,
    resolve,
)
from gansift.workflow.damage import discard_damaged, read_values
from gansift.workflow.directory import RunDirectory
from gansift.workflow.executors import Executor
from gansift.workflow.fits import check_fits
from gansift.workflow.jobs import Compare, Job, Train, at_once, pipeline
from gansift.workflow.outcome import finish, reported_way
from gansift.workflow.own import updates_of
from gansift.workflow.progress import progress
from gansift.workflow.result import floor
from gansift.workflow.seeds import (
    MAIN_SEED,
    SWEEP,
    chosen_cell,
    is_cleansed,
    plan,
    score_seed,
    scores_at,
    train_seed,
)
from gansift.workflow.spread import executor, run_jobs
from gansift.workflow.verification import Planned, planned, planned_itself

_log = logging.getLogger(__name__)


def prepare(given: Config, outdir: Path) -> tuple[RunDirectory, Config]:
    """Check the data, resolve the configuration and write both down; or go on with the run that is there.

    Raises:
        UsageError: if the configuration asks for something that does not exist.
        TrainingError: if the directory holds a run with other settings.
        DataError: if the data cannot be used.
    """
    directory = RunDirectory(outdir)
    splits = load_data(given, directory.cache)
    config = resolved(given, splits)
    if directory.config.exists() and directory.started:
        recorded = load(directory.config)
        _check_same(directory, recorded, config)
        config = moved(recorded, given)
        _check_move(directory, recorded, config)
        if config != recorded:
            write_json(directory.config, asdict(config))
        if not directory.manifest.exists():
            _record(directory, splits)
        return directory, config
    _record(directory, splits)
    write_json(directory.config, asdict(config))
    _log.info(
        "%s: %d training, %d validation and %d test examples",
        splits.name,
        *map(len, (splits.train, splits.valid, splits.test)),
    )
    for path, reason in splits.skipped:
        _log.warning("left out %s: %s", path, reason)
    for note in splits.notes:
        _log.warning("%s", note)
    return directory, config


def move(directory: RunDirectory, config: Config, device: str | None, accept_drift: bool | None) -> Config:
    """Go on with a run on another device, from now on; None leaves what it was.

    Raises:
        UsageError: if the device cannot be used, or some seed is not trained to its end.
        ReplayError: if a seed replays there to other bits and that is not accepted.
    """
    changed = moved(config, replace(config, device=device, accept_drift=accept_drift))
    _check_move(directory, config, changed)
    if changed != config:
        write_json(directory.config, asdict(changed))
    return changed


def _record(directory: RunDirectory, splits: data.Splits) -> None:
    """Write down which example is where, and how records became numbers."""
    data.write_manifest(directory.manifest, data.DataSets(data=splits))
    if splits.encoding is not None:
        write_text(directory.encoding, splits.encoding.to_json())


def _check_move(directory: RunDirectory, recorded: Config, changed: Config) -> None:
    """Whether a run can go on where it is wanted, before anything says that it does."""
    check_device(known(changed.device))
    if kind_of(known(changed.device)) == kind_of(known(recorded.device)):
        return
    steps, seeds = known(recorded.steps), range(known(recorded.seeds))
    open_ones = [seed for seed in seeds if steps not in DiskCheckpoints(directory.checkpoints(seed)).numbers()]
    if open_ones:
        raise UsageError(
            f"--device {changed.device}: seeds {', '.join(map(str, open_ones))} of {directory.root} are not trained to "
            f"their end, which has to be done where the run was begun (--device {recorded.device}). A finished "
            "training can be taken to another device."
        )
    place = workplace(changed, directory.cache)
    for seed in seeds:
        train_seed(directory, place, seed, lambda amount: None)


def adopt(directory: RunDirectory, config: Config, decisions: Path) -> Decided:
    """Keep a copy of a person's decisions in the run directory, to cleanse with.

    Raises:
        UsageError: for a file that cannot be used.
    """
    found = read_decisions(decisions, load_data(config, directory.cache).train.ids)
    write_bytes(directory.decisions(found.digest), decisions.read_bytes())
    return Decided(found.digest, len(found.removed))


def resolved(given: Config, splits: data.Splits) -> Config:
    """The configuration with every open value filled in, and checked.

    Raises:
        UsageError, TrainingError: as `prepare`.
    """
    config = resolve(given, tuple(splits.train.shape)).with_absolute_paths()
    if config.game is not None:
        config = replace(config, schedule=updates_of(build_game(config, splits.train)))
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
    differing = data.changes(directory.manifest, data.DataSets(data=splits))
    if differing:
        raise TrainingError(
            f"the data are not those that {directory.root} was made with: {len(differing)} examples were added, "
            f"removed, changed or relabelled, e.g. {data.shown(differing[0])}. Bring them back, or choose another "
            "--outdir."
        )


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
        build_game(config, splits.train),
        splits.train,
        batch_size=config.batch,
        optimizers=build_optimizers(config, splits.train),
        ema=known(config.ema),
        dtype=config.dtype,
        device=known(config.device),
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
    splits = load_data(config, directory.cache)
    _check_same_data(directory, splits)
    discard_damaged(directory, len(splits.train))
    check_fits(directory, config, way, splits, last)
    if (
        consult
        and last != "train"
        and sweeps(way.estimator)
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
    place = workplace(load(directory.config), directory.cache)
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
        way: whose scores, unless a file is given. An existing report stays that of its own way of cleansing.
        file: score file of any origin.
        horizon: in epochs, or ``all``; default that of the file, the chosen one, or the longest that is configured.
        count: random removals.
        remove: examples in each, a count or a share.
        over_seeds: retrain every seed and take the mean for the truth.
        quiet: show no progress.

    Raises:
        UsageError: for what does not fit the run.
    """
    place = workplace(load(directory.config), directory.cache)
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
            "score", SWEEP * ESTIMATORS[way.estimator].steps_swept([steps]) * len(unscored), quiet or not unscored
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
    if directory.result.exists():
        reported = reported_way(directory)
        if is_cleansed(directory, place, reported):
            finish(directory, reported)
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


def evaluate(directory: RunDirectory) -> dict[str, Any]:
    """Metric of every seed's untrained and trained generator, on validation and on test data.

    Raises:
        UsageError: if no seed is trained to its end yet.
        GansiftError: if what was measured is damaged.
    """
    place = workplace(load(directory.config), directory.cache)
    rows = []
    for seed in range(known(place.config.seeds)):
        if directory.values(seed).exists():
            rows.append({"seed": seed, **read_values(directory.values(seed))})
    if not rows:
        raise UsageError(f"no seed of {directory.root} is trained to its end yet; go on with `gansift train`")
    return {
        "metric": place.validation.name,
        "direction": place.validation.direction,
        "floor": {"validation": floor(place.validation), "test": floor(place.test)},
        "values": rows,
    }
