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
from gansift.workflow.build import build_game, build_optimizers, check, load_data, workplace
from gansift.workflow.choosing import chosen_cell, is_cleansed
from gansift.workflow.config import (
    MACHINE,
    Config,
    Decided,
    Way,
    known,
    load,
    moved,
    parse_counts,
    parse_horizons,
    resolve,
)
from gansift.workflow.damage import discard_damaged, read_values
from gansift.workflow.directory import RunDirectory
from gansift.workflow.executors import Executor
from gansift.workflow.fits import check_fits
from gansift.workflow.jobs import Job, Train, at_once, comparison, pipeline, to_do
from gansift.workflow.outcome import finish, reported_way
from gansift.workflow.own import updates_of
from gansift.workflow.plan import Plan
from gansift.workflow.progress import SWEEP, progress
from gansift.workflow.result import floor
from gansift.workflow.seed import Seed
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
        Seed(directory, place, seed).train()


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
    Plan(config, len(splits.train), config.way).check()
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
    plan = Plan(config, len(splits.train), config.way)
    check_fits(RunDirectory(outdir), plan, splits, "verify")
    return {
        "settings": asdict(config),
        "examples": {"train": len(splits.train), "validation": len(splits.valid), "test": len(splits.test)},
        "skipped": [list(pair) for pair in splits.skipped],
        "horizons": plan.horizons,
        "removals": plan.counts,
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
    plan = Plan(config, len(splits.train), way)
    _check_same_data(directory, splits)
    discard_damaged(directory, plan.examples)
    check_fits(directory, plan, splits, last)
    scored = directory.growth(plan.main, plan.metric, way.estimator).exists()
    if consult and last != "train" and sweeps(way.estimator) and not scored:
        _consult(config, splits)
    for unfinished in directory.unfinished():
        remove(unfinished)
    seeds = len(plan.seeds)
    with executor(directory.root, config, at_once(plan, last)) as chosen:
        title = f"{last} {seeds} seed{'s' if seeds > 1 else ''}"
        _do(directory, plan, pipeline(plan, "cleanse" if last == "verify" else last), chosen, title, quiet)
        if last == "verify":  # what is verified is the choice, which takes the trials of all seeds
            comparisons, verification = _after_choice(directory, way)
            retrainings = [] if verification is None else verification.to_do
            _do(directory, plan, [*comparisons, *retrainings], chosen, "verify", quiet)
            if verification is not None:
                verification.conclude(directory)


def _do(directory: RunDirectory, plan: Plan, jobs: Sequence[Job], chosen: Executor, title: str, quiet: bool) -> None:
    work = sum(left.cost.work for left in to_do(directory, plan, jobs))
    with progress(title, work, quiet or not work) as tick:
        run_jobs(directory, jobs, chosen, tick)


def _after_choice(directory: RunDirectory, way: Way) -> tuple[list[Job], Planned | None]:
    """What the report says of the choice beyond its trials: other ways of choosing, and whether scores hold."""
    place = workplace(load(directory.config), directory.cache)
    plan = Plan(place.config, len(place.splits.train), way)
    cell = chosen_cell(directory, plan, place.validation.direction)
    comparisons: list[Job] = []
    if cell is not None:
        comparisons = [comparison(plan, seed, cell) for seed in plan.seeds]
    main = Seed.main(directory, place)
    scores = main.scores(plan.metric, way.estimator)
    if not scores:
        return comparisons, None
    return comparisons, planned_itself(main, scores[cell.horizon if cell else max(scores)])


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
    plan = Plan(config, len(place.splits.train), way)
    _check_same_data(directory, place.splits)
    discard_damaged(directory, plan.examples)
    given = None if file is None else Scores.read(file)
    seeds = [Seed(directory, place, number) for number in (plan.seeds if over_seeds else [plan.main])]
    (removed,) = parse_counts(remove, plan.examples)
    with executor(directory.root, config, count * len(seeds)) as chosen:
        trainings = [Train(seed.number, (plan.metric,)) for seed in seeds]
        _do(directory, plan, trainings, chosen, "train", quiet)
        steps = _verified_horizon(directory, plan, given, horizon, seeds[0].run.epoch)
        scores = [replace(given, horizon=steps)] * len(seeds) if given else _scored(seeds, plan, steps, quiet)
        verification = planned(seeds, scores, count, removed)
        _do(directory, plan, verification.to_do, chosen, "verify", quiet)
    found = verification.conclude(directory)
    if directory.result.exists():
        reported = reported_way(directory)
        if is_cleansed(directory, replace(plan, way=reported)):
            finish(directory, reported)
    return found


def _scored(seeds: Sequence[Seed], plan: Plan, horizon: int, quiet: bool) -> list[Scores]:
    """The scores of every seed at one horizon."""
    paths = [seed.directory.scores(seed.number, plan.metric, plan.way.estimator, horizon) for seed in seeds]
    unscored = sum(not path.exists() for path in paths)
    work = SWEEP * ESTIMATORS[plan.way.estimator].steps_swept([horizon]) * unscored
    with progress("score", work, quiet or not unscored) as tick:
        return [seed.scores_at(plan.metric, plan.way.estimator, horizon, tick) for seed in seeds]


def _verified_horizon(
    directory: RunDirectory, plan: Plan, given: Scores | None, horizon: str | None, epoch: float
) -> int:
    if horizon is not None:
        return parse_horizons(horizon, epoch, plan.steps)[-1]
    if given is not None:
        return given.horizon
    chosen = read_json(directory.result)["chosen"] if directory.result.exists() else None
    return chosen["horizon"] if chosen else max(plan.horizons)


def evaluate(directory: RunDirectory) -> dict[str, Any]:
    """Metric of every seed's untrained and trained generator, on validation and on test data.

    Raises:
        UsageError: if no seed is trained to its end yet.
        GansiftError: if what was measured is damaged.
    """
    place = workplace(load(directory.config), directory.cache)
    rows = []
    for seed in range(known(place.config.seeds)):
        if (path := directory.values(seed, place.asked)).exists():
            rows.append({"seed": seed, **read_values(path)})
    if not rows:
        raise UsageError(f"no seed of {directory.root} is trained to its end yet; go on with `gansift train`")
    return {
        "metric": place.validation.name,
        "direction": place.validation.direction,
        "floor": {"validation": floor(place.validation), "test": floor(place.test)},
        "values": rows,
    }
