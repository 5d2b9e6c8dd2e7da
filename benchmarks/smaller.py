"""Images of a data set made smaller, and fewer of them, so that many trainings can be afforded."""

from __future__ import annotations

from dataclasses import replace

from torch.nn.functional import interpolate

from gansift.data import Examples, Splits


def smaller(splits: Splits, size: int | None = None, examples: int | None = None) -> Splits:
    """The same data set with images of ``size`` pixels a side, by area, and its first training examples alone.

    Args:
        splits: of images (N, C, H, W).
        size: None leaves it.
        examples: how many of the training examples; None leaves all.
    """
    train, valid, test = (_shrunk(part, size) for part in (splits.train, splits.valid, splits.test))
    return replace(splits, train=train.subset(range(examples or len(train))), valid=valid, test=test)


def _shrunk(part: Examples, size: int | None) -> Examples:
    if size is None or part.shape[1] == size:
        return part
    return replace(part, x=interpolate(part.x, size=size, mode="area"))
