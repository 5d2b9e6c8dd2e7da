"""An archive of images and labels as StyleGAN's trainers read it."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from gansift.data.pixels import to_pixels
from gansift.errors import GansiftError
from gansift.files import write_atomically

if TYPE_CHECKING:
    from gansift.data.examples import Examples


def write_archive(path: Path, examples: Examples, positions: Sequence[int]) -> None:
    """Write an uncompressed zip of PNG images with the pixels that were trained on.

    Images are called ``00000/img00000000.png`` and so on, as StyleGAN's own tool calls them. ``dataset.json`` holds the
    class number of each, or null without labels; ``manifest.csv`` says which example each of them is. The same examples
    give the same bytes.

    Args:
        path: the archive.
        examples: images (N, C, H, W) in [-1, 1].
        positions: of those that go into it, in their order.

    Raises:
        GansiftError: if the examples are points, or the file cannot be written.
    """
    if len(examples.shape) != 3:
        raise GansiftError("these examples are points, not images, so an archive cannot hold them; use lists instead")
    names = [f"{number // 1000:05d}/img{number:08d}.png" for number in range(len(positions))]

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name, position in zip(names, positions, strict=True):
                picture = io.BytesIO()
                Image.fromarray(to_pixels(examples.x[position].numpy())).save(picture, "PNG")
                archive.writestr(zipfile.ZipInfo(name), picture.getvalue())
            archive.writestr(zipfile.ZipInfo("dataset.json"), _labels(names, examples, positions))
            archive.writestr(zipfile.ZipInfo("manifest.csv"), _manifest(names, examples, positions))

    write_atomically(path, write)


def _labels(names: Sequence[str], examples: Examples, positions: Sequence[int]) -> str:
    labels = None
    if examples.labels is not None:
        numbers = examples.labels.tolist()
        labels = [[name, numbers[position]] for name, position in zip(names, positions, strict=True)]
    return json.dumps({"labels": labels})


def _manifest(names: Sequence[str], examples: Examples, positions: Sequence[int]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("file_name", "id", "path", "label"))
    for name, position in zip(names, positions, strict=True):
        label = ""
        if examples.labels is not None:
            number = int(examples.labels[position])
            label = str(number) if examples.class_names is None else examples.class_names[number]
        table.writerow((name, examples.ids[position], examples.paths[position], label))
    return text.getvalue()
