"""What the folders above images mean: a wrapper, the splits, the classes, or no more than a thousand files each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from gansift.data.names import shown
from gansift.errors import DataError

SPLITS = ("train", "valid", "test")
_SPLIT_NAMES = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "validation", "dev"),
    "test": ("test", "testing"),
}
_SPLIT_OF = {name: part for part, names in _SPLIT_NAMES.items() for name in names}

# Images beside the folders are strays if they are fewer than one in so many; else the folders mean nothing.
_ONE_IN = 10

# StyleGAN's tool and FFHQ put a thousand images into each folder, called by its number or by its first image's.
_NUMBERED_FOLDER = re.compile("[0-9]{5}")
_LAST_NUMBER = re.compile("([0-9]+)[^0-9]*$")


@dataclass(frozen=True)
class Layout:
    """What the folders above images say.

    Attributes:
        inner: name of an image -> its path below the wrapping folders and those of the splits.
        parts: name -> split; empty if the folders are no splits.
        classes: name -> class; empty if the folders are no classes.
        outside: name -> why an image is in no split, where others are.
        beside: name -> why an image has no class, where others have one.
    """

    inner: Mapping[str, str]
    parts: Mapping[str, str]
    classes: Mapping[str, str]
    outside: Mapping[str, str]
    beside: Mapping[str, str]


def split_name(word: str) -> str | None:
    """The split that a folder, a file or a value of a column called so means: "train", "valid", "test" or None.

    >>> [split_name(word) for word in ("Train", "dev", "cats")]
    ['train', 'valid', None]
    """
    return _SPLIT_OF.get(word.strip().casefold())


def read_layout(names: Sequence[str]) -> Layout:
    """What the folders above images say; folders that hold all of them say nothing.

    Args:
        names: paths of images relative to the source, with forward slashes.

    Raises:
        DataError: if the folders are splits and none of them is for training, or too many images lie beside them.

    >>> layout = read_layout(["pets/train/cat/1.png", "pets/train/dog/2.png", "pets/val/cat/3.png"])
    >>> layout.parts["pets/val/cat/3.png"], layout.classes["pets/val/cat/3.png"]
    ('valid', 'cat')
    """
    inner = _unwrapped({name: name for name in names})
    parts, outside = _splits(inner)
    if parts:
        inner = _unwrapped({name: inner[name].partition("/")[2] for name in parts})
    classes, beside = _classes(inner)
    return Layout(inner, parts, classes, outside, beside)


def _unwrapped(inner: dict[str, str]) -> dict[str, str]:
    while len({_top(path) for path in inner.values()}) == 1 and all("/" in path for path in inner.values()):
        inner = {name: path.partition("/")[2] for name, path in inner.items()}
    return inner


def _top(path: str) -> str:
    """The first folder of a path, or "" if it is in none."""
    return path.partition("/")[0] if "/" in path else ""


def _splits(inner: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The split of each image, and why those beside have none; both are empty if the folders are no splits."""
    told = {top: split_name(top) for top in sorted({_top(path) for path in inner.values()})}
    folders = ", ".join(f"{shown(top)}/" for top, part in told.items() if part)
    found = {part for part in told.values() if part}
    if len(found) < 2:
        return {}, {}
    if "train" not in found:
        if None in told.values():
            return {}, {}
        raise DataError(
            f"the folders {folders} are splits, and none of them is called train: there is nothing to train on"
        )
    parts = {name: part for name, path in inner.items() if (part := told[_top(path)])}
    outside = {name: f"lies in none of the splits {folders}" for name in inner if name not in parts}
    if len(outside) * _ONE_IN >= len(inner):
        raise DataError(
            f"the folders {folders} are splits, but {len(outside)} of {len(inner)} images lie beside them, such as "
            f"{shown(next(iter(outside)))}. Move these into one of the splits, or out of the source."
        )
    return parts, outside


def _classes(inner: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The class of each image, and why those beside have none; both are empty if the folders are no classes."""
    classes = {name: _top(path).strip() or _top(path) for name, path in inner.items() if "/" in path}
    beside = [name for name in inner if name not in classes]
    if len(set(classes.values())) < 2 or len(beside) * _ONE_IN >= len(inner) or _thousands(inner):
        return {}, {}
    return classes, dict.fromkeys(beside, "lies beside the folders that are the classes, so it has no class")


def _thousands(inner: Mapping[str, str]) -> bool:
    """Whether every folder is numbered and holds just the images of its thousand."""
    return all(_of_its_thousand(path) for path in inner.values())


def _of_its_thousand(path: str) -> bool:
    folder, number = _top(path), _LAST_NUMBER.search(PurePosixPath(path).stem)
    if number is None or not _NUMBERED_FOLDER.fullmatch(folder):
        return False
    thousand = int(number[1]) // 1000
    return int(folder) in (thousand, 1000 * thousand)
