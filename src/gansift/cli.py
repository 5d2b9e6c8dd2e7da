"""The command line: one small function for each verb; all work is a call into the packages.

Nothing that takes long to import stands at the top, so that help and mistakes are shown at once.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import asdict, replace
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Optional, TextIO

import typer

from gansift import __version__, terminal, trusted
from gansift.errors import GansiftError, UsageError, is_of_memory
from gansift.files import check_folder_name, open_own
from gansift.flags import named_game, system_manual, with_audit, with_settings, without_settings
from gansift.lock import one_of_several_writers, only_writer
from gansift.spread.share import OthersLeftError, parse_share
from gansift.workflow.config import MACHINE, MOST_FOLDS, MOST_JOBS, MOST_REMOVALS, Way, parse_estimator
from gansift.workflow.config import load as load_config
from gansift.workflow.request import Request, requested

if TYPE_CHECKING:
    from gansift.workflow.config import Config
    from gansift.workflow.directory import RunDirectory

_HELP = (
    "Find the training examples that hurt a generative model, remove them, and prove that the next model gets better."
    "\n\nStart with `gansift run digits`, or `gansift run path/to/images`. A score is the predicted change of the "
    "metric if an example is removed; for FID, where lower is better, a negative score means harmful."
)
# Exit codes: a check did not hold; other shares of a run are not done; what typer makes of Ctrl-C.
_DID_NOT_HOLD = 3
_OTHERS_LEFT = 4
_INTERRUPTED = 130

_Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="built-in name (`gansift about`), folder or zip of images, CSV, Parquet or .npz file; NAME=SOURCE for "
        "each of several data sets; test=SOURCE for held-out data of your own",
    ),
]
_SourcesOrRun = Annotated[
    list[str], typer.Argument(metavar="SOURCE...|RUN", help="data as for `gansift run`, or a run directory")
]
_Outdir = Annotated[Optional[Path], typer.Option(help="run directory (default: runs/<source>)")]  # noqa: UP045
_OutdirOfAll = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--outdir", help="folder of all folds (default: runs/<source>-crossfit)"),
]
_RunDir = Annotated[Path, typer.Argument(metavar="RUN", help="run directory of `gansift run`")]
_RunOrTruth = Annotated[
    Path, typer.Argument(metavar="RUN|TRUTH", help="run directory of `gansift run`, or folder of a stored truth")
]


# Where results go while what a person's code prints goes elsewhere.
_results: list[TextIO] = []


@contextmanager
def _prints_apart() -> Iterator[None]:
    """Send all that is printed to the error stream, so that JSON stands alone."""
    _results.append(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _results.pop()


def _alone(context: typer.Context, wanted: bool) -> bool:
    if wanted:
        context.with_resource(_prints_apart())
    return wanted


_Json = Annotated[bool, typer.Option("--json", callback=_alone, help="print the result as one JSON object")]
_Quiet = Annotated[bool, typer.Option("--quiet", help="show no progress")]
_DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="check everything and show the plan; do nothing")]
_Everything = Annotated[bool, typer.Option("--help-all", help="show every setting, also the rare ones, and exit")]
_ConfigFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--config", help="TOML file with any of the settings; flags given here win"),
]
_FromStart = Annotated[
    bool, typer.Option("--from-start", help="remove from the whole run, not only from the horizon on")
]
_Metric = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="what is to improve (default: that of the run); no other training is needed for another metric"),
]
_Query = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="what query-loss is asked about: an image file, or an example by its id in manifest.csv"),
]
_Estimator = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="whose scores (default: those of the run); `gansift about` lists the estimators"),
]
_Decisions = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(help="remove what this file marks (decisions.csv of the report page), not the most harmful"),
]
_Jobs = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(min=1, max=MOST_JOBS, help="jobs at the same time (default: that of the run)"),
]
_Cluster = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        help="spread jobs over a Ray cluster that shares the run directory: ray://host:port, auto, local, or none "
        "(default: that of the run)"
    ),
]
_Device = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="cpu, cuda, ...; where it is not that of the run, the run must replay there to the same bits"),
]
_AcceptDrift = Annotated[
    Optional[bool],  # noqa: UP045
    typer.Option(help="use a run recorded on another device although it replays here to other bits"),
]


def _confirm(context: typer.Context, wanted: bool) -> bool:
    if wanted:
        context.with_resource(trusted.confirming())
    return wanted


_Trust = Annotated[
    bool,
    typer.Option(
        "--trust",
        callback=_confirm,
        help="execute the files of code that the run names, although you have not named them yet; it is remembered",
    ),
]


# Verbs ---------------------------------------------------------------------------------------------------------------


def about(
    name: Annotated[Optional[str], typer.Argument(help="a system or an audit, to read its text and settings")] = None,  # noqa: UP045
    as_json: _Json = False,
) -> None:
    """List systems, metrics, estimators, audits and built-in data; with a NAME, its text and settings."""
    from gansift.about import everything, one

    if name is None:
        found = everything()
        _print(found, as_json, terminal.about_text(found))
    else:
        manual = one(name)
        _print(manual, as_json, terminal.manual_text(name, manual))


def data(
    source: _Sources,
    labels: Annotated[Optional[str], typer.Option(help="label file (CSV with path,label or dataset.json)")] = None,  # noqa: UP045
    label: Annotated[Optional[str], typer.Option(help="column of a table that is the label")] = None,  # noqa: UP045
    group: Annotated[Optional[str], typer.Option(help="columns that are groups, of a table or a label file")] = None,  # noqa: UP045
    ignore: Annotated[Optional[str], typer.Option(help="columns of a table that are not read")] = None,  # noqa: UP045
    include: Annotated[Optional[str], typer.Option(help="columns among these that the model sees, too")] = None,  # noqa: UP045
    impute: Annotated[Optional[str], typer.Option(help="mean or median, for missing numbers of a table")] = None,  # noqa: UP045
    size: Annotated[Optional[int], typer.Option(help="as it will be given to `gansift run`")] = None,  # noqa: UP045
    resize: Annotated[str, typer.Option(help="as it will be given to `gansift run`")] = "crop-lanczos",
    range: Annotated[str, typer.Option(help="as it will be given to `gansift run`")] = "auto",
    fractions: Annotated[str, typer.Option(help="as it will be given to `gansift run`")] = "0.5,0.25,0.25",
    split_seed: Annotated[int, typer.Option(help="seed of the split")] = 0,
    as_json: _Json = False,
) -> None:
    """Look at data before training: sizes, classes, copies, unusable files, splits, and what to do next.

    Exit code 1 says that nothing can be used; unusable files alone are no error.
    """
    from gansift.workflow.looking import look, look_text

    given = {
        "labels": labels, "label": label, "group": group, "ignore": ignore, "include": include, "impute": impute,
        "size": size, "resize": resize, "range": range, "fractions": fractions, "split_seed": split_seed,
    }  # fmt: skip
    found = look(source, given)
    _print(found, as_json, look_text(found))
    if not found["usable"]:
        raise typer.Exit(1)


def doctor(
    source: _SourcesOrRun,
    settings: dict[str, Any],
    config: _ConfigFile = None,
    quick: Annotated[bool, typer.Option("--quick", help="only what `gansift score` looks at, in seconds")] = False,
    help_all: _Everything = False,
    trust: _Trust = False,
    as_json: _Json = False,
) -> None:
    """Examine a game before it is trained: derivatives, weights, mixing, replay, operators, smoothness.

    Exit code 3 says that something was found that makes scores wrong.
    """
    from gansift.workflow import stages
    from gansift.workflow.directory import RunDirectory

    asked = _recorded_or_requested(source, settings, config)
    found = [asdict(one) for one in stages.doctor(asked, quick, RunDirectory(Path(source[0])))]
    _print({"findings": found}, as_json, terminal.findings_text(found))
    if any(finding["verdict"] == "fault" for finding in found):
        raise typer.Exit(_DID_NOT_HOLD)


def estimate(
    source: _SourcesOrRun,
    settings: dict[str, Any],
    config: _ConfigFile = None,
    help_all: _Everything = False,
    trust: _Trust = False,
    as_json: _Json = False,
) -> None:
    """Measure what a run would take on this machine: time, memory, disk. For a run directory, what is left to do.

    A first estimate, from one training step, is printed at once. Then a miniature of the run is done beside it, in up
    to a minute, of large networks more, and nothing is kept; what is measured is said, and a second estimate as soon as
    many steps were timed. For each stage:

    time: on the clock, with --jobs processes at work.

    work: of the processor, all processes together.

    job: the most memory (RSS) that one process takes.

    memory: the same of all processes together.

    disk: what is written and kept.

    The total adds up time, work and disk; of memory it is the highest. As long as nothing is chosen, verification is
    counted at the mean of the horizons; --horizons auto counts as if all could be believed, and may take less.
    """
    from gansift.workflow.directory import RunDirectory
    from gansift.workflow.forecast import estimated, placed
    from gansift.workflow.rough import rough

    asked = _recorded_or_requested(source, settings, config)
    directory = RunDirectory(Path(source[0]))
    recorded = directory if directory.config.exists() else None
    place = placed(asked, recorded)
    typer.echo(f"first estimate: {rough(place, recorded)}; measuring every part now ...", err=True)

    def told(what: str, step: float | None) -> None:
        if step is not None:
            typer.echo(f"second estimate: {rough(place, recorded, step)}", err=True)
        typer.echo(f"measuring: {what}", err=True)

    found = estimated(place, recorded, told)
    _print(found, as_json, terminal.estimate_text(found))


def run(
    source: _Sources,
    settings: dict[str, Any],
    outdir: _Outdir = None,
    until: Annotated[str, typer.Option(help="last stage: train, score, cleanse, or verify for everything")] = "verify",
    config: _ConfigFile = None,
    dry_run: _DryRun = False,
    help_all: _Everything = False,
    trust: _Trust = False,
    share: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="K/N",
            help="be the K-th of N workers on a shared run directory: do every N-th job and exit, with code 4 while "
            "other workers have jobs left",
        ),
    ] = None,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Do everything: train, score every example, cleanse, prove it, report. Run it again to go on after a stop."""
    from gansift.workflow import stages
    from gansift.workflow.outcome import finish

    start = time.monotonic()
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and "TORCHELASTIC_RUN_ID" in os.environ:
        raise UsageError(_NO_TORCHRUN)
    if until not in stages.STAGES:
        raise UsageError(f"--until {until}: there is no such stage; choose one of {', '.join(stages.STAGES)}")
    part = None if share is None else parse_share(share)
    asked, folder = requested(source, settings, config), outdir or _usual_outdir(source)
    if dry_run:
        plan = stages.describe(asked, folder, until)
        _print(plan, as_json, terminal.plan_text(plan))
        return
    _log_to(folder)
    with only_writer(folder) if part is None else one_of_several_writers(folder, part.lock):
        directory, resolved = stages.prepare(asked, folder)
        stages.work(directory, resolved, until, resolved.way, quiet, share=part)
        if until in ("train", "score"):
            _show_values(stages.evaluate(directory), as_json)
        else:
            _show(finish(directory, resolved, resolved.way, time.monotonic() - start), as_json)


def crossfit(
    source: _Sources,
    settings: dict[str, Any],
    folds: Annotated[int, typer.Option(min=3, max=MOST_FOLDS, help="parts of the data that are held out in turn")] = 4,
    outdir: _OutdirOfAll = None,
    config: _ConfigFile = None,
    dry_run: _DryRun = False,
    help_all: _Everything = False,
    trust: _Trust = False,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Do `gansift run` on several folds, so that every example is held out once and scored otherwise: for few data.

    Each fold is a run directory in OUTDIR. Run it again to go on after a stop.
    """
    from gansift.workflow.crossfit import CrossFit, finished

    folder = outdir or _usual_outdir(source).with_name(f"{_usual_outdir(source).name}-crossfit")
    asked = CrossFit(requested(source, settings, config), folds, folder)
    if dry_run:
        plan = asked.plan()
        _print(plan, as_json, f"In each of {folds} folds, of which this is the first:\n{terminal.plan_text(plan)}")
        return
    _log_to(folder)
    with only_writer(folder):
        asked.work(quiet)
        _show(finished(folder, folds), as_json)


def score(
    run_dir: _RunDir,
    metric: _Metric = None,
    query: _Query = None,
    estimator: _Estimator = None,
    doctor: Annotated[bool, typer.Option(help="examine the game before, and refuse to score a faulty one")] = True,
    jobs: _Jobs = None,
    cluster: _Cluster = None,
    device: _Device = None,
    accept_drift: _AcceptDrift = None,
    trust: _Trust = False,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Score every training example of a trained run, for every horizon and seed."""
    from gansift.workflow import stages

    question = _Question(metric, estimator, query=query)
    with _opened(run_dir, question, _Machine(jobs, cluster, device, accept_drift)) as (directory, resolved, way):
        stages.work(directory, resolved, "score", way, quiet, doctor)
        files = [str(path) for path in stages.score_files(directory, resolved, way.estimator)]
    _print({"scores": files}, as_json, "\n".join(files))


def cleanse(
    run_dir: _RunDir,
    decisions: _Decisions = None,
    metric: _Metric = None,
    query: _Query = None,
    estimator: _Estimator = None,
    from_start: _FromStart = False,
    jobs: _Jobs = None,
    cluster: _Cluster = None,
    device: _Device = None,
    accept_drift: _AcceptDrift = None,
    trust: _Trust = False,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Retrain without harmful examples, choose how many on validation data, and report on test data.

    With --decisions, without exactly the examples that a person marked in the report page.
    """
    from gansift.workflow import stages
    from gansift.workflow.outcome import finish

    start = time.monotonic()
    question = _Question(metric, estimator, from_start, decisions, query)
    with _opened(run_dir, question, _Machine(jobs, cluster, device, accept_drift)) as (directory, resolved, way):
        stages.work(directory, resolved, "verify", way, quiet)
        _show(finish(directory, resolved, way, time.monotonic() - start), as_json)


def verify(
    context: typer.Context,
    run_dir: _RunOrTruth,
    scores: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="score file of any tool in gansift's columns (default: the run's own)"),
    ] = None,
    metric: _Metric = None,
    query: _Query = None,
    estimator: _Estimator = None,
    horizon: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="epochs at the end that are redone, or all (default: the chosen horizon, or the longest)"),
    ] = None,
    removals: Annotated[int, typer.Option(min=3, max=MOST_REMOVALS, help="how many times to retrain")] = 30,
    remove: Annotated[str, typer.Option(help="examples in each removal: a count or a share; 1 leaves one out")] = "2%",
    over_seeds: Annotated[
        bool, typer.Option("--over-seeds", help="truth is the mean over all seeds, not your one model")
    ] = False,
    jobs: _Jobs = None,
    cluster: _Cluster = None,
    device: _Device = None,
    accept_drift: _AcceptDrift = None,
    trust: _Trust = False,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Compare scores with real retraining without random examples: can they be trusted?

    A folder of a stored truth has the retrainings in it: with --scores it answers at once.

    Exit code 3 says that the ranking may be no better than chance.
    """
    from gansift.workflow import stages
    from gansift.workflow.truths import is_truth

    if is_truth(run_dir):
        _judge_by_truth(context, run_dir, scores, as_json)
        return
    question, asked = (
        _Question(metric, estimator, query=query),
        stages.Verifying(scores, horizon, removals, remove, over_seeds),
    )
    asked.check()
    with _opened(run_dir, question, _Machine(jobs, cluster, device, accept_drift)) as (directory, resolved, way):
        found = stages.verify(directory, resolved, way, asked, quiet)
    chance = _may_be_chance(found)
    _print(found, as_json, terminal.verification_text(found, chance))
    if chance:
        raise typer.Exit(_DID_NOT_HOLD)


def _judge_by_truth(context: typer.Context, folder: Path, scores: Path | None, as_json: bool) -> None:
    """Print how a score file compares with a stored truth, for which nothing is left to be chosen."""
    from gansift.workflow.truths import judged

    # By name: typer has a copy of click's sources of its own.
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    taken = ("run_dir", "scores", "as_json", "quiet", "trust")
    idle = [f"--{name.replace('_', '-')}" for name in given if name not in taken]
    if idle:
        raise UsageError(
            f"{' and '.join(idle)} would do nothing: {folder} is a stored truth, whose retrainings are done. The score "
            "file says of which metric it is."
        )
    if scores is None:
        raise UsageError(f"{folder} is a stored truth and has no scores of its own; give some with --scores FILE")
    found = judged(folder, scores)
    chance = all(map(_may_be_chance, found["removals"]))
    _print(found, as_json, terminal.truth_text(found, chance))
    if chance:
        raise typer.Exit(_DID_NOT_HOLD)


def _may_be_chance(found: Mapping[str, Any]) -> bool:
    """Whether a verification does not show that scores rank better than chance."""
    ends = found["spearman"]["ci95"]
    return ends is None or ends[0] <= 0


def evaluate(
    run_dir: _RunDir, metric: _Metric = None, query: _Query = None, trust: _Trust = False, as_json: _Json = False
) -> None:
    """Print the metric of every seed, untrained and trained, on validation and on test data."""
    from gansift.workflow import stages
    from gansift.workflow.directory import RunDirectory

    _show_values(stages.evaluate(RunDirectory(run_dir), metric, query), as_json)


def audit(
    name: Annotated[str, typer.Argument(help="an audit of `gansift about`, file.py:function, or all that apply")],
    source: _SourcesOrRun,
    settings: dict[str, Any],
    trust: _Trust = False,
    as_json: _Json = False,
) -> None:
    """Ask one question about a run, or about data alone, such as whether samples are copies.

    Exit code 3 says that the audit found something against it.
    """
    from gansift.report.answer_text import answer_text
    from gansift.workflow.auditing import audited

    answers = audited(name, source, settings)
    found = [answer.to_json() for answer in answers]
    _print({"audits": found} if name == "all" else found[0], as_json, "\n".join(map(answer_text, answers)))
    if any(answer.finding for answer in answers):
        raise typer.Exit(_DID_NOT_HOLD)


def report(
    run_dir: _RunDir,
    decisions: _Decisions = None,
    metric: _Metric = None,
    query: _Query = None,
    estimator: _Estimator = None,
    from_start: _FromStart = False,
    device: _Device = None,
    accept_drift: _AcceptDrift = None,
    trust: _Trust = False,
    as_json: _Json = False,
) -> None:
    """Write report.html, report.json and the lists of a finished run again: of its own question, or of another."""
    from gansift.workflow.outcome import finish

    question = _Question(metric, estimator, from_start, decisions, query)
    machine = _Machine(device=device, accept_drift=accept_drift)
    with _opened(run_dir, question, machine) as (directory, resolved, way):
        own = question._replace(metric=None, query=None) == _Question()
        _show(finish(directory, resolved, resolved.way if own else way), as_json)


def export(
    run_dir: _RunDir,
    destination: Annotated[Path, typer.Argument(help="new folder to fill; new file for zip, npz, csv and parquet")],
    format: Annotated[
        str,
        typer.Option(
            help="folder (the kept training images, which trains again), lists (kept.txt, removed.txt), zip (as "
            "StyleGAN reads it), hf (folder with metadata.csv for Hugging Face), npz (arrays), csv (rows of a table), "
            "parquet (scores of all examples), fiftyone (all images with scores, to review), weights (the networks, to "
            "start from with --init), adapters (what was trained of them), synthetic (samples to give away, with "
            "a card of what audits said), refined (simulated images, refined, with labels), representation (z of every "
            "row, CSV)"
        ),
    ] = "folder",
    link: Annotated[str, typer.Option(help="copy, symlink or hardlink the images")] = "copy",
    number: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, max=100_000_000, help="samples, for synthetic (default: as many as training examples)"),
    ] = None,
    model: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="whose work: original (the one that audits look at) or cleansed (default: original)"),
    ] = None,
    rows: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="for representation: new rows, CSV or Parquet, in place of those of the run"),
    ] = None,
    trust: _Trust = False,
    as_json: _Json = False,
) -> None:
    """Export the clean training set, or the trained networks, for any later training; or samples to give away."""
    from gansift.workflow.exporting import exported

    found, text = exported(run_dir, destination, format, link, number, model, rows)
    _print(found, as_json, text)


def track(
    run_dir: _RunDir,
    tracker: Annotated[str, typer.Argument(help="trackio, wandb, swanlab, or a module with init, log and finish")],
    project: Annotated[str, typer.Option(help="name of the project in the tracker")] = "gansift",
    as_json: _Json = False,
) -> None:
    """Log a finished run's history and result with an experiment tracker, as it is set up (offline, say)."""
    from gansift.report.tracking import find_tracker
    from gansift.report.tracking import track as log_with

    logged = log_with(run_dir, find_tracker(tracker), project)
    _print({"tracker": tracker, "moments": logged}, as_json, f"{logged} moments of {run_dir} logged with {tracker}")


# What verbs share ----------------------------------------------------------------------------------------------------


class _Question(NamedTuple):
    """What is asked of a run, as far as it differs from what the run was made for."""

    metric: str | None = None
    estimator: str | None = None
    from_start: bool = False
    decisions: Path | None = None
    query: str | None = None


class _Machine(NamedTuple):
    """What is said about the machine; None for what the run has."""

    jobs: int | None = None
    cluster: str | None = None
    device: str | None = None
    accept_drift: bool | None = None


@contextmanager
def _opened(run_dir: Path, question: _Question, machine: _Machine) -> Iterator[tuple[RunDirectory, Config, Way]]:
    """The directory, configuration and way of cleansing of a run that is there; locked, and with the log set up."""
    config = load_config(run_dir / "config.json")
    named = None if question.estimator is None else parse_estimator(question.estimator)
    from gansift.influence.estimators import usual
    from gansift.workflow import stages
    from gansift.workflow.directory import RunDirectory

    directory = RunDirectory(run_dir)
    _log_to(run_dir)
    _remember_cluster(machine.cluster)
    with only_writer(run_dir):
        config = stages.move(directory, config, machine.device, machine.accept_drift)
        config = stages.asked(directory, config, question.metric, question.query)
        given = {key: value for key in ("jobs", "cluster") if (value := getattr(machine, key)) is not None}
        config = replace(config, **given)
        decided = None if question.decisions is None else stages.adopt(directory, config, question.decisions)
        name = usual(question.metric, config.estimator) if named is None else named
        yield directory, config, Way(name, question.from_start or config.from_start, decided)


def _remember_cluster(cluster: str | None) -> None:
    """An address that a person gives is one that they trust: what answers there is executed."""
    trusted.remember([cluster] if cluster is not None and "://" in cluster else [])


def _usual_outdir(sources: Sequence[str]) -> Path:
    first = Path(sources[0].partition("=")[2] if "=" in sources[0] and not Path(sources[0]).exists() else sources[0])
    named = first.resolve()
    return Path("runs") / (named.stem if named.is_file() else named.name)


def _recorded_or_requested(sources: Sequence[str], settings: dict[str, Any], toml: Path | None) -> Request | Config:
    """The configuration of a run directory, for which only the machine's settings may differ; else what is asked."""
    recorded = Path(sources[0]) / "config.json"
    if len(sources) > 1 or not recorded.exists():
        return requested(sources, settings, toml)
    given = {name: value for name, value in settings.items() if value is not None}
    if toml is not None or not set(given) <= set(MACHINE):
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in MACHINE)
        raise UsageError(f"{sources[0]} is a run, whose settings are fixed: only {flags} may be given with it")
    _remember_cluster(given.get("cluster"))
    return replace(load_config(recorded), **given)


_SUMMARY = (
    "metric", "direction", "removed", "chosen", "seeds", "verdict", "validation", "test", "seconds", "report",
    "warnings",
)  # fmt: skip


def _show(result: dict[str, Any], as_json: bool) -> None:
    printed = {key: result[key] for key in _SUMMARY}
    if result["question"] == "new-models":
        this_model = result["this_model"]
        printed |= {key: result[key] for key in ("question", "new_models", "kinds")} | {
            "this_model": this_model and {key: this_model[key] for key in _SUMMARY}
        }
        printed |= {"folds": result["folds"]} if result["folds"] else {}
    _print(printed, as_json, terminal.result_text(result))


def _show_values(values: dict[str, Any], as_json: bool) -> None:
    _print(values, as_json, terminal.values_text(values))


def _print(value: Any, as_json: bool, text: str = "") -> None:
    try:
        typer.echo(json.dumps(value, indent=2) if as_json else text, file=_results[-1] if _results else None)
    except BrokenPipeError:
        raise  # whoever reads has seen enough
    except OSError as error:
        raise GansiftError(f"the result cannot be printed: {error.strerror}. What was computed is kept.") from error


def _log_to(folder: Path) -> None:
    """Log to the terminal's error stream and to the run directory's log.txt."""
    check_folder_name(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        to_file = _LogFile(folder / "log.txt", encoding="utf-8")
    except OSError as error:
        raise GansiftError(f"cannot write to {folder}: {error.strerror}. Choose another --outdir.") from error
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    to_terminal = logging.StreamHandler(sys.stderr)
    to_terminal.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("gansift")
    logger.handlers = [to_file, to_terminal]
    logger.setLevel(logging.INFO)


class _LogFile(logging.FileHandler):
    """A log file that is no link, and whose disk may fill up: that is said once, and is no reason to stop."""

    def _open(self) -> TextIOWrapper:
        descriptor = open_own(Path(self.baseFilename), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        return open(descriptor, "a", encoding=self.encoding)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that logging calls
        """Stop writing, and say so."""
        logging.getLogger("gansift").removeHandler(self)
        logging.getLogger("gansift").warning("cannot write to %s any more: %s", self.baseFilename, sys.exc_info()[1])


_TOO_LARGE = (
    "this needs more memory than there is. Lower what makes it large: --size, --width, --batch, --latents, --steps or "
    "--jobs, or give scoring a limit with --memory; `gansift estimate` says what a run takes. What is finished is kept."
)

_NO_TORCHRUN = (
    "a run is not started by torchrun: its many trainings are spread over processes and machines by --jobs, --cluster "
    "or --share. One training that is too slow for one process is shared in Python, by training.train(..., "
    "data_parallel=True); see docs/many-machines.md."
)

# Of a source, a file or a folder: whichever asks the system for it first meets this.
_TOO_LONG = "{}... is longer than the name of any file can be; give another name"

# The program ---------------------------------------------------------------------------------------------------------

_WITH_SETTINGS: tuple[Callable[..., None], ...] = (run, crossfit, doctor, estimate)
_VERBS: tuple[Callable[..., None], ...] = (
    run, crossfit, about, data, doctor, estimate, score, verify, cleanse, evaluate, audit, report, export,
    track,
)  # fmt: skip


def application(arguments: Sequence[str]) -> typer.Typer:
    """The command line for these arguments: what flags there are depends on the system, or the audit, that they name.

    Raises:
        UsageError: for a system or an audit that does not exist.
    """
    app = typer.Typer(
        name="gansift", help=_HELP, no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False
    )
    app.callback()(_root)
    verb = next((text for text in arguments if not text.startswith("-")), "")
    with redirect_stdout(sys.stderr):  # what a person's code prints when its settings are read
        for one in _VERBS:
            app.command(one.__name__)(_with_flags(one, arguments) if one.__name__ == verb else _bare(one))
    return app


def _with_flags(verb: Callable[..., None], arguments: Sequence[str]) -> Callable[..., None]:
    """The verb that is meant, with the flags of its settings."""
    if verb in _WITH_SETTINGS:
        game = named_game(arguments)
        return with_settings(verb, game, system_manual(game).settings, everything="--help-all" in arguments)
    if verb is audit:
        from gansift.about import audit_manual

        name = next((text for text in arguments[1:] if not text.startswith("-")), "all")
        return with_audit(verb, name, audit_manual(name))
    return verb


def _bare(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb that is only listed: its settings are of no use."""
    return without_settings(verb) if verb in (*_WITH_SETTINGS, audit) else verb


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a check did not hold, 4 other shares are not done, 130 interrupted.
    """
    arguments = sys.argv[1:]
    try:
        _answered(arguments)
    except UsageError as error:
        typer.secho(f"gansift: {error}", err=True, fg="red")
        raise SystemExit(2) from None
    except OthersLeftError as error:
        typer.secho(f"gansift: {error}", err=True)
        raise SystemExit(_OTHERS_LEFT) from None
    except GansiftError as error:
        typer.secho(f"gansift: {error}", err=True, fg="red")
        raise SystemExit(1) from None
    except OSError as error:
        if error.errno == errno.ENOSPC:  # of help, which others print
            typer.secho(f"gansift: {error.strerror}", err=True, fg="red")
            raise SystemExit(1) from None
        if error.errno != errno.ENAMETOOLONG:
            raise
        typer.secho(f"gansift: {_TOO_LONG.format(str(error.filename)[:60])}", err=True, fg="red")
        raise SystemExit(2) from None
    except (MemoryError, RuntimeError) as error:
        if not is_of_memory(error):
            raise
        typer.secho(f"gansift: {_TOO_LARGE}", err=True, fg="red")
        raise SystemExit(1) from None
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            typer.secho("gansift: stopped; the same command goes on from here", err=True)
        raise
    finally:
        _forget_unprinted()


def _answered(arguments: Sequence[str]) -> None:
    """Do what is asked, and see that all is printed; whoever reads may have seen enough."""
    try:
        application(arguments)(["--help" if text == "--help-all" else text for text in arguments])
    except SystemExit:
        with suppress(BrokenPipeError):
            sys.stdout.flush()
        raise


def _forget_unprinted() -> None:
    """Leave what cannot be printed: Python would try again when it ends, and end with a code of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
