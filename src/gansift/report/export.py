"""The cleaned data set in forms that other programs read: lists of ids, folders, an archive, a table of scores."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image

from gansift.data.pixels import SUFFIXES, to_pixels
from gansift.errors import GansiftError
from gansift.files import write_text
from gansift.report.archive import write_archive
from gansift.report.table import write_table

if TYPE_CHECKING:
    from gansift.data.examples import Examples

FORMATS = ("folder", "lists", "zip", "hf", "parquet")
#: Those that say the scores of examples.
SCORED = ("hf", "parquet")
LINKS = ("copy", "symlink", "hardlink")
_COLUMNS = ("id", "path", "sha256", "split", "label")


@dataclass(frozen=True)
class _Row:
    """One example of a manifest."""

    id: str
    path: str
    sha256: str
    split: str
    label: str


class Scored(Protocol):
    """Scores of all training examples; `influence.Scores` is one."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The examples, in the order of the training data."""

    @property
    def values(self) -> np.ndarray:
        """Their scores, shape (N,)."""

    @property
    def harm(self) -> np.ndarray:
        """How much better the metric is predicted to get by each removal, shape (N,)."""

    @property
    def metric(self) -> str:
        """The metric's name."""

    @property
    def estimator(self) -> str:
        """The estimator's name."""


def write_lists(folder: Path, ids: Sequence[str], removed: Sequence[str]) -> None:
    """Write ``kept.txt`` and ``removed.txt`` into ``folder``: one id a line, in the order of ``ids``.

    Args:
        folder: a run directory, or any other folder.
        ids: every training example.
        removed: those of them that are removed.

    Raises:
        GansiftError: if an id contains a line break, or a removed id is none of ``ids``.
    """
    broken = next((identity for identity in ids if len(identity.splitlines()) != 1), None)
    if broken is not None:
        raise GansiftError(
            f"the id {broken!r} is empty or contains a line break, so it cannot stand in a list; rename it"
        )
    dropped = set(removed)
    if unknown := dropped - set(ids):
        raise GansiftError(f"{min(unknown)!r} is to be removed but is not a training example")
    for name, listed in (("kept", [i for i in ids if i not in dropped]), ("removed", [i for i in ids if i in dropped])):
        write_text(folder / f"{name}.txt", "".join(f"{identity}\n" for identity in listed))


def export(
    format: str,
    run_dir: Path,
    destination: Path,
    *,
    link: str = "copy",
    examples: Examples | None = None,
    scores: Scored | None = None,
) -> int:
    """Export what a run decided to keep. Validation and test examples are in none of the formats but ``parquet``.

    ``lists`` writes ``kept.txt`` and ``removed.txt``. ``folder`` fills a folder with the kept *training* examples under
    the same relative paths as in the source. Examples that never were files (built-in data, rows of an array) are
    written as PNG images, in a folder per class, named after the last part of their id. ``hf`` is that folder with a
    ``metadata.csv`` of labels and scores, which Hugging Face's data sets read. ``zip`` is an archive as StyleGAN's
    trainers read it. ``parquet`` is a table of all examples with their scores. Whatever it is appears only when it is
    complete.

    Args:
        format: one of `FORMATS`.
        run_dir: a run directory with ``manifest.csv`` and ``removed.txt``.
        destination: a folder that does not exist yet or is empty; for ``zip`` and ``parquet`` a new file.
        link: ``copy``, ``symlink`` or ``hardlink``: how files get into a folder.
        examples: the training examples; needed for ``zip``, and for those that are not files.
        scores: of the training examples; needed for ``hf`` and ``parquet``.

    Returns:
        The number of kept examples.

    Raises:
        GansiftError: if the run is not finished, the destination is occupied, a file is missing, or the format needs
            something that is not there.
    """
    if format not in FORMATS:
        raise GansiftError(f"there is no export format {format!r}; choose one of {', '.join(FORMATS)}")
    if link not in LINKS:
        raise GansiftError(f"files cannot be put there by {link!r}; choose one of {', '.join(LINKS)}")
    _refuse_occupied(destination, a_file=format in ("zip", "parquet"))
    rows = _read_manifest(run_dir / "manifest.csv")
    train = [row for row in rows if row.split == "train"]
    removed = _read_removed(run_dir / "removed.txt", {row.id for row in train})
    kept = [row for row in train if row.id not in removed]
    sources = [row.path for row in train if row.path]
    if format == "lists":
        write_lists(destination, [row.id for row in train], sorted(removed))
    elif format == "folder":
        _fill_folder(destination, _writers(kept, sources, link, examples), link)
    elif format == "hf":
        writers = _writers(kept, sources, link, examples)
        writers |= _metadata(writers, kept, _scores_by_id(train, scores, run_dir, format).values)
        _fill_folder(destination, writers, link)
    elif format == "zip":
        positions = _positions(examples)
        if examples is None or any(row.id not in positions for row in kept):
            raise GansiftError("an archive needs the pixels of all kept examples; give examples, or export a folder")
        write_archive(destination, examples, [positions[row.id] for row in kept])
    else:
        write_table(destination, _table(rows, removed, _scores_by_id(train, scores, run_dir, format)))
    return len(kept)


def _refuse_occupied(destination: Path, a_file: bool) -> None:
    if a_file:
        if destination.is_symlink() or destination.exists():
            raise GansiftError(f"{destination} is there already and is not overwritten; choose another destination")
        return
    if destination.is_symlink() or (destination.exists() and not destination.is_dir()):
        raise GansiftError(f"{destination} is there already and is not a folder; choose another destination")
    if destination.is_dir() and any(destination.iterdir()):
        raise GansiftError(f"{destination} is not empty, and nothing in it is overwritten; choose another destination")


def _read_manifest(manifest: Path) -> list[_Row]:
    try:
        with open(manifest, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise GansiftError(f"{manifest} cannot be read ({error.strerror}); is this a run directory?") from error
    missing = [name for name in _COLUMNS if rows and rows[0].get(name) is None]
    if missing:
        raise GansiftError(f"{manifest} has no column {', '.join(missing)}")
    found = [_Row(*(row[name] or "" for name in _COLUMNS)) for row in rows]
    if not any(row.split == "train" for row in found):
        raise GansiftError(f"{manifest} lists no training examples, so there is nothing to export")
    return found


def _read_removed(path: Path, ids: set[str]) -> set[str]:
    try:
        removed = set(path.read_text(encoding="utf-8").splitlines())
    except OSError as error:
        raise GansiftError(
            f"{path} cannot be read ({error.strerror}): nothing has been chosen for removal yet. "
            "Run `gansift cleanse` first"
        ) from error
    if unknown := removed - ids:
        raise GansiftError(f"{path} lists {min(unknown)!r}, which is no training example of the manifest beside it")
    return removed


@dataclass(frozen=True)
class _ById:
    """Scores by id, with the rank of each, 1 for the most harmful."""

    values: dict[str, float]
    ranks: dict[str, int]
    metric: str
    estimator: str


def _scores_by_id(train: Sequence[_Row], scores: Scored | None, run_dir: Path, format: str) -> _ById:
    if scores is None:
        raise GansiftError(f"--format {format} needs the scores of {run_dir}; run `gansift cleanse` first")
    if set(scores.ids) != {row.id for row in train}:
        raise GansiftError(f"the scores of {run_dir} are not those of the training examples in its manifest.csv")
    order = np.argsort(-scores.harm, kind="stable").tolist()
    return _ById(
        dict(zip(scores.ids, scores.values.tolist(), strict=True)),
        {scores.ids[row]: rank for rank, row in enumerate(order, 1)},
        scores.metric,
        scores.estimator,
    )


def _table(rows: Sequence[_Row], removed: set[str], scores: _ById) -> dict[str, Sequence[object]]:
    """Columns of all examples; ``index`` is the place in the split, and only training examples have scores."""
    counts = dict.fromkeys((row.split for row in rows), 0)
    index = []
    for row in rows:
        index.append(counts[row.split])
        counts[row.split] += 1
    return {
        "id": [row.id for row in rows],
        "path": [row.path for row in rows],
        "sha256": [row.sha256 for row in rows],
        "index": index,
        "label": [row.label for row in rows],
        "score": [scores.values.get(row.id) if row.split == "train" else None for row in rows],
        "rank": [scores.ranks.get(row.id) if row.split == "train" else None for row in rows],
        "metric": [scores.metric] * len(rows),
        "estimator": [scores.estimator] * len(rows),
        "split": [row.split for row in rows],
        "removed": [row.split == "train" and row.id in removed for row in rows],
    }


def _metadata(
    writers: Mapping[PurePosixPath, Callable[[Path], object]], kept: Sequence[_Row], scores: Mapping[str, float]
) -> dict[PurePosixPath, Callable[[Path], object]]:
    """What writes the table of an image folder, whose files are those of ``kept`` in that order."""
    name = PurePosixPath("metadata.csv")
    if name in writers:
        raise GansiftError(f"one of the kept examples is called {name}, as is the table of an image folder; rename it")
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("file_name", "label", "score"))
    table.writerows((str(path), row.label, repr(scores[row.id])) for path, row in zip(writers, kept, strict=True))
    return {name: lambda target: target.write_bytes(text.getvalue().encode())}


def _fill_folder(destination: Path, writers: Mapping[PurePosixPath, Callable[[Path], object]], link: str) -> None:
    """Fill a temporary folder beside ``destination``, then rename it."""
    temporary = destination.with_name(f".{destination.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True)
        for relative, write in writers.items():
            target = temporary / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            write(target)
        if destination.is_dir():
            destination.rmdir()
        os.replace(temporary, destination)
    except OSError as error:
        hint = " Use copies or symbolic links: hard links cannot cross file systems." if link == "hardlink" else ""
        raise GansiftError(f"cannot export to {destination}: {error.strerror or error}.{hint}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _writers(
    kept: Sequence[_Row], sources: Sequence[str], link: str, examples: Examples | None
) -> dict[PurePosixPath, Callable[[Path], object]]:
    """What to do for every file of the folder, so that all that is wrong shows before anything is written."""
    root = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in sources]) if sources else ""
    positions = _positions(examples)
    beside = len({row.id.partition("/")[0] for row in kept}) > 1
    writers: dict[PurePosixPath, Callable[[Path], object]] = {}
    for row in kept:
        if row.path:
            if not Path(row.path).is_file():
                raise GansiftError(
                    f"{row.path} of example {row.id!r} is not there any more; put it back and export again"
                )
            relative = _relative_path(row, root)
            write = _put(Path(row.path).absolute(), link)
        elif examples is not None and row.id in positions:
            relative = _new_path(row, beside)
            write = _paint(examples, positions[row.id])
        else:
            raise GansiftError(
                f"example {row.id!r} never was a file; export lists, or give its pixels so that an image can be written"
            )
        if relative.is_absolute() or ".." in relative.parts:
            raise GansiftError(
                f"example {row.id!r} would be written outside the destination, to {relative}; use lists instead"
            )
        if relative in writers:
            raise GansiftError(
                f"two kept examples would be written to {relative}, one of them {row.id!r}; use lists instead"
            )
        writers[relative] = write
    return writers


def _positions(examples: Examples | None) -> dict[str, int]:
    """The position of every example by its id."""
    return {} if examples is None else {identity: position for position, identity in enumerate(examples.ids)}


def _new_path(row: _Row, beside: bool) -> PurePosixPath:
    """Where an example goes that is no file of its own: as in its archive, or in a folder per class.

    Args:
        row: the example.
        beside: whether there are several sources, such as the parts of a table, whose rows have the same numbers.
    """
    whole = PurePosixPath(_without_hash(row.id))
    if whole.suffix.lower() in SUFFIXES:
        return whole.with_suffix(".png")
    source, *name = whole.parts
    return PurePosixPath(row.label, *([source] if beside else []), f"{'/'.join(name) or source}.png")


def _without_hash(identity: str) -> str:
    """The id of an example without the start of its content hash, ``#`` and twelve digits, if it ends with it."""
    return re.sub("#[0-9a-f]{12}$", "", identity)


def _relative_path(row: _Row, root: str) -> PurePosixPath:
    """The path in the id if the file's path ends with it, as for a folder; else that below the folder common to all."""
    path, named = Path(row.path).as_posix(), _without_hash(row.id)
    if path == named or path.endswith(f"/{named}"):
        return PurePosixPath(named)
    return PurePosixPath(Path(os.path.relpath(path, root)).as_posix())


def _put(source: Path, link: str) -> Callable[[Path], object]:
    if link == "symlink":
        return lambda target: target.symlink_to(source)
    if link == "hardlink":
        return lambda target: os.link(source, target)
    return lambda target: shutil.copy2(source, target)


def _paint(examples: Examples, position: int) -> Callable[[Path], object]:
    image = examples.x[position]
    if image.ndim != 3:
        raise GansiftError("these examples are points, not images, so a folder cannot hold them; use lists instead")
    return lambda target: Image.fromarray(to_pixels(image.numpy())).save(target, "PNG")
