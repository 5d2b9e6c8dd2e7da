"""From a collection of image files to examples: decoding, sizes, unusable files, labels and ids."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gansift.data.cache import PixelCache
from gansift.data.collection import Collection, File
from gansift.data.columns import labelled
from gansift.data.examples import Examples
from gansift.data.labels import LabelFile, number_labels, read_label_file
from gansift.data.names import refusal, shown
from gansift.data.pixels import SUFFIXES, BadImageError, decode, to_signed
from gansift.data.resize import USUAL
from gansift.errors import DataError

_SHOWN = 5


@dataclass(frozen=True)
class _Picture:
    name: str
    content_hash: str
    pixels: np.ndarray  # uint8, (H, W) if grey, else (H, W, 3)

    @property
    def id(self) -> str:
        return f"{self.name}#{self.content_hash[:12]}"

    @property
    def size(self) -> str:
        height, width = self.pixels.shape[:2]
        return f"{width}x{height}"


def read_images(
    collection: Collection,
    *,
    labels: Path | None = None,
    size: int | None = None,
    resize: str = USUAL,
    skip_bad: bool = False,
    cache: Path | None = None,
) -> tuple[Examples, tuple[tuple[str, str], ...]]:
    """Read every image of a collection, ordered bytewise by id: ``relative/path.png#first12ofsha256``.

    Images are grey if every file is, else RGB. Without labels, given or in the collection, the immediate subfolders
    are classes if there are two or more and every image is in one of them.

    Args:
        collection: of image files.
        labels: a label file (:func:`gansift.data.labels.read_label_file`).
        size: make all images ``size`` x ``size`` pixels; without it they must be of one size.
        resize: by which convention (:mod:`gansift.data.resize`).
        skip_bad: leave unusable images out instead of stopping.
        cache: a folder for decoded pixels (:class:`gansift.data.cache.PixelCache`); None keeps none.

    Returns:
        The examples, x (N, 1 or 3, H, W) in [-1, 1], and (path, reason) of each image that was left out.

    Raises:
        DataError: if there is no image, an image is unusable or of an odd size (unless ``skip_bad``), or the label
            file does not fit.
    """
    if not collection.names and not collection.refused:
        raise DataError(no_image(collection))
    label_file = None if labels is None else read_label_file(labels)
    pixel_cache = None if cache is None else PixelCache(cache, size, resize)
    decoded, unreadable = _decode_all(collection, size, resize, pixel_cache)
    odd = odd_sizes({picture.name: picture.size for picture in decoded})
    pictures = [picture for picture in decoded if picture.name not in odd]
    bad = sorted([*collection.refused, *unreadable.items(), *odd.items()])
    skipped = tuple((shown(collection.where(name)), reason) for name, reason in bad)
    if skipped and (not skip_bad or not pictures):
        raise DataError(_unusable(skipped, collection, resizable=bool(odd)))
    if pixel_cache is not None:
        pixel_cache.keep({picture.content_hash: picture.pixels for picture in pictures})

    pictures.sort(key=lambda picture: picture.id)  # by code point, which is the order of the UTF-8 bytes
    kept = [picture.name for picture in pictures]
    numbers, class_names = classes(collection, kept, label_file)
    examples = Examples(
        ids=tuple(picture.id for picture in pictures),
        x=_stack(pictures),
        columns=labelled(numbers, class_names),
        paths=tuple(os.path.abspath(collection.place / name) if collection.are_files else "" for name in kept),
        hashes=tuple(picture.content_hash for picture in pictures),
        resize="" if size is None or resize == USUAL else resize,
    )
    return examples, skipped


def readable(file: File) -> bytes:
    """The content of an image file.

    Raises:
        BadImageError: if there is none, or its name cannot be part of an id.
    """
    reason = refusal(file.name)
    if reason is not None:
        raise BadImageError(reason)
    if isinstance(file.content, BadImageError):
        raise file.content
    return file.content


def odd_sizes(sizes: Mapping[str, str]) -> dict[str, str]:
    """The reason against each image that is not of the most common size (of the first one's in a tie)."""
    if not sizes:
        return {}
    ((usual, count),) = Counter(sizes.values()).most_common(1)
    most = f"{count} of {len(sizes)} images are {usual}"
    return {name: f"is {size} pixels (width x height), but {most}" for name, size in sizes.items() if size != usual}


def classes(
    collection: Collection, kept: Sequence[str], given: LabelFile | None
) -> tuple[Tensor | None, tuple[str, ...] | None]:
    """Labels, int64 (N,), of these images and the name of each class: as given, by the collection, or by folders.

    Raises:
        DataError: if a label file does not fit the images, or cannot be read.
    """
    own = collection.own() if given is None else None
    labels = given or (own and own.labels)
    if labels:
        known = [*collection.names, *(name for name, _ in collection.refused)]
        return number_labels(labels.match(kept, known, collection.place, collection.kind))
    names = _subfolders(kept) if own and own.by_folder else None
    return (None, None) if names is None else number_labels(names)


def no_image(collection: Collection) -> str:
    """What is said of a collection without any image."""
    holds = "is empty"
    if collection.others:
        kinds = sorted({os.path.splitext(name)[1].lower() or "no suffix" for name in collection.others})
        found = shown(", ".join(kinds[:_SHOWN]))
        holds = f"holds {len(collection.others)} files but no image (found: {found})"
    place = shown(collection.place)
    return f"the {collection.kind} {place} {holds}. Images are files that end in {', '.join(SUFFIXES)}."


def _decode_all(
    collection: Collection, size: int | None, resize: str, cache: PixelCache | None
) -> tuple[list[_Picture], dict[str, str]]:
    """The images that can be decoded, and the reason for each that cannot."""
    pictures, bad = [], {}
    for file in collection.contents():
        try:
            content = readable(file)
            content_hash = hashlib.sha256(content).hexdigest()
            pixels = None if cache is None else cache.get(content_hash)
            if pixels is None:
                pixels = decode(content, size, resize)
            pictures.append(_Picture(file.name, content_hash, pixels))
        except BadImageError as error:
            bad[file.name] = str(error)
    return pictures, bad


def _unusable(bad: Sequence[tuple[str, str]], collection: Collection, *, resizable: bool) -> str:
    count = len(collection.names) + len(collection.refused)
    lines = [f"{len(bad)} of {count} images in {shown(collection.place)} cannot be used:"]
    lines += [f"  {path} {reason}" for path, reason in bad[:_SHOWN]]
    if len(bad) > _SHOWN:
        lines.append(f"  and {len(bad) - _SHOWN} more")
    if resizable:
        lines.append("--size N centre-crops and resizes all images to N x N pixels.")
    if len(bad) < count:
        lines.append("--skip-bad goes on without the images named above. Or mend or remove them.")
    else:
        lines.append(f"No image is left: mend them, or give another {collection.kind}.")
    return "\n".join(lines)


def _subfolders(names: Sequence[str]) -> list[str] | None:
    """The immediate subfolder of each image, if these are classes."""
    if not all("/" in name for name in names):
        return None
    folders = [name.split("/", 1)[0] for name in names]
    return folders if len(set(folders)) >= 2 else None


def _stack(pictures: Sequence[_Picture]) -> Tensor:
    """All images, float32 (N, C, H, W); filled one by one, so that only the result is ever held in float."""
    colour = any(picture.pixels.ndim == 3 for picture in pictures)
    height, width = pictures[0].pixels.shape[:2]
    x = torch.empty(len(pictures), 3 if colour else 1, height, width)
    for row, picture in enumerate(pictures):
        signed = to_signed(picture.pixels)
        x[row] = signed.permute(2, 0, 1) if signed.ndim == 3 else signed  # a grey image fills all channels
    return x
