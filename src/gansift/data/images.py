"""From a collection of image files to examples: decoding, sizes, unusable files, labels and ids."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gansift.data.cache import PixelCache
from gansift.data.collection import Collection, File, Own
from gansift.data.columns import Column, labelled
from gansift.data.examples import Examples
from gansift.data.grey import Depth, depth_of, remarks, span_of
from gansift.data.groups import MOST_KINDS
from gansift.data.labels import LabelFile, number_labels, read_label_file
from gansift.data.layout import read_layout
from gansift.data.names import refusal, shown
from gansift.data.pixels import FULL, SUFFIXES, BadImageError, Span, decode, deep_grey, to_signed
from gansift.data.resize import USUAL
from gansift.errors import DataError

_SHOWN = 5
_log = logging.getLogger(__name__)
#: The category of an image of which a column says nothing.
UNKNOWN = "?"


class _Way(NamedTuple):
    """How an image file becomes pixels."""

    size: int | None
    resize: str
    span: Span

    def __str__(self) -> str:
        """What differs from the usual way; "" if nothing does."""
        fit = [] if self.size is None or self.resize == USUAL else [self.resize]
        return " ".join([*fit, *([] if self.span == FULL else [f"{self.span.low}-{self.span.high}"])])


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
    span: Span | None = None,
    groups: Sequence[str] = (),
) -> tuple[Examples, tuple[tuple[str, str], ...]]:
    """Read every image of a collection, ordered bytewise by id: ``relative/path.png#first12ofsha256``.

    Images are grey if every file is, else RGB. Without labels, given or in the collection, folders are classes as
    :mod:`gansift.data.layout` says, and the splits are those of the collection or of its folders, if it has any.

    Args:
        collection: of image files.
        labels: a label file (:func:`gansift.data.labels.read_label_file`).
        size: make all images ``size`` x ``size`` pixels; without it they must be of one size.
        resize: by which convention (:mod:`gansift.data.resize`).
        skip_bad: leave unusable images out instead of stopping.
        cache: a folder for decoded pixels (:class:`gansift.data.cache.PixelCache`); None keeps none.
        span: the values of 16-bit grey that are black and white; None tells it from all of these images together
            (:mod:`gansift.data.grey`).
        groups: columns of the label file, or of what the collection says of its images, that are kept beside x.

    Returns:
        The examples, x (N, 1 or 3, H, W) in [-1, 1], and (path, reason) of each image that was left out: unusable ones
        with ``skip_bad``, and always the few that lie beside the folders that are splits or classes.

    Raises:
        DataError: if there is no image, an image is unusable or of an odd size (unless ``skip_bad``), the label
            file does not fit, or has no such column.
    """
    if not collection.names and not collection.refused:
        raise DataError(no_image(collection))
    told = read_told(collection, labels)
    told.check_columns(groups)
    depth = read_depth(collection, told.strays)
    way = _Way(size, resize, span_of(depth, span))
    pixel_cache = None if cache is None else PixelCache(cache, *way)
    decoded, unreadable = _decode_all(collection, told.strays, way, pixel_cache)
    odd = odd_sizes({picture.name: picture.size for picture in decoded})
    pictures = [picture for picture in decoded if picture.name not in odd]
    bad = sorted([*collection.refused, *unreadable.items(), *odd.items()])
    if bad and (not skip_bad or not pictures):
        raise DataError(_unusable(_located(bad, collection), collection, resizable=bool(odd)))
    if pixel_cache is not None:
        pixel_cache.keep({picture.content_hash: picture.pixels for picture in pictures})

    pictures.sort(key=lambda picture: picture.id)  # by code point, which is the order of the UTF-8 bytes
    kept = [picture.name for picture in pictures]
    numbers, class_names = told.classes_of(kept)
    examples = Examples(
        ids=tuple(picture.id for picture in pictures),
        x=_stack(pictures),
        columns=labelled(numbers, class_names) | {name: told.column_of(name, kept) for name in groups},
        paths=tuple(os.path.abspath(collection.place / name) if collection.are_files else "" for name in kept),
        hashes=tuple(picture.content_hash for picture in pictures),
        resize=str(way),
        parts=told.parts_of(kept),
        notes=tuple(remarks(depth, span)),
    )
    return examples, _located(sorted([*bad, *told.strays.items()]), collection)


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


@dataclass(frozen=True)
class Told:
    """What is known of the classes and the splits of the images in a collection.

    Attributes:
        collection: of images.
        labels: the classes, where a file lists them.
        by_folder: name -> class, where folders are classes; empty otherwise.
        listed: the splits, where a file lists them.
        parts: name -> split, where folders are splits; empty otherwise.
        strays: name -> why an image is left out, of the few that lie beside such folders.
        columns: what else a file says of each image, by the name of the column.
    """

    collection: Collection
    labels: LabelFile | None
    by_folder: Mapping[str, str]
    listed: LabelFile | None
    parts: Mapping[str, str]
    strays: Mapping[str, str]
    columns: Mapping[str, Callable[[], LabelFile]]

    def check_columns(self, names: Sequence[str]) -> None:
        """Refuse columns that no file has.

        Raises:
            DataError: naming those that there are.
        """
        missing = [name for name in names if name not in self.columns]
        if missing:
            there = f"its columns are {shown(', '.join(self.columns))}" if self.columns else "there is none"
            raise DataError(
                f"--group {shown(','.join(missing))}: no label file of {shown(self.collection.place)} has such a "
                f"column beside the label; {there}. Columns stand in metadata.csv beside the images, or in the file of "
                "--labels."
            )

    def column_of(self, name: str, kept: Sequence[str]) -> Column:
        """What a column says of these images, as categories; one that says nothing of an image is the category ?.

        Raises:
            DataError: if it does not list the images.
        """
        values = [value.strip() or UNKNOWN for value in self._match(self.columns[name](), kept, name)]
        if len(set(values)) > MOST_KINDS:
            _log.warning("the column %s has %d values, too many for each to be a kind", shown(name), len(set(values)))
        return Column.of(values, name)

    def classes_of(self, kept: Sequence[str]) -> tuple[Tensor | None, tuple[str, ...] | None]:
        """Labels, int64 (N,), of these images and the name of each class; None without classes.

        Raises:
            DataError: if a label file does not fit the images.
        """
        if self.labels is not None:
            return number_labels(self._match(self.labels, kept, "label"))
        return number_labels([self.by_folder[name] for name in kept]) if self.by_folder else (None, None)

    def parts_of(self, kept: Sequence[str]) -> tuple[str, ...]:
        """The split of each of these images as the collection has it; () if it has none.

        Raises:
            DataError: if a file does not list the split of all of them.
        """
        if self.listed is not None:
            return tuple(self._match(self.listed, kept, "split"))
        return tuple(self.parts[name] for name in kept) if self.parts else ()

    def _match(self, listed: LabelFile, kept: Sequence[str], what: str) -> list[str]:
        known = [*self.collection.names, *(name for name, _ in self.collection.refused)]
        return listed.match(kept, known, self.collection.place, self.collection.kind, what)


def read_told(collection: Collection, label_file: Path | None) -> Told:
    """What is known of classes and splits: as given, as the collection lists them, or else by its folders.

    Args:
        collection: of images.
        label_file: that a person gives.

    Raises:
        DataError: if a label file cannot be read, or folders are splits without one for training.
    """
    given = None if label_file is None else read_label_file(label_file)
    own = _own(collection, given)
    labels = own.labels if given is None else given
    folders = read_layout(collection.names)
    by_folder = labels is None and own.by_folder and bool(folders.classes)
    strays = {**(folders.outside if own.parts is None else {}), **(folders.beside if by_folder else {})}
    columns = own.columns if given is None else given.columns
    classes = folders.classes if by_folder else {}
    return Told(collection, labels, classes, own.parts, folders.parts, strays, columns)


def _own(collection: Collection, given: LabelFile | None) -> Own:
    try:
        return collection.own()
    except DataError:
        if given is None:
            raise
        return Own(None, by_folder=False)  # the labels that are given go before a file that cannot be read


def _located(left_out: Sequence[tuple[str, str]], collection: Collection) -> tuple[tuple[str, str], ...]:
    """Path and reason of everything that is left out, as it is shown."""
    return tuple((shown(collection.where(name)), reason) for name, reason in left_out)


def no_image(collection: Collection) -> str:
    """What is said of a collection without any image."""
    holds = "is empty"
    if collection.others:
        kinds = sorted({os.path.splitext(name)[1].lower() or "no suffix" for name in collection.others})
        found = shown(", ".join(kinds[:_SHOWN]))
        count = len(collection.others)
        holds = f"holds {count} file{'s' * (count > 1)} but no image (found: {found})"
    place = shown(collection.place)
    return f"the {collection.kind} {place} {holds}. Images are files that end in {', '.join(SUFFIXES)}."


def read_depth(collection: Collection, strays: Mapping[str, str]) -> Depth | None:
    """What the 16-bit grey images of a collection hold, strays left aside; None if there are none."""
    return depth_of(
        values
        for file in collection.contents()
        if file.name not in strays
        and not isinstance(file.content, BadImageError)
        and (values := deep_grey(file.content)) is not None
    )


def _decode_all(
    collection: Collection, strays: Mapping[str, str], way: _Way, cache: PixelCache | None
) -> tuple[list[_Picture], dict[str, str]]:
    """The images that can be decoded, and the reason for each that cannot; strays are not looked at."""
    pictures, bad = [], {}
    for file in collection.contents():
        if file.name in strays:
            continue
        try:
            content = readable(file)
            content_hash = hashlib.sha256(content).hexdigest()
            pixels = None if cache is None else cache.get(content_hash)
            if pixels is None:
                pixels = decode(content, *way)
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


def _stack(pictures: Sequence[_Picture]) -> Tensor:
    """All images, float32 (N, C, H, W); filled one by one, so that only the result is ever held in float."""
    colour = any(picture.pixels.ndim == 3 for picture in pictures)
    height, width = pictures[0].pixels.shape[:2]
    x = torch.empty(len(pictures), 3 if colour else 1, height, width)
    for row, picture in enumerate(pictures):
        signed = to_signed(picture.pixels)
        x[row] = signed.permute(2, 0, 1) if signed.ndim == 3 else signed  # a grey image fills all channels
    return x
