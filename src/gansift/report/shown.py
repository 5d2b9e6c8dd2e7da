"""What a page shows besides the numbers of its summary: examples with their scores, samples, a review, audits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gansift.data.encoding import Encoding
from gansift.report.answer import Answer
from gansift.report.history import History
from gansift.report.review import Review
from gansift.report.views.view import View, find, view_of


@dataclass(frozen=True)
class ShownSet:
    """The training examples of one data set, with their scores.

    Attributes:
        ids: the ids of the examples, in the order of the training data.
        values: their scores, shape (N,), in the metric's units.
        labels: their class names, or None.
        x: the examples: images (N, C, H, W) in [-1, 1], or rows of numbers (N, d).
        encoding: the encoding of the table that they are rows of, or None.
        view: the name of the view that shows them; None tells it from the data.
    """

    ids: tuple[str, ...]
    values: np.ndarray
    labels: tuple[str, ...] | None
    x: np.ndarray
    encoding: Encoding | None = None
    view: str | None = None

    def __post_init__(self) -> None:
        count = len(self.ids)
        if self.values.shape != (count,) or len(self.x) != count:
            raise ValueError(f"{count} ids, but values of shape {self.values.shape} and x of {self.x.shape}")
        if self.labels is not None and len(self.labels) != count:
            raise ValueError(f"{count} ids, but {len(self.labels)} labels")

    @property
    def look(self) -> View:
        """The view that shows these examples."""
        return find(self.view or view_of(self.x.shape[1:], self.encoding))


@dataclass(frozen=True)
class Shown:
    """What a page shows besides the numbers of its summary.

    Attributes:
        sets: the training examples of each data set by its name; one for most runs.
        samples_before: samples of the players that were trained on everything, in the form of some set's examples, or
            None.
        samples_after: samples of the retrained players, from the same latents, or None.
        removed: the ids of the examples that are removed; None for the most harmful, as many as the summary says.
        review: the neighbours and intervals that a decision image by image takes; None leaves that section out.
        made: what the players make of a few examples by title, such as refined images, shape (n, *shape) each.
        answers: the answers of the audits of this run.
        history: how the training went, or None.
    """

    sets: Mapping[str, ShownSet]
    samples_before: np.ndarray | None = None
    samples_after: np.ndarray | None = None
    removed: frozenset[str] | None = None
    review: Review | None = None
    made: Mapping[str, np.ndarray] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()
    history: History | None = None

    @classmethod
    def of(
        cls,
        ids: Sequence[str],
        values: np.ndarray,
        labels: Sequence[str] | None,
        x: np.ndarray,
        samples_before: np.ndarray | None = None,
        samples_after: np.ndarray | None = None,
        encoding: Encoding | None = None,
        **rest: Any,
    ) -> Shown:
        """Of one data set; arguments are those of `ShownSet` and `Shown`."""
        named = None if labels is None else tuple(labels)
        return cls({"": ShownSet(tuple(ids), values, named, x, encoding)}, samples_before, samples_after, **rest)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Of all examples, set by set."""
        return tuple(identity for one in self.sets.values() for identity in one.ids)

    @cached_property
    def values(self) -> np.ndarray:
        """Scores of all examples, shape (N,)."""
        return np.concatenate([one.values for one in self.sets.values()])

    def place(self, row: int) -> tuple[str, ShownSet, int]:
        """Where an example is: the name of its set, the set, and its row there."""
        for name, one in self.sets.items():
            if row < len(one.ids):
                return name, one, row
            row -= len(one.ids)
        raise IndexError("there are fewer examples")

    @property
    def sampled(self) -> ShownSet | None:
        """The set whose examples the samples are like: the first of their shape; None without samples."""
        samples = self.samples_before if self.samples_before is not None else self.samples_after
        if samples is None:
            return None
        return next((one for one in self.sets.values() if one.x.shape[1:] == samples.shape[1:]), None)
