"""Images of a data set made smaller, and fewer of them, so that many trainings can be afforded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.nn.functional import interpolate

from gansift.data import Examples, Splits
from gansift.data.columns import LABEL, Column
from gansift.errors import UsageError


def smaller(
    splits: Splits, size: int | None = None, examples: int | None = None, classes: Sequence[str] = ()
) -> Splits:
    """The same data set with images of ``size`` pixels a side, by area, and its first training examples alone.

    Args:
        splits: of images (N, C, H, W).
        size: None leaves it.
        examples: how many of the training examples; None leaves all.
        classes: names of those that stay, in training, validation and test examples; none leaves all.

    Raises:
        UsageError: for a class that there is not.
    """
    parts = (_of_classes(_shrunk(part, size), classes) for part in (splits.train, splits.valid, splits.test))
    train, valid, test = parts
    return replace(splits, train=train.subset(range(min(examples or len(train), len(train)))), valid=valid, test=test)


def names(text: str) -> list[str]:
    """Names of classes with commas between, as `--classes` has them."""
    return text.split(",")


def _shrunk(part: Examples, size: int | None) -> Examples:
    if size is None or part.shape[1] == size:
        return part
    return replace(part, x=interpolate(part.x, size=size, mode="area"))


def _of_classes(part: Examples, classes: Sequence[str]) -> Examples:
    """The examples of these classes, which are numbered in the order given."""
    if not classes:
        return part
    known, labels = part.class_names or (), part.labels
    for name in classes:
        if name not in known:
            raise UsageError(f"--classes {name}: there is no such class; there are {', '.join(known) or 'none'}")
    assert labels is not None  # or there were no names
    numbers = torch.tensor([classes.index(name) if name in classes else -1 for name in known])[labels]
    kept = part.subset(numbers.ge(0).nonzero()[:, 0])
    label = Column(numbers[numbers >= 0], tuple(classes))
    return replace(kept, columns={**kept.columns, LABEL: label})
