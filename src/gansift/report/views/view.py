"""What a way of showing examples has to offer, and how one is found."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from markupsafe import Markup

from gansift.data.encoding import Encoding
from gansift.errors import UsageError

VIEWS = ("images", "points", "records")


@dataclass(frozen=True)
class Card:
    """One training example in a gallery.

    Attributes:
        rank: the rank among all examples, 1 for the most harmful.
        id: the id of the example.
        origin: the name of its data set, or "" where there is only one.
        label: the name of its class, or None.
        score: its score.
        decision: ``removed``, ``kept``, or "" where nothing is to be said.
        x: the example itself.
        encoding: the encoding of the table that it is a row of, or None.
    """

    rank: int
    id: str
    origin: str
    label: str | None
    score: float
    decision: str
    x: np.ndarray
    encoding: Encoding | None = None


class View(Protocol):
    """A way to show examples and samples.

    A view is a module of this package with these names.

    Attributes:
        NOUN: the word for one example.
        COMPACT: whether two galleries fit beside each other.
        ALIKE: what can be seen at the same place of two sets of samples from the same latents, as the end of a
            sentence; may be empty.
    """

    NOUN: str
    COMPACT: bool
    ALIKE: str

    def gallery(self, cards: Sequence[Card], side: str) -> Markup:
        """Examples in their order; ``side`` is ``harmful`` or ``helpful``."""
        ...

    def one(self, x: np.ndarray, alt: str, encoding: Encoding | None = None) -> Markup:
        """One example or sample, small; ``alt`` says what it is to those who do not see it."""
        ...

    def score_map(self, x: np.ndarray, values: np.ndarray, direction: str, label: str) -> Markup | None:
        """Where the harmful examples lie, or None where that cannot be drawn."""
        ...

    def before_after(
        self, x: np.ndarray, before: np.ndarray | None, after: np.ndarray | None, encoding: Encoding | None = None
    ) -> Markup:
        """Samples before and after, beside the training examples where that helps."""
        ...


def view_of(shape: Sequence[int], encoding: Encoding | None = None) -> str:
    """The name of the view that suits examples of a shape.

    >>> view_of((3, 32, 32)), view_of((2,))
    ('images', 'points')
    """
    if len(shape) == 3:
        return "images"
    return "points" if encoding is None else "records"


def find(name: str) -> View:
    """The view of that name.

    Raises:
        UsageError: if there is none.
    """
    if name not in VIEWS:
        raise UsageError(f"there is no view {name!r}; there are {', '.join(VIEWS)}")
    return importlib.import_module(f"gansift.report.views.{name}")
