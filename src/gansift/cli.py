"""The command line: one small function per verb; all work is a call into the packages."""

from __future__ import annotations

import inspect
import json
import logging
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from gansift import __version__
from gansift.catalogue import ESTIMATOR_LABELS
from gansift.errors import GansiftError, UsageError
from gansift.lock import only_writer
from gansift.workflow.config import PRESETS, Config

app = typer.Typer(
    name="gansift",
    help=(
        "Find the training images that hurt a GAN, remove them, and prove that it got better.\n\n"
        "Start with `gansift run digits`, or `gansift run path/to/images`. A score is the predicted change of the "
        "metric if an example is removed; for FID, where lower is better, a negative score means harmful."
    ),
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)

_Outdir = Annotated[Optional[Path], typer.Option(help="run directory; default runs/<source>")]  # noqa: UP045
_RunDir = Annotated[Path, typer.Argument(help="run directory of `gansift run` or `gansift train`")]
_Json = Annotated[bool, typer.Option("--json", help="print the result as one JSON object")]
_Quiet = Annotated[bool, typer.Option("--quiet", help="show no progress")]
_DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="check everything and show the plan; do nothing")]
_FromStart = Annotated[
    bool, typer.Option("--from-start", help="remove from the whole run, not only from the horizon on")
]
_Estimator = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        help="whose scores (default: those of the run, itd): "
        + ", ".join(f"{name} ({label})" for name, label in ESTIMATOR_LABELS.items())
    ),
]
_Decisions = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(help="remove what this file marks (decisions.csv of the report page), not the most harmful"),
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


def _with_config(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb one flag per field of `Config`, with the field's help; it receives those given as ``settings``."""

    def wrapped(**given: Any) -> None:
        names = {item.name for item in fields(Config)} - {"source"}
        settings = {key: value for key, value in given.items() if key in names}
        verb(settings=settings, **{key: value for key, value in given.items() if key not in names})

    panels = _panels()
    own = [item for name, item in inspect.signature(verb, eval_str=True).parameters.items() if name != "settings"]
    flags = [
        inspect.Parameter(
            item.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                Optional[_plain_type(str(item.type))],  # noqa: UP045
                typer.Option(help=_help(item), rich_help_panel=panels[item.name]),
            ],
        )
        for item in fields(Config)
        if item.name != "source"
    ]
    wrapped.__signature__ = inspect.Signature([*own, *flags])  # type: ignore[attr-defined]
    wrapped.__name__, wrapped.__doc__ = verb.__name__, verb.__doc__
    wrapped.__annotations__ = {item.name: item.annotation for item in (*own, *flags)}
    return wrapped


def _plain_type(annotation: str) -> type:
    return {"int": int, "float": float, "bool": bool, "str": str}[annotation.split(" ")[0]]


def _help(item: Any) -> str:
    by_data = {name: preset[item.name] for name, preset in PRESETS.items() if item.name in preset}
    if len(set(by_data.values())) > 1:
        shown = ", ".join(f"{value} for {name}" for name, value in by_data.items())
    else:
        shown = next(iter(by_data.values()), item.default)
    # In round brackets: what stands in square ones is taken for markup.
    return item.metadata["help"] + ("" if shown is None else f" (default: {shown})")


def _panels() -> dict[str, str]:
    """The heading of --help under which each setting stands; `Config` has them in this order."""
    first = {
        "labels": "Data", "game": "Game", "steps": "Training", "metric": "Metric", "seeds": "Cleansing",
        "jobs": "Machine",
    }  # fmt: skip
    panels, heading = {}, ""
    for item in fields(Config):
        heading = first.get(item.name, heading)
        panels[item.name] = heading
    return panels


_SourceArgument = Annotated[
    str,
    typer.Argument(
        help="built-in (digits, mnist, emoji-noto, emoji-twemoji, normal-1d, normal-2d, diabetes), folder or zip of "
        "images, CSV, Parquet or .npz file"
    ),
]
_ConfigFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--config", help="TOML file with any of the settings below; flags given here win"),
]


@app.command()
@_with_config
def run(
    source: _SourceArgument,
    settings: dict[str, Any],
    outdir: _Outdir = None,
    config: _ConfigFile = None,
    dry_run: _DryRun = False,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Do everything: train, score every example, cleanse, prove it, report. Run it again to go on after a stop."""
    _pipeline(source, settings, outdir, config, "verify", dry_run, as_json, quiet)


@app.command()
@_with_config
def train(
    source: _SourceArgument,
    settings: dict[str, Any],
    outdir: _Outdir = None,
    config: _ConfigFile = None,
    dry_run: _DryRun = False,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Train the GAN with recording, for every seed."""
    _pipeline(source, settings, outdir, config, "train", dry_run, as_json, quiet)


def _pipeline(
    source: str,
    settings: dict[str, Any],
    outdir: Path | None,
    config: Path | None,
    last: str,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    from gansift.workflow import config as configuration
    from gansift.workflow import stages
    from gansift.workflow.outcome import finish

    start = time.monotonic()
    given = configuration.merge({**settings, "source": source}, config)
    folder = outdir or _usual_outdir(source)
    if dry_run:
        _print(stages.describe(given, folder), as_json=True)
        return
    _log_to(folder)
    with only_writer(folder):
        directory, resolved = stages.prepare(given, folder)
        stages.work(directory, resolved, last, resolved.way, quiet)
        if last == "train":
            _show_values(stages.evaluate(directory), as_json)
        else:
            _show(finish(directory, resolved.way, time.monotonic() - start), as_json)


def _usual_outdir(source: str) -> Path:
    named = Path(source).resolve()
    return Path("runs") / (named.stem if named.is_file() else named.name)


def _recorded_or_given(source: str, settings: dict[str, Any], config: Path | None) -> Config:
    """The configuration of a run directory, for which only the machine's settings may differ; else what is given."""
    from gansift.workflow import config as configuration
    from gansift.workflow.directory import RunDirectory

    recorded = RunDirectory(Path(source)).config
    given = configuration.merge({**settings, "source": source}, config)
    if not recorded.exists():
        return given
    machine = {name: getattr(given, name) for name in configuration.MACHINE if getattr(given, name) is not None}
    if given != configuration.Config(source=source, **machine):
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in configuration.MACHINE)
        raise UsageError(f"{source} is a run, whose settings are fixed: only {flags} may be given with it")
    return replace(configuration.load(recorded), **machine)


@app.command()
def data(
    source: _SourceArgument,
    labels: Annotated[Optional[str], typer.Option(help="label file (CSV with path,label or dataset.json)")] = None,  # noqa: UP045
    size: Annotated[Optional[int], typer.Option(help="as it will be given to `gansift run`")] = None,  # noqa: UP045
    resize: Annotated[str, typer.Option(help="as it will be given to `gansift run`")] = "crop-lanczos",
    split_seed: Annotated[int, typer.Option(help="seed of the train/validation/test split")] = 0,
    fractions: Annotated[str, typer.Option(help="shares of train, validation and test")] = "0.5,0.25,0.25",
    label: Annotated[Optional[str], typer.Option(help="column of a table that is the label")] = None,  # noqa: UP045
    group: Annotated[str, typer.Option(help="columns of a table that are kept beside it, e.g. sex,race")] = "",
    ignore: Annotated[str, typer.Option(help="columns of a table that are not read")] = "",
    include: Annotated[str, typer.Option(help="those of label and groups that are trained on, too")] = "",
    impute: Annotated[Optional[str], typer.Option(help="what stands for missing numbers: mean or median")] = None,  # noqa: UP045
    as_json: _Json = False,
) -> None:
    """Look at data before training: sizes, classes, columns, copies, unusable files, splits, and what to do next.

    Exit code 1 says that nothing can be used; unusable files alone are no error.
    """
    from gansift.data.records import Roles
    from gansift.data.splits import parse_fractions
    from gansift.data.survey import survey
    from gansift.data.survey_text import survey_text

    roles = Roles.parse(label, group, ignore, include, impute)
    shares = parse_fractions(fractions)
    found = survey(source, labels=labels, size=size, resize=resize, seed=split_seed, roles=roles, fractions=shares)
    _print(found, as_json, survey_text(found))
    if not found["usable"]:
        raise typer.Exit(1)


@app.command()
@_with_config
def doctor(
    source: Annotated[str, typer.Argument(help="data as for `gansift run`, or a run directory")],
    settings: dict[str, Any],
    config: _ConfigFile = None,
    quick: Annotated[bool, typer.Option("--quick", help="only what `gansift score` looks at, in seconds")] = False,
    as_json: _Json = False,
) -> None:
    """Examine a game before it is trained: derivatives, weights, mixing, replay, operators, smoothness.

    Exit code 3 says that something was found that makes scores wrong.
    """
    from gansift.workflow import stages

    found = stages.doctor(_recorded_or_given(source, settings, config), quick)
    marks = {"ok": "ok     ", "warning": "WARNING", "fault": "FAULT  "}
    lines = [f"{marks[one.verdict]} {one.check:13} {one.where} {one.message} {one.remedy}".rstrip() for one in found]
    _print({"findings": [asdict(finding) for finding in found]}, as_json, "\n".join(lines))
    if any(finding.verdict == "fault" for finding in found):
        raise typer.Exit(_DID_NOT_HOLD)


@app.command()
@_with_config
def estimate(
    source: Annotated[str, typer.Argument(help="data as for `gansift run`, or a run directory")],
    settings: dict[str, Any],
    config: _ConfigFile = None,
    as_json: _Json = False,
) -> None:
    """Measure what a run would take on this machine: time, memory, disk. For a run directory, what is left to do.

    A miniature of the run is done beside it, in up to a minute, and nothing is kept. For each stage:

    time: on the clock, with --jobs processes at work.

    work: of the processor, all processes together.

    job: the most memory (RSS) that one process takes.

    memory: the same of all processes together.

    disk: what is written and kept.

    The total adds up time, work and disk; of memory it is the highest. As long as nothing is chosen, verification is
    counted at the mean of the horizons; --horizons auto counts as if all could be believed, and may take less.
    """
    from gansift.workflow.directory import RunDirectory
    from gansift.workflow.forecast import estimated

    directory = RunDirectory(Path(source))
    given = _recorded_or_given(source, settings, config)
    found = estimated(given, directory if directory.config.exists() else None)
    _print(found, as_json, _estimate_lines(found))


def _estimate_lines(found: dict[str, Any]) -> str:
    from gansift.workflow.fits import in_words

    lines = [f"{'':8}{'time':>10}{'work':>10}{'job':>12}{'memory':>12}{'disk':>12}"]
    for row in (*found["stages"], found["total"]):
        times = "".join(f"{_clock(row[name]):>10}" for name in ("seconds", "work"))
        amounts = "".join(f"{in_words(row[name]):>12}" for name in ("memory_job", "memory", "disk"))
        lines.append(f"{row['stage']:8}{times}{amounts}")
    jobs, there = found["jobs"], found["available"]
    memory = "" if there["memory"] is None else f"{in_words(there['memory'])} of memory and "
    lines.append(
        f"{jobs} job{'s' if jobs > 1 else ''} at a time. Available here: {memory}{in_words(there['disk'])} of disk."
    )
    if not found["fits"]:
        lines.append("It does not fit: fewer --jobs, a smaller --memory, --batch, --width or --steps take less.")
    return "\n".join(lines)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m" if hours else f"{minutes} m {rest:02} s" if minutes else f"{rest} s"


@app.command()
def score(
    run_dir: _RunDir,
    estimator: _Estimator = None,
    doctor: Annotated[bool, typer.Option(help="examine the game before, and refuse to score a faulty one")] = True,
    cluster: _Cluster = None,
    device: _Device = None,
    accept_drift: _AcceptDrift = None,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Score every training example of a trained run, for every horizon and seed."""
    from gansift.workflow import stages

    with _opened(run_dir, estimator, False, cluster, device, accept_drift) as (directory, resolved, way):
        stages.work(directory, resolved, "score", way, quiet, doctor)
    files = sorted(str(path) for path in run_dir.glob(f"seeds/*/scores/*-{way.estimator}-*.csv"))
    _print({"scores": files}, as_json, "\n".join(files))


@app.command()
def cleanse(
    run_dir: _RunDir,
    decisions: _Decisions = None,
    estimator: _Estimator = None,
    from_start: _FromStart = False,
    cluster: _Cluster = None,
    device: _Device = None,
    accept_drift: _AcceptDrift = None,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Retrain without harmful examples, choose how many on validation data, and report on test data.

    With --decisions, without exactly the examples that a person marked in the report page.
    """
    from gansift.workflow import stages
    from gansift.workflow.outcome import finish

    start = time.monotonic()
    with _opened(run_dir, estimator, from_start, cluster, device, accept_drift, decisions) as (
        directory,
        resolved,
        way,
    ):
        stages.work(directory, resolved, "verify", way, quiet)
        _show(finish(directory, way, time.monotonic() - start), as_json)


@app.command()
def verify(
    run_dir: _RunDir,
    scores: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="score file of any tool in gansift's columns; default the run's own"),
    ] = None,
    estimator: _Estimator = None,
    horizon: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="epochs at the end that are redone, or all (default: the chosen horizon, or the longest)"),
    ] = None,
    removals: Annotated[int, typer.Option(min=3, help="how many times to retrain")] = 30,
    remove: Annotated[str, typer.Option(help="examples in each removal: a count or a share; 1 leaves one out")] = "2%",
    over_seeds: Annotated[
        bool, typer.Option("--over-seeds", help="truth is the mean over all seeds, not your one model")
    ] = False,
    cluster: _Cluster = None,
    device: _Device = None,
    accept_drift: _AcceptDrift = None,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Compare scores with real retraining without random examples: can they be trusted?

    Exit code 3 says that the ranking is no better than chance.
    """
    from gansift.workflow import stages

    with _opened(run_dir, estimator, False, cluster, device, accept_drift) as (directory, resolved, way):
        found = stages.verify(directory, resolved, way, scores, horizon, removals, remove, over_seeds, quiet)
    _print(found, as_json, _verification_lines(found))
    ends = found["spearman"]["ci95"]
    if ends is None or ends[0] <= 0:
        raise typer.Exit(_DID_NOT_HOLD)


def _verification_lines(found: dict[str, Any]) -> str:
    several = f"without {found['removed']} random examples"
    what = "leaving one example out" if found["kind"] == "leave-one-out" else several
    seeds = "one seed" if found["seeds"] == 1 else f"mean over {found['seeds']} seeds"
    epochs = f"{found['horizon']} steps ({found['epochs']:g} epochs)"
    lines = [f"{found['estimator']}: {found['count']} retrainings of the last {epochs} {what}, {seeds}"]
    for name in ("spearman", "kendall", "pearson", "slope", "jaccard", "ceiling"):
        statistic = found[name]
        if statistic is not None and statistic["value"] is not None:
            ends = statistic["ci95"]
            interval = "" if ends is None else f"  95 % interval {ends[0]:.3f} to {ends[1]:.3f}"
            lines.append(f"{name:9} {statistic['value']:7.3f}{interval}")
    return "\n".join(lines)


@contextmanager
def _opened(
    run_dir: Path,
    estimator: str | None = None,
    from_start: bool = False,
    cluster: str | None = None,
    device: str | None = None,
    accept_drift: bool | None = None,
    decisions: Path | None = None,
) -> Iterator[tuple[Any, Any, Any]]:
    """The directory, configuration and way of cleansing of a run that is there; locked, and with the log set up."""
    from gansift.workflow import config as configuration
    from gansift.workflow import stages
    from gansift.workflow.directory import RunDirectory

    directory = RunDirectory(run_dir)
    resolved = configuration.load(directory.config)
    _log_to(run_dir)
    name = resolved.estimator if estimator is None else configuration.parse_estimators(estimator)[0]
    with only_writer(run_dir):
        resolved = stages.move(directory, resolved, device, accept_drift)
        if cluster is not None:
            resolved = replace(resolved, cluster=cluster)
        decided = None if decisions is None else stages.adopt(directory, resolved, decisions)
        yield directory, resolved, configuration.Way(name, from_start or resolved.from_start, decided)


@app.command()
def evaluate(run_dir: _RunDir, as_json: _Json = False) -> None:
    """Print the metric of every seed's generator, untrained and trained, on validation and on test data."""
    from gansift.workflow import stages
    from gansift.workflow.directory import RunDirectory

    _show_values(stages.evaluate(RunDirectory(run_dir)), as_json)


@app.command()
def report(
    run_dir: _RunDir,
    decisions: _Decisions = None,
    estimator: _Estimator = None,
    from_start: _FromStart = False,
    device: _Device = None,
    accept_drift: _AcceptDrift = None,
    as_json: _Json = False,
) -> None:
    """Write report.html, report.json and the lists of a cleansed run again."""
    from gansift.workflow.outcome import finish

    with _opened(run_dir, estimator, from_start, None, device, accept_drift, decisions) as (directory, _, way):
        _show(finish(directory, way), as_json)


@app.command()
def export(
    run_dir: _RunDir,
    destination: Annotated[Path, typer.Argument(help="new folder to fill; new file for zip, npz, csv and parquet")],
    format: Annotated[
        str,
        typer.Option(
            help="folder (the kept training images, and those held out), lists (kept.txt, removed.txt), zip (as "
            "StyleGAN reads it), hf (folder with metadata.csv for Hugging Face), npz (arrays), csv (rows of a table), "
            "parquet (scores of all examples), weights (the networks, to start from with --init), adapters (what was "
            "trained of them)"
        ),
    ] = "folder",
    link: Annotated[str, typer.Option(help="copy, symlink or hardlink the images")] = "copy",
    as_json: _Json = False,
) -> None:
    """Export the clean training set, or the trained networks, for any later training."""
    from gansift.data import DataSets, Records
    from gansift.data.sources import open_source
    from gansift.report.export import FORMATS, SCORED, SOURCES
    from gansift.report.export import export as export_run
    from gansift.workflow import config as configuration
    from gansift.workflow import weights
    from gansift.workflow.build import load_data
    from gansift.workflow.directory import RunDirectory
    from gansift.workflow.outcome import chosen_scores

    directory = RunDirectory(run_dir)
    if format not in (*FORMATS, *weights.FORMATS):
        known = ", ".join((*FORMATS, *weights.FORMATS))
        raise UsageError(f"--format {format}: there is no such format; choose one of {known}")
    if format in weights.FORMATS:
        files = [str(path) for path in weights.export_weights(directory, destination, format)]
        _print({"files": files}, as_json, "\n".join(files))
        return
    config = configuration.load(directory.config)
    splits = load_data(config)
    found = open_source(config.source, config.split_seed) if format == "csv" else None
    tables = {"data": [found]} if isinstance(found, Records) else {}
    scores = chosen_scores(directory) if format in SCORED else None
    kept = export_run(format, run_dir, destination, link=link, sets=DataSets(data=splits), tables=tables, scores=scores)
    again = _again(config, destination) if format in SOURCES else None
    lines = [f"{kept} of {len(splits.train)} training examples in {destination}"]
    lines += [] if again is None else [f"Train on them, with the same validation and test examples: {again}"]
    _print(
        {"kept": kept, "removed": len(splits.train) - kept, "destination": str(destination), "command": again},
        as_json,
        "\n".join(lines),
    )


def _again(config: Config, exported: Path) -> str:
    """The command that trains on an export."""
    sized = config.size is not None and exported.is_dir()  # files hold the pixels that were trained on
    size = ["--size", str(config.size), "--resize", config.resize] if sized else []
    return shlex.join(["gansift", "run", str(exported), *size])


@app.command()
def convert(
    checkpoint: Annotated[Path, typer.Argument(help="StyleGAN2 checkpoint (.pt) in the layout of rosinality's code")],
    destination: Annotated[Path, typer.Argument(help="file to write, .safetensors")],
    as_json: _Json = False,
) -> None:
    """Convert pretrained StyleGAN2 weights into a file to start from, `--init`. Nothing in it is run."""
    from gansift.models import read_rosinality, write_weights

    if destination.exists():
        raise UsageError(f"{destination} is there already; choose another file")
    architecture, networks, notes = read_rosinality(checkpoint)
    write_weights(destination, architecture, networks)
    lines = [f"{destination}: {', '.join(networks)} for images of {architecture.shape[1]} pixels", *notes]
    _print({"file": str(destination), **asdict(architecture), "notes": notes}, as_json, "\n".join(lines))


_SUMMARY = (
    "metric",
    "direction",
    "removed",
    "chosen",
    "seeds",
    "verdict",
    "validation",
    "test",
    "seconds",
    "report",
    "warnings",
)


def _show(result: dict[str, Any], as_json: bool) -> None:
    summary = {key: result[key] for key in _SUMMARY}
    lines = [result["verdict"]["sentence"], *result["warnings"], f"Report: {result['report']}"]
    _print(summary, as_json, "\n".join(lines))


def _show_values(values: dict[str, Any], as_json: bool) -> None:
    lines = [f"{values['metric']} ({values['direction']} is better)"]
    for row in values["values"]:
        untrained, trained = row["untrained"], row["trained"]
        lines.append(
            f"seed {row['seed']}: validation {trained['validation']:.4g}, test {trained['test']:.4g} "
            f"(untrained: {untrained['validation']:.4g}, {untrained['test']:.4g})"
        )
    if values["floor"]["test"] is not None:
        lines.append(
            f"real against real: validation {values['floor']['validation']:.4g}, test {values['floor']['test']:.4g}"
        )
    _print(values, as_json, "\n".join(lines))


def _print(value: dict[str, Any], as_json: bool, text: str = "") -> None:
    typer.echo(json.dumps(value, indent=2) if as_json else text)


def _log_to(folder: Path) -> None:
    """Log to the terminal's error stream and to the run directory's log.txt."""
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
    """A log file whose disk may fill up: that is said once, and is no reason to stop."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that logging calls
        """Stop writing, and say so."""
        logging.getLogger("gansift").removeHandler(self)
        logging.getLogger("gansift").warning("cannot write to %s any more: %s", self.baseFilename, sys.exc_info()[1])


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    pass


# Exit codes: a check did not hold; what typer makes of Ctrl-C.
_DID_NOT_HOLD = 3
_INTERRUPTED = 130


def main() -> None:
    """Run the command line; 0 done, 1 failed, 2 wrong usage, 3 a check did not hold, 130 interrupted."""
    try:
        app()
    except UsageError as error:
        typer.secho(f"gansift: {error}", err=True, fg="red")
        raise SystemExit(2) from None
    except GansiftError as error:
        typer.secho(f"gansift: {error}", err=True, fg="red")
        raise SystemExit(1) from None
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            typer.secho("gansift: stopped; the same command goes on from here", err=True)
        raise


if __name__ == "__main__":
    main()
