"""What the person names as their data, and how it becomes splits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gansift.data.builtin import BUILTINS
from gansift.data.examples import Splits
from gansift.data.folder import read_folder
from gansift.data.npz import read_npz
from gansift.data.splits import FRACTIONS, check_fractions, split
from gansift.errors import DataError, UsageError


def load(
    source: str | os.PathLike[str],
    *,
    seed: int = 0,
    fractions: Sequence[float] = FRACTIONS,
    labels: str | os.PathLike[str] | None = None,
    size: int | None = None,
    skip_bad: bool = False,
) -> Splits:
    """Load a source of examples and split it.

    Args:
        source: the name of a built-in data set, a folder of images, or a ``.npz`` file. A built-in name wins over
            a folder of that name in the current one, which is reached as ``./name``.
        seed: decides the splits, and the points of the built-in normal distributions.
        fractions: of train, valid and test; three positive numbers with sum 1.
        labels: a label file for a folder.
        size: side in pixels to which the images of a folder are cropped and resized.
        skip_bad: leave unusable images of a folder out; they are listed in ``Splits.skipped``.

    Raises:
        DataError: if the source is not there or cannot be used, or a split ends up empty.
        UsageError: if the fractions or the size make no sense, or an option does not go with the source.
    """
    check_fractions(fractions)
    if size is not None and size < 1:
        raise UsageError(f"the size must be at least 1 pixel, not {size}")
    path = Path(source)
    builtin = BUILTINS.get(os.fspath(source))
    if builtin is None and path.is_dir():
        examples, skipped = read_folder(path, labels=Path(labels) if labels else None, size=size, skip_bad=skip_bad)
        return split(examples, path.resolve().name, seed=seed, fractions=fractions, skipped=skipped)

    for option, value in (("labels", labels), ("size", size)):
        if value is not None:
            raise UsageError(f"--{option} goes with a folder of images only, and {source} is none")
    if builtin is not None:
        return split(builtin(seed), os.fspath(source), seed=seed, fractions=fractions)
    if not path.exists():
        raise DataError(
            f"{source} does not exist, and it is no built-in data set. Give a folder of images, a .npz file, or one of "
            f"{', '.join(BUILTINS)}."
        )
    if path.suffix.lower() != ".npz":
        raise DataError(
            f"{source} is a file, neither a folder nor a .npz file. Give the folder that holds the images "
            "(unpack an archive first), or save arrays with np.savez(path, x=..., y=...)."
        )
    return split(read_npz(path), path.name, seed=seed, fractions=fractions)
