"""Which of the 65,536 values of 16-bit grey images are black and white: cameras and scanners fill 10, 12 or 14 bits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from gansift.data.pixels import FULL, Span
from gansift.errors import UsageError

#: The range that is told from the values of all 16-bit images of a source together.
AUTO = "auto"

# Bits that devices fill.
_DEPTHS = (8, 10, 12, 14)
# So few of the brightest pixels may be specks, hot pixels and burnt-in marks.
_SPECKS = 0.001
# What is left dark below this share of the range deserves a word.
_DARK = 1 / 8


class Depth(NamedTuple):
    """What the 16-bit images of a source hold.

    Attributes:
        images: their number.
        highest: the highest value of all of them.
        bright: the value that all but a thousandth of the pixels stay below.
    """

    images: int
    highest: int
    bright: int


def parse_span(text: str) -> Span | None:
    """The values that are black and white, ``LOW,HIGH``; None for ``auto``, which leaves it to the images.

    >>> parse_span("0,4095")
    Span(low=0, high=4095)

    Raises:
        UsageError: for anything else.
    """
    if text == AUTO:
        return None
    found = re.fullmatch(r"\s*(\d{1,5})\s*,\s*(\d{1,5})\s*", text, re.ASCII)
    if found is None or not int(found[1]) < int(found[2]) <= FULL.high:
        raise UsageError(
            f"--range {text}: give {AUTO}, or the values of 16-bit grey images that are black and white, such as "
            f"0,4095; the first one is below the second, and that is at most {FULL.high}"
        )
    return Span(int(found[1]), int(found[2]))


def depth_of(deep: Iterable[np.ndarray]) -> Depth | None:
    """What 16-bit grey images, integers from 0 to 65535 of any shape each, hold; None if there are none."""
    counts, images = np.zeros(FULL.high + 1, np.int64), 0
    for values in deep:
        counts += np.bincount(values.ravel(), minlength=len(counts))
        images += 1
    if not images:
        return None
    below = counts.cumsum()
    bright = int(np.searchsorted(below, (1 - _SPECKS) * below[-1]))
    return Depth(images, int(np.flatnonzero(counts)[-1]), bright)


def span_of(depth: Depth | None, given: Span | None) -> Span:
    """The range by which images are read: as given, else that of as few bits as hold all values.

    >>> span_of(Depth(1, highest=4000, bright=3000), None)
    Span(low=0, high=4095)
    """
    if given is not None or depth is None:
        return given or FULL
    return next((Span(0, 2**bits - 1) for bits in _DEPTHS if depth.highest < 2**bits), FULL)


def remarks(depth: Depth | None, given: Span | None) -> Sequence[str]:
    """Sentences about how 16-bit images are read, where that is not plain."""
    if depth is None:
        return [] if given is None else [f"--range {given.low},{given.high} does nothing: no image is 16-bit grey."]
    span, found = span_of(depth, given), []
    if given is None and span != FULL:
        bits = span.high.bit_length()
        found.append(
            f"The {depth.images} images of 16-bit grey hold values up to {depth.highest}, so they are read as {bits} "
            f"bits: {span.high} is white. --range LOW,HIGH says otherwise."
        )
    if depth.bright - span.low < _DARK * (span.high - span.low):
        found.append(
            f"The {depth.images} images of 16-bit grey are nearly black: all but a thousandth of their pixels are "
            f"below {depth.bright}, where {span.high} is white. --range 0,{max(1, depth.bright)} makes that white."
        )
    return found
