"""Image files in one place, as a folder, an archive or a table hands them over to what all of these share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

from gansift.data.labels import LabelFile
from gansift.data.pixels import SUFFIXES, UNREAD, BadImageError

# What ends the names of validation and test images in an archive for StyleGAN's trainers, which train on every file
# that is named like an image.
HELD_OUT = ".held-out"


class Own(NamedTuple):
    """What a place says of the classes and the splits of its images.

    Attributes:
        labels: of the images; None if nothing lists them.
        by_folder: without such a list, subfolders may be classes.
        parts: the splits of the images, as names of the standard ones; None if nothing lists them.
        columns: what else is listed of each image, by the name of the column; each is read when it is asked for.
    """

    labels: LabelFile | None
    by_folder: bool
    parts: LabelFile | None = None
    columns: Mapping[str, Callable[[], LabelFile]] = MappingProxyType({})


class File(NamedTuple):
    """One image file.

    Attributes:
        name: relative to the place, with forward slashes.
        content: its bytes, or why there are none.
    """

    name: str
    content: bytes | BadImageError


@dataclass(frozen=True)
class Collection:
    """Image files in one place.

    Attributes:
        place: where they are.
        kind: of the place, for messages: folder, archive or table.
        names: of all images, in a fixed order.
        contents: hands over every image, in that order; only one of them has to be in memory at a time.
        own: reads what the place says of classes; only done where nobody gives labels.
        refused: name -> why nothing is read from there; such a thing is no image, or a whole folder.
        others: names of the files that are passed over because they are not named like images.
        are_files: each image is a file of its own, ``place / name``.
    """

    place: Path
    kind: str
    names: tuple[str, ...]
    contents: Callable[[], Iterator[File]]
    own: Callable[[], Own]
    refused: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()
    are_files: bool = False

    def where(self, name: str) -> str:
        """The path of an image, or what stands for one."""
        return str(self.place / name.lstrip("/"))


# What Macs leave in archives, and network drives and Windows in folders: thumbnails and what was deleted.
_LEFT_OVER = frozenset(
    {"__macosx", "@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "lost+found"}
    | {"system volume information"}
)


def is_image_name(name: str) -> bool:
    """Whether a file is named like an image, or like one that an archive holds out; also of a kind that is not read."""
    return name.lower().removesuffix(HELD_OUT).endswith((*SUFFIXES, *UNREAD))


def is_passed_over(name: str) -> bool:
    """Whether a file or a folder on its way is hidden, or a leftover of a Mac, a network drive or Windows."""
    return any(part.startswith(".") or part.casefold() in _LEFT_OVER for part in PurePosixPath(name).parts)
