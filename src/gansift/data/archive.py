"""A zip of image files, read where it lies: nothing is ever unpacked to disk."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gansift.data.collection import Collection, File, is_image_name, is_passed_over
from gansift.data.names import shown
from gansift.data.own_labels import own_labels
from gansift.data.pixels import BadImageError
from gansift.errors import DataError

# The largest file that is unpacked, in memory: what a raw image of as many pixels as are decoded takes.
_MOST_BYTES = 256 * 2**20

# Bytes that are unpacked at a time.
_PIECE = 2**20


def open_archive(path: Path) -> Collection:
    """All entries of a zip that are named like images, but for hidden ones and leftovers.

    Entries whose paths lead out of the archive, that are encrypted or unpack to more than 256 MiB are refused, and so
    are all but the last of entries of one name: the last is what unpacking would leave.

    Raises:
        DataError: if it is no zip file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except Exception as error:  # the reader fails with whatever the broken bytes made it stumble over
        raise DataError(f"{shown(path)} is no zip file, or it is damaged ({error or type(error).__name__})") from error
    good: dict[str, zipfile.ZipInfo] = {}
    refused, others = [], []
    for entry in entries:
        name, reason = entry.filename, _refusal(entry)
        if reason is None and is_passed_over(name):
            continue
        if not is_image_name(name):
            others.append(name)
        elif reason is not None:
            refused.append((name, reason))
        elif name in good:
            refused.append((name, "is in the archive more than once; only the last of that name is read"))
        if reason is None:
            good[name] = entry
    images = {name: good[name] for name in sorted(good) if is_image_name(name)}
    return Collection(
        place=path,
        kind="archive",
        names=tuple(images),
        contents=partial(_contents, path, images),
        own=lambda: own_labels(path, list(good), lambda name: _side_file(path, good[name])),
        refused=tuple(sorted(refused)),
        others=tuple(others),
    )


def _refusal(entry: zipfile.ZipInfo) -> str | None:
    parts = re.split(r"[/\\]", entry.filename)
    if ".." in parts or parts[0] == "" or re.match("[A-Za-z]:", entry.filename):
        return "has a path that leads out of the archive"
    if entry.flag_bits & 0x1:
        return "is encrypted; pack the archive without a password"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in an unusual way; pack the archive with the usual method (deflate)"
    if entry.file_size > _MOST_BYTES:
        return f"unpacks to {entry.file_size / 2**20:.0f} MiB, more than the {_MOST_BYTES // 2**20} MiB that are read"
    return None


def _contents(path: Path, entries: dict[str, zipfile.ZipInfo]) -> Iterator[File]:
    with zipfile.ZipFile(path) as archive:
        for name, entry in entries.items():
            yield File(name, _content(archive, entry))


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes | BadImageError:
    try:
        with archive.open(entry) as file:  # in pieces: what says that it is small may unpack to anything
            pieces = iter(partial(file.read, _PIECE), b"")
            return b"".join(pieces)
    except Exception as error:
        return BadImageError(f"cannot be unpacked ({error or type(error).__name__})")


def _side_file(path: Path, entry: zipfile.ZipInfo) -> bytes:
    with zipfile.ZipFile(path) as archive:
        content = _content(archive, entry)
    if isinstance(content, BadImageError):
        raise DataError(f"label file {shown(path / entry.filename)} {content}")
    return content
