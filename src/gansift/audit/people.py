"""Data about people: a label of which one value is the positive one, and columns of protected groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gansift.audit.audit import Subject
from gansift.audit.decisions import Held
from gansift.data.examples import Examples, Splits
from gansift.errors import UsageError


@dataclass(frozen=True, eq=False)
class People:
    """Data about people.

    Attributes:
        splits: the data set.
        protected: names of the protected columns.
        positive: number of the positive label.
        seed: of everything that is drawn at random.
    """

    splits: Splits
    protected: tuple[str, ...]
    positive: int
    seed: int

    @classmethod
    def of(cls, subject: Subject, positive: str, protected: str) -> People:
        """The people that an audit looks at.

        Args:
            subject: a run or data.
            positive: name of the positive label; "" for that of the run's game, or else the last in alphabetical order.
            protected: names of protected columns with commas between; "" for all columns of two groups or more.

        Raises:
            UsageError: for several data sets, without a label or protected columns, or if a name is unknown.
        """
        if len(subject.data) != 1:
            raise UsageError(f"the audit fairness looks at one data set, and {subject.name} has {len(subject.data)}")
        (splits,) = subject.data.values()
        names = splits.train.class_names
        if names is None or len(names) < 2:
            raise UsageError(
                f"the audit fairness looks at decisions about a label, and {splits.name} has none of two classes: name "
                "the column with --label"
            )
        if positive and positive not in names:
            raise UsageError(f"--positive {positive}: there is no such label; choose from {', '.join(names)}")
        columns = list(splits.train.groupings)
        chosen = [name.strip() for name in protected.split(",") if name.strip()] or columns
        for name in chosen:
            if name not in columns:
                raise UsageError(
                    f"--protected {name}: {splits.name} has no such column of two groups or more; it has "
                    f"{', '.join(columns) or 'none: name it with --group'}"
                )
        if not chosen:
            raise UsageError(
                f"the audit fairness compares groups, and {splits.name} has no column of two groups or more: name it "
                "with --group"
            )
        usual = getattr(subject.players[0].game, "positive", len(names) - 1) if subject.players else len(names) - 1
        return cls(splits, tuple(chosen), names.index(positive) if positive else usual, subject.seed)

    @cached_property
    def held(self) -> Held:
        """The test examples, as those that are decided about."""
        groups = {name: self.groups(self.splits.test, name) for name in self.protected}
        return Held(self.labels(self.splits.test), groups, self.seed)

    @property
    def label(self) -> str:
        """Name of the positive label."""
        names = self.splits.train.class_names
        assert names is not None
        return names[self.positive]

    def labels(self, part: Examples) -> np.ndarray:
        """Whether the label of each example is the positive one, shape (n,)."""
        assert part.labels is not None
        return (part.labels == self.positive).numpy()

    def groups(self, part: Examples, name: str) -> np.ndarray:
        """The group of each example by a protected column, whole numbers of shape (n,)."""
        return part.columns[name].values.numpy()

    def called(self, name: str, group: int) -> str:
        """A group of a protected column in words, such as ``sex: f``."""
        names = self.splits.train.columns[name].names
        assert names is not None
        return f"{name}: {names[group]}"
