"""A folder of image files."""

from __future__ import annotations

import heapq
import os
from functools import partial
from pathlib import Path

from gansift.data.collection import Collection, File, is_image_name, is_passed_over
from gansift.data.examples import Examples
from gansift.data.images import read_images
from gansift.data.names import shown
from gansift.data.own_labels import own_labels
from gansift.data.pixels import BadImageError
from gansift.errors import DataError


def open_folder(folder: Path) -> Collection:
    """All files below a folder that are named like images, but for hidden ones and leftovers.

    Folders below that cannot be looked into are refused.

    Raises:
        DataError: if the folder itself cannot be looked into.
    """
    files, refused = _walk(folder)
    images = [name for name in files if is_image_name(name)]
    return Collection(
        place=folder,
        kind="folder",
        names=tuple(images),
        contents=lambda: (File(name, _content(folder / name)) for name in images),
        own=partial(own_labels, folder, files, lambda name: _side_file(folder / name)),
        refused=tuple(refused),
        others=tuple(name for name in files if not is_image_name(name)),
        are_files=True,
    )


def read_folder(
    folder: Path, *, labels: Path | None = None, size: int | None = None, skip_bad: bool = False
) -> tuple[Examples, tuple[tuple[str, str], ...]]:
    """Every image below a folder; see :func:`gansift.data.images.read_images`."""
    return read_images(open_folder(folder), labels=labels, size=size, skip_bad=skip_bad)


def _walk(folder: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """Relative paths of all files, with forward slashes, and the folders that cannot be looked into, with why.

    A folder is looked into once, under its own path if it has one here, else by the first link in the order of names:
    links in a circle would never end, and a few that lead to one another stand for millions of paths.
    """
    files, refused = [], []
    own: list[str] = [""]
    linked: list[str] = []
    seen: set[str] = set()
    while own or linked:
        prefix = own.pop() if own else heapq.heappop(linked)
        real = os.path.realpath(folder / prefix)
        if real in seen:
            continue
        seen.add(real)
        try:
            for entry in _entries(folder / prefix):
                name = prefix + entry.name
                if not _is_folder(entry):
                    files.append(name)
                elif entry.is_symlink():
                    heapq.heappush(linked, f"{name}/")
                else:
                    own.append(f"{name}/")
        except OSError as error:
            if not prefix:
                raise DataError(f"the folder {shown(folder)} cannot be read: {error.strerror}") from error
            refused.append((prefix.rstrip("/"), f"is a folder that cannot be read ({error.strerror})"))
    return sorted(files), sorted(refused)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not is_passed_over(entry.name)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself; reading it says so
        return False


def _content(path: Path) -> bytes | BadImageError:
    try:
        if not path.is_file():  # reading a pipe would wait for ever
            return BadImageError("is a broken link or no regular file")
        return path.read_bytes()
    except OSError as error:
        return BadImageError(f"cannot be read ({error.strerror})")


def _side_file(path: Path) -> bytes:
    content = _content(path)
    if isinstance(content, BadImageError):
        raise DataError(f"label file {shown(path)} {content}")
    return content
