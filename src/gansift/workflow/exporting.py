"""What a person takes along from a run: the clean training set, the trained networks, or samples."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gansift.data import Records
from gansift.data.grey import AUTO
from gansift.data.records import NO_ROLES
from gansift.data.sets import DataSets, parse_sources
from gansift.data.sources import open_source
from gansift.errors import UsageError
from gansift.report.export import FORMATS, SCORED, SOURCES, export
from gansift.workflow import made, releasing, weights
from gansift.workflow.config import Config, load
from gansift.workflow.directory import RunDirectory
from gansift.workflow.folds import is_crossfit, load_whole
from gansift.workflow.outcome import chosen_scores
from gansift.workflow.place import load_data, roles_of
from gansift.workflow.request import USUAL_GAME

_FIFTYONE = """Beside them those that are removed or held out, each with its score, rank and decision. In Python:
  import fiftyone as fo
  numbers = {{"score": float, "rank": int, "example": str, "split": str, "label": str, "decision": str}}
  pets = fo.Dataset.from_dir({!r}, dataset_type=fo.types.CSVDataset, fields=numbers)
Tag samples remove, then:
  pets.export(labels_path="decisions.csv", dataset_type=fo.types.CSVDataset, fields=["example", "tags"])
which `gansift cleanse RUN --decisions decisions.csv` takes."""


def exported(
    root: Path,
    destination: Path,
    format: str,
    link: str,
    number: int | None = None,
    model: str | None = None,
    rows: Path | None = None,
) -> tuple[dict[str, Any], str]:
    """Export from a run directory.

    Args:
        root: the run directory.
        destination: new folder, or new file, to fill.
        format: one of `report.export.FORMATS` or `weights.FORMATS`, `made.FORMATS`, or `releasing.FORMAT`.
        link: ``copy``, ``symlink`` or ``hardlink``, for images.
        number: of samples, for synthetic data.
        model: whose samples, or whose work, one of `releasing.MODELS`.
        rows: file of new rows to represent.

    Returns:
        What was exported, for programs and in words.

    Raises:
        UsageError: for an unknown format, or one that does not go with the run.
        DataError: if the data are no longer those of the run.
        GansiftError: if something cannot be written.
    """
    directory = RunDirectory(root)
    if format not in (every := (*FORMATS, *weights.FORMATS, *made.FORMATS, releasing.FORMAT)):
        raise UsageError(f"--format {format}: there is no such format; choose one of {', '.join(every)}")
    _check_flags(format, number, model, rows)
    if format == releasing.FORMAT:
        return releasing.release(directory, destination, number, model or releasing.MODELS[0])
    if format in made.FORMATS:
        return made.export_made(directory, destination, format, model or releasing.MODELS[0], rows)
    if format in weights.FORMATS:
        files = [str(path) for path in weights.export_weights(directory, destination, format)]
        return {"files": files}, "\n".join(files)
    config, sets = load_whole(root) if is_crossfit(root) else _loaded(directory)
    scores = chosen_scores(directory) if format in SCORED else None
    tables = _tables(config) if format == "csv" else {}
    kept = export(format, root, destination, link=link, sets=sets, tables=tables, scores=scores)
    count = sum(map(len, sets.train.values()))
    again = _again(config, destination, tuple(sets), tables) if format in SOURCES else None
    lines = [f"{kept} of {count} training examples in {destination}"]
    lines += [_FIFTYONE.format(str(destination))] if format == "fiftyone" else []
    held_out = "" if is_crossfit(root) else ", with the same validation and test examples"
    lines += [] if again is None else [f"Train on them{held_out}: {again}"]
    summary = {"kept": kept, "removed": count - kept, "destination": str(destination), "command": again}
    return summary, "\n".join(lines)


def _check_flags(format: str, number: int | None, model: str | None, rows: Path | None) -> None:
    """Refuse flags of other formats.

    Raises:
        UsageError: naming the flag and the formats that it goes with.
    """
    taken = {
        "number": (number, (releasing.FORMAT,)),
        "model": (model, (releasing.FORMAT, *made.FORMATS)),
        "rows": (rows, (made.REPRESENTATION,)),
    }
    for flag, (given, formats) in taken.items():
        if given is not None and format not in formats:
            raise UsageError(f"--{flag} goes with --format {' or '.join(formats)} alone; leave it out for {format}")


def _loaded(directory: RunDirectory) -> tuple[Config, DataSets]:
    config = load(directory.config)
    return config, load_data(config.sources, asdict(config))


def _tables(config: Config) -> dict[str, list[Records]]:
    """The records of each source that is a table, by the name of its set; test data of a person's own follow theirs."""
    roles = roles_of(asdict(config))
    by_name, test = parse_sources(config.sources)
    sources = {name: [open_source(path, config.split_seed, roles)] for name, path in by_name.items()}
    if test is not None:
        next(iter(sources.values())).append(open_source(test, config.split_seed, roles))
    tables = {name: [one for one in opened if isinstance(one, Records)] for name, opened in sources.items()}
    return {name: records for name, records in tables.items() if records}


def _again(config: Config, destination: Path, sets: Sequence[str], tables: Mapping[str, Sequence[Records]]) -> str:
    """The command that trains on an export: the same game, on what the files do not say of themselves."""
    below = [str(destination)] if len(sets) == 1 else [f"{name}={destination / name}" for name in sets]
    game = [] if config.game == USUAL_GAME else ["--game", config.game]
    sized = config.size is not None and destination.is_dir()  # other files hold the pixels that were trained on
    size = ["--size", str(config.size), "--resize", config.resize] if sized else []
    greys = ["--range", config.range] if config.range != AUTO and destination.is_dir() else []
    roles = next((replace(one.roles, ignore=()) for records in tables.values() for one in records), NO_ROLES)
    return shlex.join(["gansift", "run", *below, *game, *size, *greys, *roles.flags])
