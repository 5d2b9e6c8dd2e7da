"""A folder of images as a source of examples."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gansift.data.examples import Examples
from gansift.data.labels import number_labels, read_label_file
from gansift.data.pixels import SUFFIXES, BadImageError, decode, to_signed
from gansift.errors import DataError

_SHOWN = 5


@dataclass(frozen=True)
class _Picture:
    relative: str
    content_hash: str
    pixels: np.ndarray  # uint8, (H, W) if grey, else (H, W, 3)

    @property
    def id(self) -> str:
        return f"{self.relative}#{self.content_hash[:12]}"

    @property
    def size(self) -> str:
        height, width = self.pixels.shape[:2]
        return f"{width}x{height}"


def read_folder(
    folder: Path, *, labels: Path | None = None, size: int | None = None, skip_bad: bool = False
) -> tuple[Examples, tuple[tuple[str, str], ...]]:
    """Read every image below a folder, ordered bytewise by id: ``relative/path.png#first12ofsha256``.

    Hidden files, ``__MACOSX`` and files that are no images are passed over. Images are grey if every file is, else
    RGB. Without a label file, the immediate subfolders are classes if there are two or more and every image is in
    one of them.

    Args:
        folder: where to look.
        labels: a label file (:func:`gansift.data.labels.read_label_file`).
        size: centre-crop and resize all images to ``size`` x ``size`` pixels; without it they must be of one size.
        skip_bad: leave unusable images out instead of stopping.

    Returns:
        The examples, x (N, 1 or 3, H, W) in [-1, 1], and (path, reason) of each image that was left out.

    Raises:
        DataError: if there is no image, an image is unusable or of an odd size (unless ``skip_bad``), or the label
            file does not fit.
    """
    found = find_images(folder)
    label_file = None if labels is None else read_label_file(labels)
    readable, unreadable = _read_all(folder, found, size)
    pictures, odd = _of_one_size(readable)
    bad = dict(sorted((unreadable | odd).items()))
    skipped = tuple((_shown(folder / relative), reason) for relative, reason in bad.items())
    if skipped and not skip_bad:
        raise DataError(_unusable(skipped, len(found), folder, resizable=bool(odd)))
    if not pictures:
        raise DataError(_unusable(skipped, len(found), folder, resizable=False))

    pictures.sort(key=lambda picture: picture.id)  # by code point, which is the order of the UTF-8 bytes
    kept = [picture.relative for picture in pictures]
    names = _subfolders(kept) if label_file is None else label_file.match(kept, found, folder)
    numbers, class_names = (None, None) if names is None else number_labels(names)
    examples = Examples(
        ids=tuple(picture.id for picture in pictures),
        x=_stack(pictures),
        labels=numbers,
        class_names=class_names,
        paths=tuple(os.path.abspath(folder / relative) for relative in kept),
        hashes=tuple(picture.content_hash for picture in pictures),
    )
    return examples, skipped


def find_images(folder: Path) -> list[str]:
    """Relative paths, with forward slashes, of all files below ``folder`` that are named like images.

    Raises:
        DataError: if there is none, or a folder cannot be looked into.
    """
    files = sorted(_walk(folder, "", (os.path.realpath(folder),)))
    images = [relative for relative in files if relative.lower().endswith(SUFFIXES)]
    if not images:
        holds = "is empty"
        if files:
            kinds = sorted({os.path.splitext(relative)[1].lower() or "no suffix" for relative in files})
            holds = f"holds {len(files)} files but no image (found: {_shown(', '.join(kinds[:_SHOWN]))})"
        raise DataError(f"the folder {folder} {holds}. Images are files that end in {', '.join(SUFFIXES)}.")
    return images


def _walk(folder: Path, prefix: str, above: tuple[str, ...]) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise DataError(f"the folder {_shown(folder)} cannot be read: {error.strerror}") from error
    for entry in entries:
        if entry.name.startswith(".") or entry.name == "__MACOSX":
            continue
        if entry.is_dir():
            real = os.path.realpath(entry.path)
            if real not in above:  # a link to a folder that it lies in would never end
                yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", (*above, real))
        else:
            yield prefix + entry.name


def _read_all(folder: Path, found: Sequence[str], size: int | None) -> tuple[list[_Picture], dict[str, str]]:
    """The images that can be decoded, and the reason for each that cannot."""
    pictures, bad = [], {}
    for relative in found:
        try:
            _refuse_name(relative)
            content = _read(folder / relative)
            pictures.append(_Picture(relative, hashlib.sha256(content).hexdigest(), decode(content, size)))
        except BadImageError as error:
            bad[relative] = str(error)
    return pictures, bad


def _refuse_name(relative: str) -> None:
    """Ids are written one a line, in UTF-8."""
    if relative.splitlines() != [relative]:
        raise BadImageError("has a line break in its name; rename it")
    if _shown(relative) != relative:
        raise BadImageError("has a name that is not UTF-8; rename it")


def _read(path: Path) -> bytes:
    if not path.is_file():  # reading a pipe would wait for ever
        raise BadImageError("is a broken link or no regular file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadImageError(f"cannot be read ({error.strerror})") from error


def _of_one_size(pictures: Sequence[_Picture]) -> tuple[list[_Picture], dict[str, str]]:
    """The images of the most common size (of the first one in a tie), and the reason against each of the others."""
    if not pictures:
        return [], {}
    ((usual, count),) = Counter(picture.size for picture in pictures).most_common(1)
    most = f"{count} of {len(pictures)} images are {usual}"
    odd = {
        picture.relative: f"is {picture.size} pixels (width x height), but {most}"
        for picture in pictures
        if picture.size != usual
    }
    return [picture for picture in pictures if picture.size == usual], odd


def _unusable(bad: Sequence[tuple[str, str]], count: int, folder: Path, *, resizable: bool) -> str:
    lines = [f"{len(bad)} of {count} images in {folder} cannot be used:"]
    lines += [f"  {path} {reason}" for path, reason in bad[:_SHOWN]]
    if len(bad) > _SHOWN:
        lines.append(f"  and {len(bad) - _SHOWN} more")
    if resizable:
        lines.append("--size N centre-crops and resizes all images to N x N pixels.")
    if len(bad) < count:
        lines.append("--skip-bad goes on without the images named above. Or mend or remove them.")
    else:
        lines.append("No image is left: mend them, or give another folder.")
    return "\n".join(lines)


def _shown(path: Path | str) -> str:
    """A path that can be printed, also where the file system's bytes are not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def _subfolders(relative: Sequence[str]) -> list[str] | None:
    """The immediate subfolder of each image, if these are classes."""
    if not all("/" in path for path in relative):
        return None
    names = [path.split("/", 1)[0] for path in relative]
    return names if len(set(names)) >= 2 else None


def _stack(pictures: Sequence[_Picture]) -> Tensor:
    """All images, float32 (N, C, H, W); filled one by one, so that only the result is ever held in float."""
    colour = any(picture.pixels.ndim == 3 for picture in pictures)
    height, width = pictures[0].pixels.shape[:2]
    x = torch.empty(len(pictures), 3 if colour else 1, height, width)
    for row, picture in enumerate(pictures):
        signed = to_signed(picture.pixels)
        x[row] = signed.permute(2, 0, 1) if signed.ndim == 3 else signed  # a grey image fills all channels
    return x
