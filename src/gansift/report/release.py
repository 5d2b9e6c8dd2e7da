"""Synthetic data as a folder that can be given away, with a card that says what was asked about them before."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from gansift.data.cells import cell
from gansift.data.encoding import Encoding
from gansift.data.pixels import to_pixels
from gansift.report.card import Card
from gansift.report.destination import Write, fill_folder


@dataclass(frozen=True, eq=False)
class Synthetic:
    """M samples.

    Attributes:
        x: images (M, C, H, W) in [-1, 1], or points or encoded records (M, d).
        labels: the name of the class that each was asked to be of; None where classes were not asked for.
        encoding: how records became x; None for images and points.
    """

    x: np.ndarray
    labels: Sequence[str] | None = None
    encoding: Encoding | None = None


def write_release(destination: Path, synthetic: Synthetic, card: Card) -> None:
    """Write samples and their card into a folder.

    Images are ``images/1.png`` and so on, with their classes in ``metadata.csv``, as `gansift run` and Hugging Face's
    data sets read them. Records are rows of ``samples.csv``, with the columns that were trained on, and points as well,
    with columns ``x1`` and so on. The card is ``README.md``, and ``card.json`` for programs.

    Args:
        destination: a folder that does not exist yet or is empty.
        synthetic: the samples.
        card: what is known of them.

    Raises:
        GansiftError: if a file cannot be written; nothing of the folder is left then.
    """
    labels = {} if synthetic.labels is None else {"label": synthetic.labels}
    writers = pictures(synthetic.x, labels) if synthetic.x.ndim == 4 else _rows(synthetic)
    writers[PurePosixPath("README.md")] = _text(card.to_markdown())
    writers[PurePosixPath("card.json")] = _text(json.dumps(card.to_json(), indent=1, ensure_ascii=False) + "\n")
    fill_folder(destination, writers)


def pictures(x: np.ndarray, columns: Mapping[str, Sequence[Any]]) -> dict[PurePosixPath, Write]:
    """What writes images as ``images/1.png`` and so on, and ``metadata.csv`` beside them if there are columns.

    Args:
        x: images (M, C, H, W) in [-1, 1].
        columns: what is known of each, by name, M values each.
    """
    digits = len(str(len(x)))
    names = [f"images/{number:0{digits}}.png" for number in range(1, len(x) + 1)]
    writers: dict[PurePosixPath, Write] = {
        PurePosixPath(name): partial(_paint, image) for name, image in zip(names, x, strict=True)
    }
    if columns:
        writers[PurePosixPath("metadata.csv")] = _text(csv_text({"file_name": names, **columns}))
    return writers


def _paint(image: np.ndarray, target: Path) -> None:
    Image.fromarray(to_pixels(image)).save(target, "PNG")


def _rows(synthetic: Synthetic) -> dict[PurePosixPath, Write]:
    if synthetic.encoding is None:
        columns: dict[str, Sequence[Any]] = {
            f"x{place}": values for place, values in enumerate(synthetic.x.T.tolist(), start=1)
        }
        label = "label"
    else:
        columns = dict(synthetic.encoding.record(synthetic.x))
        label = synthetic.encoding.label or "label"
    if synthetic.labels is not None:
        columns[label] = synthetic.labels
    return {PurePosixPath("samples.csv"): _text(csv_text(columns))}


def csv_text(columns: Mapping[str, Sequence[Any]]) -> str:
    """Named columns as CSV; a number that is not finite, or no category, is an empty cell."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(map(cell, columns))
    for row in zip(*columns.values(), strict=True):
        table.writerow([_cell(value) for value in row])
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    return repr(value) if isinstance(value, float) else cell(str(value))


def _text(text: str) -> Write:
    return lambda target: target.write_bytes(text.encode())
