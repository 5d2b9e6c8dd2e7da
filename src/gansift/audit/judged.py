"""What a judge that was fitted to real examples says of reconstructed and of transferred ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gansift.audit.intervals import share_interval
from gansift.data.examples import Examples, Splits
from gansift.metrics.transfer import judge_of
from gansift.report.answer import Number

#: A data set, and the one that its examples are transferred to: itself where they are merely reconstructed.
Pair = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Judged:
    """What a judge of one column says of test examples: real, reconstructed and transferred ones.

    Attributes:
        names: of the values of the column.
        truth: by data set, the value of each example, int64 (n,); -1 for one that no validation example has.
        real: by data set, the value that the judge tells of each example, int64 (n,).
        made: the same of what every training seed makes of it, (seeds, n).
    """

    names: tuple[str, ...]
    truth: Mapping[str, np.ndarray]
    real: Mapping[str, np.ndarray]
    made: Mapping[Pair, np.ndarray]

    @classmethod
    def of(
        cls, data: Mapping[str, Splits], made: Sequence[Mapping[Pair, Tensor]], column: str, *, steps: int
    ) -> Judged:
        """Fit a judge to the validation examples of all data sets, and let it judge.

        Args:
            data: the data sets by name.
            made: what each training seed makes of their test examples.
            column: of categories, which all of them have.
            steps: that the judge is trained for.
        """
        judge, fitted = judge_of([splits.valid for splits in data.values()], column, steps=steps)
        names = fitted.class_names or ()

        def told(x: Tensor) -> np.ndarray:
            with torch.no_grad():
                return judge.logits(x.float()).argmax(1).numpy()

        return cls(
            names,
            {name: _numbered(splits.test, column, names) for name, splits in data.items()},
            {name: told(splits.test.x) for name, splits in data.items()},
            {pair: np.stack([told(one[pair]) for one in made]) for pair in made[0]},
        )

    def right(self, source: str, target: str = "") -> np.ndarray:
        """How often the judge tells of each example what it is, over the training seeds, (n,).

        Args:
            source: the data set of the examples.
            target: what they are transferred to; "" for the examples themselves.
        """
        told = self.made[source, target] if target else self.real[source][None]
        return (told == self.truth[source]).mean(0)

    def share(self, value: int, source: str, target: str = "") -> np.ndarray:
        """How often each example is judged to have a value, over the training seeds, (n,); arguments as `right`."""
        told = self.made[source, target] if target else self.real[source][None]
        return (told == value).mean(0)

    @property
    def most_different(self) -> int:
        """The value whose share differs most between two data sets."""
        shares = np.array([[(one == value).mean() for value in range(len(self.names))] for one in self.truth.values()])
        return int((shares.max(0) - shares.min(0)).argmax())


def mean_share(shares: np.ndarray, meaning: str = "", expected: float | None = None) -> Number:
    """The mean of shares (n,), one for each test example, with an exact interval over examples.

    >>> mean_share(np.array([1.0, 0.0, 1.0, 1.0])).told(".2f")
    '0.75 (0.19 to 0.99)'
    """
    mean = float(shares.mean())
    return Number(mean, share_interval(mean * len(shares), len(shares)), meaning, expected)


def _numbered(part: Examples, column: str, names: Sequence[str]) -> np.ndarray:
    found = part.columns[column]
    numbers = np.array([names.index(one) if one in names else -1 for one in found.names or ()])
    return numbers[found.values.numpy()]
