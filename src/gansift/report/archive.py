"""An archive of images and labels as StyleGAN's trainers read it."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from gansift.data.cells import cell
from gansift.data.collection import HELD_OUT
from gansift.data.pixels import to_pixels
from gansift.errors import GansiftError
from gansift.files import write_atomically
from gansift.report.item import Item, class_numbers


def write_archive(path: Path, items: Sequence[Item]) -> None:
    """Write an uncompressed zip of PNG images with the pixels that were trained on.

    Training images are called ``00000/img00000000.png`` and so on, as StyleGAN's own tool calls them. Those that are
    held out go on from there with a further suffix, so that trainers that take every image of an archive do not see
    them. ``dataset.json`` holds the class number of each, or null without labels; ``manifest.csv`` says which example
    each of them is and of which split. The same examples give the same bytes.

    Args:
        path: the archive.
        items: images, in their order.

    Raises:
        GansiftError: if the examples are points, or the file cannot be written.
    """
    if any(item.x.ndim != 3 for item in items):
        raise GansiftError("these examples are points, not images, so an archive cannot hold them; use npz instead")
    order = sorted(items, key=lambda item: item.split != "train")
    names = [
        f"{number // 1000:05d}/img{number:08d}.png{'' if item.split == 'train' else HELD_OUT}"
        for number, item in enumerate(order)
    ]

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name, item in zip(names, order, strict=True):
                picture = io.BytesIO()
                Image.fromarray(to_pixels(item.x.numpy())).save(picture, "PNG")
                archive.writestr(zipfile.ZipInfo(name), picture.getvalue())
            archive.writestr(zipfile.ZipInfo("dataset.json"), _labels(names, order))
            archive.writestr(zipfile.ZipInfo("manifest.csv"), _manifest(names, order))

    write_atomically(path, write)


def _labels(names: Sequence[str], items: Sequence[Item]) -> str:
    numbers = class_numbers(items)
    labels = None if numbers is None else [list(pair) for pair in zip(names, numbers, strict=True)]
    return json.dumps({"labels": labels})


def _manifest(names: Sequence[str], items: Sequence[Item]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("file_name", "id", "path", "split", "label"))
    for name, item in zip(names, items, strict=True):
        table.writerow(map(cell, (name, item.id, item.path, item.split, item.label)))
    return text.getvalue()
