"""The cleaned data as gansift and other programs read them: lists, folders, an archive, arrays, a table of scores."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image

from gansift.data.cells import cell
from gansift.data.collection import HELD_OUT
from gansift.data.layout import SPLITS, read_layout
from gansift.data.manifest import read_manifest
from gansift.data.pixels import SUFFIXES, to_pixels
from gansift.errors import DataError, GansiftError
from gansift.files import write_text
from gansift.report.archive import write_archive
from gansift.report.arrays import write_arrays
from gansift.report.destination import Write, fill_folder, refuse_occupied
from gansift.report.item import Item
from gansift.report.rows import write_rows
from gansift.report.table import write_table

if TYPE_CHECKING:
    from gansift.data.examples import Splits
    from gansift.data.records import Records

FORMATS = ("folder", "lists", "zip", "hf", "npz", "csv", "parquet", "fiftyone")
#: Those that `gansift run` trains on again.
SOURCES = ("folder", "zip", "hf", "npz", "csv")
#: Those that say the scores of examples.
SCORED = ("hf", "parquet", "fiftyone")
LINKS = ("copy", "symlink", "hardlink")
_FILES = ("zip", "npz", "csv", "parquet")


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
    sets: Mapping[str, Splits] | None = None,
    tables: Mapping[str, Sequence[Records]] | None = None,
    scores: Scored | None = None,
) -> int:
    """Export what a run decided to keep, in a form that trains again: `SOURCES` hold the same validation and test data.

    ``lists`` writes ``kept.txt`` and ``removed.txt``. ``folder`` fills a folder ``train`` with the kept training
    examples, and ``valid`` and ``test`` with those that are held out, each under its relative path in the source;
    classes that folders do not tell are in a ``metadata.csv``. Of several data sets each has a folder. Examples that
    never were files (built-in data, rows of an array) are written as PNG images, in a folder per class, named after the
    last part of their id. ``hf`` is such a folder whose tables have labels and scores, which Hugging Face's data sets
    read. ``zip`` is an archive as StyleGAN's trainers read it, who see the kept training examples alone. ``npz`` holds
    arrays ``x_train``, ``y_train`` and so on; ``csv`` the rows of a table as they were read, with a column ``split``.
    ``parquet`` is a table of all examples with their scores; ``fiftyone`` a folder of all images, also of the removed
    ones, with such a table, which FiftyOne opens as a ``CSVDataset``. Whatever it is appears only when it is complete.

    Args:
        format: one of `FORMATS`.
        run_dir: a run directory with ``manifest.csv`` and ``removed.txt``.
        destination: a folder that does not exist yet or is empty; for ``zip``, ``npz``, ``csv`` and ``parquet`` a new
            file.
        link: ``copy``, ``symlink`` or ``hardlink``: how files get into a folder.
        sets: the data of the run, read again from their sources; needed for all but ``lists`` and ``parquet``. What the
            manifest says of paths is not followed, and an example whose content is not what it says is refused.
        tables: for ``csv``, the tables that they were read from, by the name of the set: that of its source, and that
            of the data to test with if they are of another.
        scores: of the training examples; needed for ``hf``, ``parquet`` and ``fiftyone``.

    Returns:
        The number of kept training examples.

    Raises:
        GansiftError: if the run is not finished, the destination is occupied, a file is missing or was overwritten, or
            the format needs something that is not there.
    """
    if format not in FORMATS:
        raise GansiftError(f"there is no export format {format!r}; choose one of {', '.join(FORMATS)}")
    if link not in LINKS:
        raise GansiftError(f"files cannot be put there by {link!r}; choose one of {', '.join(LINKS)}")
    refuse_occupied(destination, a_file=format in _FILES)
    rows = read_manifest(run_dir / "manifest.csv")
    train = [row["id"] for row in rows if row["split"] == "train"]
    if not train:
        raise GansiftError(f"{run_dir / 'manifest.csv'} lists no training examples, so there is nothing to export")
    removed = _read_removed(run_dir / "removed.txt", set(train))
    by_id = _scores_by_id(train, scores, run_dir, format) if format in SCORED else None
    if format == "lists":
        write_lists(destination, train, sorted(removed))
    elif format == "parquet" and by_id is not None:
        write_table(destination, _table(rows, removed, by_id))
    else:
        whole = format == "fiftyone"
        kept = [row for row in rows if whole or row["split"] != "train" or row["id"] not in removed]
        items = _items(kept, sets or {})
        if (format in _FILES or whole) and len(items) > 1:
            what = "such a folder" if whole else "one file"
            raise GansiftError(
                f"{what} holds one data set, and the run has {len(items)}: {', '.join(items)}; export a folder"
            )
        if whole and by_id is not None:
            ((_, only),) = items.items()
            fill_folder(destination, _reviewed(only, link, by_id, removed), link)
        elif format == "csv":
            write_rows(destination, _rows(items, tables or {}))
        else:
            _write_items(format, destination, items, link, by_id)
    return len(train) - sum(identity in removed for identity in train)


def _write_items(
    format: str, destination: Path, items: Mapping[str, Sequence[Item]], link: str, scores: _ById | None
) -> None:
    """Write the examples of every set."""
    if format in ("folder", "hf"):
        writers: dict[PurePosixPath, Write] = {}
        for name, of_set in items.items():
            below = PurePosixPath(name if len(items) > 1 else "")
            writers |= {below / path: write for path, write in _writers(of_set, link, scores).items()}
        fill_folder(destination, writers, link)
        return
    ((_, only),) = items.items()
    (write_archive if format == "zip" else write_arrays)(destination, only)


def _items(rows: Sequence[Mapping[str, str]], sets: Mapping[str, Splits]) -> dict[str, list[Item]]:
    """The examples of these rows of a manifest by set, as they are in the data now.

    Raises:
        GansiftError: naming the first one that is not there or has another content.
    """
    there = {
        (name, part, identity): (getattr(splits, part), position)
        for name, splits in sets.items()
        for part in SPLITS
        for position, identity in enumerate(getattr(splits, part).ids)
    }
    items: dict[str, list[Item]] = {}
    for row in rows:
        found = there.get((row["set"], row["split"], row["id"]))
        if found is None or found[0].hashes[found[1]] != row["sha256"]:
            raise GansiftError(
                f"the {row['split']} example {row['id']!r} is not in the data as it was when the run was made: it is "
                "gone, or was overwritten or moved to another split. Put it back and export again; nothing was written."
            )
        items.setdefault(row["set"], []).append(Item(*found, row["split"], row["label"]))
    return items


def _rows(
    items: Mapping[str, Sequence[Item]], tables: Mapping[str, Sequence[Records]]
) -> Iterator[tuple[Records, int, str]]:
    """Where each example stands in its table, and its split."""
    for name, of_set in items.items():
        there = {
            identity: (records, position)
            for records in tables.get(name, ())
            for position, identity in enumerate(records.rows.ids)
        }
        if any(item.id not in there for item in of_set):
            raise GansiftError(
                "these examples are no rows of a table of numbers and categories; export npz or a folder"
            )
        yield from ((*there[item.id], item.split) for item in of_set)


def _read_removed(path: Path, ids: set[str]) -> set[str]:
    try:
        removed = set(path.read_text(encoding="utf-8").splitlines())
    except OSError as error:
        raise GansiftError(
            f"{path} cannot be read ({error.strerror}): nothing has been chosen for removal yet. "
            "Run `gansift cleanse` first"
        ) from error
    except ValueError as error:
        raise GansiftError(
            f"{path} is damaged: it is not in UTF-8. `gansift report {path.parent}` writes it anew"
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


def _scores_by_id(train: Sequence[str], scores: Scored | None, run_dir: Path, format: str) -> _ById:
    if scores is None:
        raise GansiftError(f"--format {format} needs the scores of {run_dir}; run `gansift cleanse` first")
    if set(scores.ids) != set(train):
        raise GansiftError(f"the scores of {run_dir} are not those of the training examples in its manifest.csv")
    order = np.argsort(-scores.harm, kind="stable").tolist()
    return _ById(
        dict(zip(scores.ids, scores.values.tolist(), strict=True)),
        {scores.ids[row]: rank for rank, row in enumerate(order, 1)},
        scores.metric,
        scores.estimator,
    )


def _table(rows: Sequence[Mapping[str, str]], removed: set[str], scores: _ById) -> dict[str, Sequence[object]]:
    """Columns of all examples; ``index`` is the place in the split, and only training examples have scores."""
    counts = dict.fromkeys(((row["set"], row["split"]) for row in rows), 0)
    index = []
    for row in rows:
        index.append(counts[row["set"], row["split"]])
        counts[row["set"], row["split"]] += 1
    trained = [row["split"] == "train" for row in rows]
    ids = [row["id"] for row in rows]
    return {
        **{name: [row[name] for row in rows] for name in ("id", "path", "sha256")},
        "index": index,
        "label": [row["label"] for row in rows],
        "score": [scores.values.get(one) if here else None for one, here in zip(ids, trained, strict=True)],
        "rank": [scores.ranks.get(one) if here else None for one, here in zip(ids, trained, strict=True)],
        "metric": [scores.metric] * len(rows),
        "estimator": [scores.estimator] * len(rows),
        "set": [row["set"] for row in rows],
        "split": [row["split"] for row in rows],
        "removed": [here and one in removed for one, here in zip(ids, trained, strict=True)],
    }


def _writers(items: Sequence[Item], link: str, scores: _ById | None) -> dict[PurePosixPath, Write]:
    """What to do for every file of a data set, so that all that is wrong shows before anything is written."""
    writers, named = _pictures(items, link)
    classes = {name: item.label for name, item in named.items() if item.label}
    if scores is not None or dict(read_layout(list(named)).classes) != classes:
        writers |= _metadata(named, None if scores is None else scores.values, labelled=bool(classes))
    return writers


def _reviewed(items: Sequence[Item], link: str, scores: _ById, removed: set[str]) -> dict[PurePosixPath, Write]:
    """What writes all images below ``data``, and ``labels.csv``, in which each has a row."""
    writers, named = _pictures(items, link)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("filepath", "example", "split", "label", "score", "rank", "decision"))
    for name, item in named.items():
        trained = item.split == "train"
        score = (repr(scores.values[item.id]), scores.ranks[item.id]) if trained else ("", "")
        decision = ("remove" if item.id in removed else "keep") if trained else ""
        table.writerow((name, cell(item.id), item.split, cell(item.label), *score, decision))
    pictures = {PurePosixPath("data", path): write for path, write in writers.items()}
    return {**pictures, PurePosixPath("labels.csv"): partial(_write_text, text.getvalue())}


def _pictures(items: Sequence[Item], link: str) -> tuple[dict[PurePosixPath, Write], dict[str, Item]]:
    """What writes each image, and the example of each, by its path."""
    writers: dict[PurePosixPath, Write] = {}
    named: dict[str, Item] = {}
    for item, relative in zip(items, _relative_paths(items), strict=True):
        if relative.is_absolute() or ".." in relative.parts:
            raise GansiftError(
                f"example {item.id!r} would be written outside the destination, to {relative}; use lists instead"
            )
        if relative in writers:
            raise GansiftError(
                f"two kept examples would be written to {relative}, one of them {item.id!r}; use lists instead"
            )
        writers[relative] = _put(item, link) if item.path else _paint(item)
        named[relative.as_posix()] = item
    return writers, named


def _metadata(
    named: Mapping[str, Item], scores: Mapping[str, float] | None, labelled: bool
) -> dict[PurePosixPath, Write]:
    """What writes the table of each split: file, class (if there are classes) and, if they are given, score."""
    columns = ["file_name", *(["label"] if labelled else []), *(["score"] if scores is not None else [])]
    tables: dict[PurePosixPath, Write] = {}
    for part in dict.fromkeys(item.split for item in named.values()):
        path = PurePosixPath(part, "metadata.csv")
        if str(path) in named:
            raise GansiftError(f"an example is called {path}, as is the table of an image folder; rename it")
        text = io.StringIO()
        table = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        for name, item in named.items():
            if item.split == part:
                score = repr(scores[item.id]) if scores is not None and part == "train" else ""
                relative = PurePosixPath(name).relative_to(part)
                table.writerow({"file_name": cell(str(relative)), "label": cell(item.label), "score": score})
        tables[path] = partial(_write_text, text.getvalue())
    return tables


def _write_text(text: str, target: Path) -> None:
    target.write_bytes(text.encode())


def _relative_paths(items: Sequence[Item]) -> list[PurePosixPath]:
    """Where every example of a data set goes: below the folder of its split, and below no other folder of a split."""
    files = [os.path.dirname(item.path) for item in items if item.path]
    root = os.path.commonpath(files) if files else ""
    several = len({item.id.partition("/")[0] for item in items}) > 1
    paths = [_own_path(item, root) if item.path else _new_path(item, several) for item in items]
    inner = _inside_splits([path.as_posix() for path in paths])
    return [
        PurePosixPath(item.split, inner.get(path.as_posix(), path)) for item, path in zip(items, paths, strict=True)
    ]


def _inside_splits(names: Sequence[str]) -> Mapping[str, str]:
    """The paths below those folders that were the splits of the source; empty if there were none."""
    try:
        layout = read_layout(names)
    except DataError:  # the examples to test with are of another source, beside the folders of this one
        return {}
    return layout.inner if layout.parts else {}


def _own_path(item: Item, root: str) -> PurePosixPath:
    """The path in the id if the file's path ends with it, as for a folder; else that below the folder common to all."""
    path, named = Path(item.path).as_posix(), _without_hash(item.id)
    if path == named or path.endswith(f"/{named}"):
        return PurePosixPath(named)
    return PurePosixPath(Path(os.path.relpath(path, root)).as_posix())


def _new_path(item: Item, several: bool) -> PurePosixPath:
    """Where an example goes that is no file of its own: as in its archive, or in a folder per class.

    Args:
        item: the example.
        several: whether there are several sources, such as the parts of a table, whose rows have the same numbers.
    """
    whole = PurePosixPath(_without_hash(item.id).removesuffix(HELD_OUT))
    if whole.suffix.lower() in SUFFIXES:
        return whole.with_suffix(".png")
    source, *name = whole.parts
    return PurePosixPath(item.label, *([source] if several else []), f"{'/'.join(name) or source}.png")


def _without_hash(identity: str) -> str:
    """The id of an example without the start of its content hash, ``#`` and twelve digits, if it ends with it."""
    return re.sub("#[0-9a-f]{12}$", "", identity)


def _put(item: Item, link: str) -> Write:
    """Copy or link a file, having seen that its content is what was trained on."""
    source = Path(item.path).absolute()
    if not source.is_file():
        raise GansiftError(f"{source} of example {item.id!r} is not there any more; put it back and export again")

    def put(target: Path) -> None:
        content = source.read_bytes()
        if hashlib.sha256(content).hexdigest() != item.sha256:
            raise GansiftError(f"{source} of example {item.id!r} was overwritten; put it back and export again")
        if link == "symlink":
            target.symlink_to(source)
        elif link == "hardlink":
            os.link(source, target)
        else:
            target.write_bytes(content)
            shutil.copystat(source, target)

    return put


def _paint(item: Item) -> Write:
    if item.x.ndim != 3:
        raise GansiftError("these examples are points, not images, so a folder cannot hold them; use npz instead")
    return lambda target: Image.fromarray(to_pixels(item.x.numpy())).save(target, "PNG")
