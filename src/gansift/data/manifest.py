"""The record of which example went where: manifest.csv."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from gansift.data.examples import Examples, Splits
from gansift.data.splits import SPLITS
from gansift.files import write_text

COLUMNS = ("id", "path", "sha256", "split", "label")


def write_manifest(path: Path, splits: Splits) -> None:
    """Write one row an example, atomically: train, then valid, then test, each in its order.

    ``path`` is "" where the example is no file of its own; ``label`` is the name of the class, or "".

    Raises:
        GansiftError: if the file cannot be written.
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for part in SPLITS:
        examples: Examples = getattr(splits, part)
        columns = (examples.ids, examples.paths, examples.hashes, _label_names(examples))
        for identity, source, content_hash, label in zip(*columns, strict=True):
            writer.writerow((identity, source, content_hash, part, label))
    write_text(path, table.getvalue())


def _label_names(examples: Examples) -> list[str]:
    if examples.labels is None:
        return [""] * len(examples)
    numbers = examples.labels.tolist()
    return [str(number) if examples.class_names is None else examples.class_names[number] for number in numbers]
