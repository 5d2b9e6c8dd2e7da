"""The record of which example went where: manifest.csv."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from gansift.data.examples import Examples, Splits
from gansift.data.splits import SPLITS
from gansift.errors import GansiftError
from gansift.files import write_text

COLUMNS = ("id", "path", "sha256", "split", "label")

_REMEDY = (
    "If the data are those of this run, delete it and give the command that made the run again: it is written anew."
)


def write_manifest(path: Path, splits: Splits) -> None:
    """Write one row an example, atomically: train, then valid, then test, each in its order.

    ``path`` is "" where the example is no file of its own; ``label`` is the name of the class, or "".

    Raises:
        GansiftError: if the file cannot be written.
    """
    write_text(path, _table(splits))


def changes(path: Path, splits: Splits) -> list[str]:
    """Ids of the examples that a manifest has otherwise: added, gone, in another split or with another label.

    Where the files lie does not matter.

    Raises:
        GansiftError: if the manifest cannot be read, or is damaged.
    """
    try:
        recorded = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise GansiftError(f"the manifest {path} cannot be read: {error}. {_REMEDY}") from error
    rows = list(csv.DictReader(io.StringIO(recorded)))
    if not rows or any(row.get(name) is None for row in rows for name in COLUMNS):
        raise GansiftError(f"the manifest {path} is damaged: a row does not fit its columns. {_REMEDY}")
    before, now = (
        {(row["id"], row["sha256"], row["split"], row["label"]) for row in table}
        for table in (rows, csv.DictReader(io.StringIO(_table(splits))))
    )
    return sorted({identity for identity, *_ in before ^ now})


def _table(splits: Splits) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for part in SPLITS:
        examples: Examples = getattr(splits, part)
        columns = (examples.ids, examples.paths, examples.hashes, _label_names(examples))
        for identity, source, content_hash, label in zip(*columns, strict=True):
            writer.writerow((identity, source, content_hash, part, label))
    return table.getvalue()


def _label_names(examples: Examples) -> list[str]:
    if examples.labels is None:
        return [""] * len(examples)
    numbers = examples.labels.tolist()
    return [str(number) if examples.class_names is None else examples.class_names[number] for number in numbers]
