"""The stages of a run directory: prepare, train, score, cleanse, report. Each goes on where it was stopped."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from gansift import systems, trusted
from gansift.cleansing.decisions import read_decisions
from gansift.errors import GansiftError, TrainingError, UsageError
from gansift.files import check_folder_name, read_json, refuse_pipes, remove, write_bytes
from gansift.influence.doctor import Finding, examine
from gansift.influence.estimators import ESTIMATORS, ranks_only, sweeps
from gansift.influence.scores import Scores
from gansift.lock import only_writer
from gansift.named import is_named
from gansift.progress import progress
from gansift.spread.share import Share
from gansift.training.devices import check_device, kind_of
from gansift.workflow import new_models
from gansift.workflow.choosing import chosen_cell, is_cleansed
from gansift.workflow.config import (
    AUTO,
    MACHINE,
    QUESTION,
    Config,
    Decided,
    Way,
    general,
    load,
    longer_horizons,
    moved,
    parse_counts,
    parse_horizons,
)
from gansift.workflow.cost import SWEEP
from gansift.workflow.damage import discard_damaged, read_values
from gansift.workflow.directory import RunDirectory
from gansift.workflow.fits import check_fits
from gansift.workflow.job_tasks import doing
from gansift.workflow.jobs import Job, Train, at_once, comparison, pipeline
from gansift.workflow.opening import is_trained, opened, record, trained_seeds
from gansift.workflow.outcome import finish, reported
from gansift.workflow.place import (
    Place,
    absolute_file,
    absolute_metrics,
    check,
    check_metrics,
    check_scorable,
    load_data,
    place_of,
    resolve,
    say,
)
from gansift.workflow.plan import STAGES, Plan, metric_key
from gansift.workflow.request import Request
from gansift.workflow.result import floor
from gansift.workflow.seed import Seed
from gansift.workflow.tried import try_own
from gansift.workflow.verification import Planned, planned, planned_itself

__all__ = [
    "STAGES", "Verifying", "adopt", "asked", "describe", "doctor", "evaluate", "examined", "move", "prepare",
    "resolved", "score_files", "verify", "work",
]  # fmt: skip

_log = logging.getLogger(__name__)


def prepare(request: Request, outdir: Path) -> tuple[RunDirectory, Config]:
    """Check the data, resolve the configuration and write both down; or go on with the run that is there.

    What is asked of a run that is there may be another question than before; what it was trained by may not change.

    Raises:
        UsageError: if something is asked for that does not exist.
        TrainingError: if the directory holds a run that was trained by other settings, or with other data.
        DataError: if the data cannot be used.
        GansiftError: if there is a pipe or a device in the directory.
    """
    directory = RunDirectory(outdir)
    refuse_pipes(outdir)
    place = resolved(request, directory.cache)
    config = place.config
    _say_horizons(request, place.plan())
    if directory.config.exists() and directory.started:
        recorded = load(directory.config)
        changed = _asked_anew(directory, recorded, request, config)
        if not directory.manifest.exists():
            record(directory, place.data)
        if changed.horizons != recorded.horizons == AUTO:
            for path in directory.root.glob("seeds/*/scores/*-none.json"):
                remove(path)  # horizons that are asked for by name are scored, whether or not scores can be believed
        if changed != recorded:
            changed.save(directory.config)
        return directory, changed
    record(directory, place.data)
    config.save(directory.config)
    say(place.data)
    return directory, config


def _asked_anew(directory: RunDirectory, recorded: Config, request: Request, config: Config) -> Config:
    """The configuration of a run that is there, with what is asked of it now; refused if it was trained otherwise."""
    _check_same(directory, recorded, config)
    changed = moved(recorded, request.general).having({name: getattr(config, name) for name in (*QUESTION, "files")})
    _check_move(directory, recorded, changed)
    return changed


def _say_horizons(request: Request, plan: Plan) -> None:
    """Name horizons that a person asked for and that the run is too short for."""
    asked_for = request.general.get("horizons")
    longer = longer_horizons(asked_for, plan.epoch, plan.steps) if asked_for and not plan.way.new_models else []
    if longer:
        _log.warning(
            "--horizons %s: the run has %.4g epochs, so %s left out, and what is tried is %s",
            asked_for,
            plan.steps / plan.epoch,
            f"{', '.join(longer)} {'are' if len(longer) > 1 else 'is'}",
            ", ".join("the whole run" if one == plan.steps else f"{one / plan.epoch:.4g}" for one in plan.horizons),
        )


def move(directory: RunDirectory, config: Config, device: str | None, accept_drift: bool | None) -> Config:
    """Go on with a run on another device, from now on; None leaves what it was.

    Raises:
        UsageError: if the device cannot be used, or some seed is not trained to its end.
        ReplayError: if a seed replays there to other bits and that is not accepted.
    """
    changes = {"device": device, "accept_drift": accept_drift}
    changed = config.having({name: value for name, value in changes.items() if value is not None})
    _check_move(directory, config, changed)
    if changed != config:
        changed.save(directory.config)
    return changed


def _check_move(directory: RunDirectory, recorded: Config, changed: Config) -> None:
    """Whether a run can go on where it is wanted, before anything says that it does."""
    check_device(changed.device)
    if kind_of(changed.device) == kind_of(recorded.device):
        return
    seeds = range(recorded.seeds if recorded.for_this_model else recorded.scoring_seeds)
    open_ones = [seed for seed in seeds if not is_trained(directory, recorded, seed)]
    if open_ones:
        raise UsageError(
            f"--device {changed.device}: seeds {', '.join(map(str, open_ones))} of {directory.root} are not trained to "
            f"their end, which has to be done where the run was begun (--device {recorded.device}). A finished "
            "training can be taken to another device."
        )
    place = place_of(changed, directory.cache)
    for seed in seeds:
        Seed(directory, place, seed).train()


def asked(directory: RunDirectory, config: Config, metric: str | None, query: str | None = None) -> Config:
    """The configuration of a run with another metric asked about, for which nothing is trained anew.

    Settings of the run's own metric hold for another one as far as it has them.

    Args:
        directory: of the run.
        config: of the run.
        metric: as ``--metric`` takes it; None for that of the run.
        query: as ``--query`` takes it; None for that of the run.

    Raises:
        UsageError: for a metric that the run's system does not have, or that does not take the run's settings.
    """
    named = config.metric if metric is None else absolute_metrics(metric)
    if metric is not None:
        trusted.remember(filter(is_named, named.split(",")))
    wanted = config.query if query is None else absolute_file(query)
    if (named, wanted) == (config.metric, config.query):
        return config
    changed = replace(config, metric=named, query=wanted)
    place = place_of(changed, directory.cache)
    given = {"query"} if query is not None else set()
    taken = {name for one in changed.metrics for name in systems.settings_of(place.system, one)} | given
    changed = replace(changed, **{name: general(name).default for name in changed.judging if name not in taken})
    check_metrics(replace(place, config=changed))
    return changed


def adopt(directory: RunDirectory, config: Config, decisions: Path) -> Decided:
    """Keep a copy of a person's decisions in the run directory, to cleanse with.

    Raises:
        UsageError: for a file that cannot be used.
        TrainingError: if the data are no longer those of the run.
    """
    marked = read_decisions(decisions, opened(directory, config).ids)
    write_bytes(directory.decisions(marked.digest), decisions.read_bytes())
    return Decided(marked.digest, len(marked.removed))


def resolved(request: Request, cache: Path | None = None) -> Place:
    """The data and the configuration with every open value filled in, and checked.

    Raises:
        UsageError, TrainingError, DataError: as `prepare`.
    """
    data = load_data(request.sources, request.general, cache)
    config = resolve(request, data)
    place = Place(config, data, systems.build(config.game, data, config.system))
    check(place)
    return place


def _check_same(directory: RunDirectory, recorded: Config, config: Config) -> None:
    """Refuse other settings of the training; the machine and the question may change."""
    before, now = (_flat(json.loads(json.dumps(asdict(one)))) for one in (recorded, config))
    differing = [
        f"{key} ({before.get(key)!r} there, {now.get(key)!r} now)"
        for key in dict.fromkeys([*before, *now])
        if key not in (*MACHINE, *QUESTION) and before.get(key) != now.get(key)
    ]
    if differing:
        raise TrainingError(
            f"{directory.root} holds a run with other settings: {', '.join(differing)}. Choose another --outdir, or "
            "give the same settings to go on with it."
        )


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the system beside the others; of named files only the system's own."""
    general = {name: value for name, value in settings.items() if name not in ("system", "files")}
    return general | settings["system"] | {"the file of --game": settings["files"].get(settings["game"])}


def describe(request: Request, outdir: Path, last: str = "verify") -> dict[str, Any]:
    """What a run would do up to the stage ``last``: its resolved settings and grid, without doing it.

    Raises:
        UsageError, TrainingError, DataError: as `prepare` and `work` for what can be told beforehand.
    """
    check_folder_name(outdir)
    place, directory = resolved(request), RunDirectory(outdir)
    if directory.config.exists() and directory.started:
        recorded = load(directory.config)
        place = replace(place, config=_asked_anew(directory, recorded, request, place.config))
        if directory.manifest.exists():
            opened(directory, recorded)
    plan = place.plan()
    if last != "train":
        check_scorable(place)
    check_fits(directory, plan, place, last)
    _say_horizons(request, plan)
    _try_own(place, plan)
    return {
        "settings": asdict(place.config),
        "examples": {
            name: {
                "name": splits.name,
                "train": len(splits.train),
                "validation": len(splits.valid),
                "test": len(splits.test),
            }
            for name, splits in place.data.items()
        },
        "skipped": [list(pair) for splits in place.data.values() for pair in splits.skipped],
        "epoch": plan.epoch,
        "horizons": plan.horizons,
        "removals": plan.counts,
    }


def doctor(asked_for: Request | Config, quick: bool, directory: RunDirectory) -> list[Finding]:
    """Examine the game of a run, or the one that a request describes, open values filled in as `gansift run` would.

    Args:
        asked_for: a request, or the configuration of a run.
        quick: only what is looked at before scoring.
        directory: of the run; not looked at for a request.

    Raises:
        TrainingError: if the data are no longer those of the run.
        UsageError, DataError: as `prepare`.
    """
    return examined(opened(directory, asked_for) if isinstance(asked_for, Config) else resolved(asked_for), quick)


def examined(place: Place, quick: bool) -> list[Finding]:
    """What the doctor finds in the game of a run.

    Raises:
        UsageError: if training is differentially private.
    """
    check_scorable(place)
    return examine(place.game(0), place.train, **place.training, quick=quick)


def _consult(directory: RunDirectory, place: Place) -> None:
    findings = examined(place, quick=True)
    for finding in findings:
        if finding.verdict == "warning":
            _log.warning("doctor: %s %s %s", finding.where, finding.message, finding.remedy)
    faults = [
        f"{finding.where} {finding.message.rstrip('.')}. {finding.remedy}".strip()
        for finding in findings
        if finding.verdict == "fault"
    ]
    if faults:
        raise GansiftError(
            f"scores of this game would be wrong: {' '.join(faults)} `gansift doctor` says more. To score a trained "
            f"run anyway: `gansift score {directory.root} --no-doctor`."
        )


def _try_own(place: Place, plan: Plan) -> None:
    differentiated = plan.way.new_models or not ranks_only(plan.way.estimator)
    try_own(place, place.config.metrics, gradient=differentiated)


def work(
    directory: RunDirectory,
    config: Config,
    last: str,
    way: Way,
    quiet: bool,
    consult: bool = True,
    share: Share | None = None,
) -> None:
    """Train, score, cleanse and verify all seeds up to the stage ``last``.

    Before anything is scored by going back through training, the doctor's quick examination has to find no fault,
    unless ``consult`` is False. With a ``share`` only that share of the jobs is done here.

    Raises:
        OthersLeftError: if other shares are not done.
        TrainingError: if the data are no longer those of the run, or a training breaks down.
        UsageError: if the states do not fit this machine's disk or memory.
        GansiftError: for a fault that the doctor finds.
    """
    place = opened(directory, config)
    if last != "train":
        check_scorable(place)
    plan = place.plan(way)
    if place.promise is not None:
        _log.info(
            "differentially private: each of %d trainings may spend epsilon %g at delta %.3g; "
            "`gansift export --format synthetic` says what was spent",
            len(plan.seeds),
            place.promise.epsilon,
            place.promise.delta,
        )
    discard_damaged(directory, plan.examples)
    check_fits(directory, plan, place, last)
    for metric in plan.metrics:
        place.judges(metric)  # one that cannot be made is refused before anything is trained
    if way.new_models:
        scored = directory.looks(plan.main, plan.metric, len(plan.seeds)).exists()
    else:
        scored = directory.growth(plan.main, plan.metric, way.estimator).exists()
    if consult and not scored:
        _try_own(place, plan)
    if consult and last != "train" and (way.new_models or sweeps(way.estimator)) and not scored:
        _consult(directory, place)
    for unfinished in directory.unfinished() if share is None else ():  # others may be writing them
        remove(unfinished)
    seeds = len(plan.seeds)
    with doing(directory, plan, at_once(plan, last), quiet, share) as do:
        if plan.way.new_models:
            new_models.work(directory, place, plan, last, do)
            return
        do(pipeline(plan, "cleanse" if last == "verify" else last), f"{last} {seeds} seed{'s' if seeds > 1 else ''}")
        if last == "verify":  # what is verified is the choice, which takes the trials of all seeds
            comparisons, verification = _after_choice(directory, place, plan)
            retrainings = [] if verification is None else verification.to_do
            do([*comparisons, *retrainings], "verify")
            if verification is not None:
                verification.conclude(directory)


def _after_choice(directory: RunDirectory, place: Place, plan: Plan) -> tuple[list[Job], Planned | None]:
    """What the report says of the choice beyond its trials: other ways of choosing, and whether scores hold."""
    cell = chosen_cell(directory, plan, place.validation.direction)
    comparisons: list[Job] = []
    if cell is not None:
        comparisons = [comparison(plan, seed, cell) for seed in plan.seeds]
    main = Seed.main(directory, place)
    scores = main.scores(plan.metric, plan.way.estimator)
    if not scores:
        return comparisons, None
    return comparisons, planned_itself(main, scores[cell.horizon if cell else max(scores)])


class Verifying(NamedTuple):
    """How scores are verified.

    Attributes:
        file: the score file, of any origin; None for the run's own scores.
        horizon: the horizon in epochs, or ``all``; by default that of the file, the chosen one, or the longest that is
            configured.
        removals: the number of removals, which are drawn at random.
        remove: the examples in each removal, as a count or a share.
        over_seeds: whether every seed is retrained and the mean is the truth.
    """

    file: Path | None
    horizon: str | None
    removals: int
    remove: str
    over_seeds: bool

    def check(self) -> None:
        """Refuse what cannot be understood whatever the run is, so that none is opened for it.

        Raises:
            UsageError: for a horizon or a number to remove that is none, or several of them.
        """
        if self.horizon is not None:
            _check_horizon(self.horizon)
        if len(parse_counts(self.remove, sys.maxsize)) != 1:
            raise UsageError(f"--remove {self.remove}: give one count or share, which every removal has")


def verify(directory: RunDirectory, config: Config, way: Way, how: Verifying, quiet: bool) -> dict[str, Any]:
    """Verify scores against retraining; write it down, and into the report where there is one.

    Args:
        directory: of the run.
        config: of the run, with the question and the machine's settings of this call.
        way: whose scores, unless a file is given. An existing report stays that of its own way of cleansing.
        how: what is retrained.
        quiet: show no progress.

    Raises:
        UsageError: for what does not fit the run.
        TrainingError: if the data are no longer those of the run.
    """
    how.check()
    file_scores = None if how.file is None else Scores.read(how.file)
    place = opened(directory, config)
    plan = place.plan(way)
    discard_damaged(directory, plan.examples)
    seeds = [Seed(directory, place, number) for number in (plan.seeds if how.over_seeds else [plan.main])]
    (removed,) = parse_counts(how.remove, plan.examples)
    horizon = None if how.horizon is None else _given_horizon(how.horizon, plan)
    with doing(directory, plan, how.removals * len(seeds), quiet) as do:
        do([Train(seed.number, (plan.metric,)) for seed in seeds], "train")
        steps = _verified_horizon(directory, plan, file_scores, horizon)
        scores = (
            [replace(file_scores, horizon=steps)] * len(seeds) if file_scores else _scored(seeds, plan, steps, quiet)
        )
        verification = planned(seeds, scores, how.removals, removed)
        do(verification.to_do, "verify")
    entry = verification.conclude(directory)
    if directory.result.exists():
        question, cleansing = reported(directory, config)
        if is_cleansed(directory, place_of(question, directory.cache).plan(cleansing)):
            finish(directory, question, cleansing)
    return entry


def _scored(seeds: Sequence[Seed], plan: Plan, horizon: int, quiet: bool) -> list[Scores]:
    """The scores of every seed at one horizon."""
    paths = [seed.directory.scores(seed.number, plan.metric, plan.way.estimator, horizon) for seed in seeds]
    unscored = sum(not path.exists() for path in paths)
    work = SWEEP * ESTIMATORS[plan.way.estimator].steps_swept([horizon]) * unscored
    with progress("score", work, quiet or not unscored) as tick:
        return [seed.scores_at(plan.metric, plan.way.estimator, horizon, tick) for seed in seeds]


def _check_horizon(text: str) -> None:
    """Refuse what is no single horizon, whatever the run is."""
    if "," in text or text.strip() == AUTO:
        raise UsageError(f"--horizon {text}: give one horizon, in epochs, or all")
    parse_horizons(text, epoch=1, steps=1, flag="--horizon")


def _given_horizon(text: str, plan: Plan) -> int:
    """A single horizon in steps, no longer than the run."""
    if longer_horizons(text, plan.epoch, plan.steps):
        raise UsageError(
            f"--horizon {text}: the run has {plan.steps} steps, {plan.steps / plan.epoch:.4g} epochs; give at most "
            "that, or all"
        )
    return parse_horizons(text, plan.epoch, plan.steps, flag="--horizon")[-1]


def _verified_horizon(directory: RunDirectory, plan: Plan, file_scores: Scores | None, horizon: int | None) -> int:
    if horizon is not None:
        return horizon
    if file_scores is not None:
        return file_scores.horizon
    chosen = read_json(directory.result)["chosen"] if directory.result.exists() else None
    return chosen["horizon"] if chosen else max(plan.horizons)


def score_files(directory: RunDirectory, config: Config, estimator: str) -> list[Path]:
    """The score files of all seeds and horizons, of the metrics that are asked about."""
    keys = [metric_key(config, name) for name in config.metrics]
    paths = (directory.root.glob(f"seeds/*/scores/{key}-{estimator}-[0-9]*.csv") for key in keys)
    return [path for of_metric in paths for path in sorted(of_metric)]


def evaluate(directory: RunDirectory, metric: str | None = None, query: str | None = None) -> dict[str, Any]:
    """A metric of every seed, untrained and trained, on validation and on test data.

    Args:
        directory: of a run that is trained.
        metric: as ``--metric`` takes it; default that of the run.
        query: as ``--query`` takes it; default that of the run.

    Raises:
        UsageError: if no seed is trained to its end yet.
        TrainingError: if the data are no longer those of the run.
        GansiftError: if what was measured is damaged.
    """
    config = asked(directory, load(directory.config), metric, query)
    place = opened(directory, config)
    rows: list[dict[str, Any]] = []
    for number in trained_seeds(directory, config):
        path = directory.values(number, place.asked)
        if not path.exists():  # a metric that was never asked about
            if not rows:
                try_own(place, config.metrics, gradient=False)
            with only_writer(directory.root):
                Seed(directory, place, number).values(place.asked)
        rows.append({"seed": number, **read_values(path)})
    return {
        "metric": place.validation.name,
        "direction": place.validation.direction,
        "floor": {"validation": floor(place.validation), "test": floor(place.test)},
        "values": rows,
    }
