"""How records become vectors of numbers and come back: fitted on training rows alone, and saved as JSON."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gansift.data.names import shown
from gansift.data.table import Field
from gansift.errors import DataError

IMPUTE = ("mean", "median")
"""What can stand for a missing number, taken over the training rows."""

_FORMAT = "gansift encoding 1"

Row = dict[str, float | int | str | None]


@dataclass(frozen=True)
class Number:
    """A column of numbers; it becomes one, (value - mean) / scale.

    Attributes:
        name: of the column.
        mean: of the training rows.
        scale: their standard deviation (of the population); 1 where all are the same.
        whole: all of them are whole numbers.
        fill: what stands for a missing number; None where such a row is refused.
    """

    name: str
    mean: float
    scale: float
    whole: bool = False
    fill: float | None = None

    width = 1

    @classmethod
    def fit(cls, column: Field, impute: str | None = None) -> Number:
        """The mean and scale of these rows; missing ones do not count."""
        present = column.values[~column.missing]
        if not len(present):
            raise DataError(f"column {shown(column.name)!r} has no number in any training row; ignore it")
        fill = None if impute is None else float(np.median(present) if impute == "median" else np.mean(present))
        whole = column.whole and (fill is None or fill.is_integer())
        deviation = present - present.mean()
        largest = float(np.abs(deviation).max())  # taken out, so that the squares neither overflow nor vanish
        if present.min() == present.max() or largest == 0:
            return cls(column.name, float(present[0]), 1.0, whole, fill)
        scale = largest * float(np.sqrt(np.mean((deviation / largest) ** 2)))
        return cls(column.name, float(present.mean()), scale, whole, fill)

    def encode(self, column: Field, out: np.ndarray) -> None:
        """Write the column into (N, 1)."""
        missing = column.missing
        if self.fill is None and missing.any():
            raise DataError(f"column {shown(self.name)!r} has {missing.sum()} missing numbers")
        values = column.values if self.fill is None else np.where(missing, self.fill, column.values)
        out[:, 0] = (values - self.mean) / self.scale

    def decode(self, part: np.ndarray) -> list[float | int]:
        """The numbers that these values, float64 (N, 1), stand for."""
        values = (part[:, 0] * self.scale + self.mean).tolist()
        return [round(value) for value in values] if self.whole else values


@dataclass(frozen=True)
class Category:
    """A column of categories; it becomes one number for each, which is 1 for the row's own and else 0.

    Attributes:
        name: of the column.
        names: of the categories of the training rows. A row with another has 0 everywhere.
    """

    name: str
    names: tuple[str, ...]

    @property
    def width(self) -> int:
        """How many numbers it becomes."""
        return len(self.names)

    @classmethod
    def fit(cls, column: Field) -> Category:
        """The categories of these rows, in their order."""
        return cls(column.name, tuple((column.names or ())[code] for code in np.unique(column.values)))

    def encode(self, column: Field, out: np.ndarray) -> None:
        """Write the column into (N, categories), which holds zeros."""
        known = {name: position for position, name in enumerate(self.names)}
        own = np.array([known.get(name, len(known)) for name in column.names or ()], dtype=np.int64)
        places = own[column.values]
        rows = np.flatnonzero(places < len(known))
        out[rows, places[rows]] = 1

    def unknown(self, column: Field) -> dict[str, int]:
        """How many rows have each category that the training rows lack."""
        counts = Counter(column.values.tolist())
        names = column.names or ()
        return {names[code]: count for code, count in sorted(counts.items()) if names[code] not in self.names}

    def decode(self, part: np.ndarray) -> list[str | None]:
        """The category with the largest number, (N, categories); None where all of them are 0."""
        best = part.argmax(1).tolist()
        return [self.names[k] if row.any() else None for k, row in zip(best, part, strict=True)]


@dataclass(frozen=True)
class Encoding:
    """How the records of a table become x, and x becomes records.

    Attributes:
        features: the columns that x is made of, in their order.
        columns: the columns beside x (``label``, and groups by their names) and the names of their categories; None
            for numbers.
        label: what the column of the label is called in the table; None without a label.

    Examples:
        >>> table = [Field("age", np.array([20.0, 40.0])), Field.of_texts("job", ["cook", "nurse"])]
        >>> encoding = Encoding.fit(table)
        >>> x = encoding.encode(table)
        >>> x.tolist()
        [[-1.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
        >>> encoding.decode(x)
        [{'age': 20, 'job': 'cook'}, {'age': 40, 'job': 'nurse'}]
        >>> encoding.describe(x[1])
        'age 40, job nurse'
        >>> Encoding.from_json(encoding.to_json()) == encoding
        True
    """

    features: tuple[Number | Category, ...]
    columns: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    label: str | None = None

    @classmethod
    def fit(
        cls,
        fields: Sequence[Field],
        *,
        impute: str | None = None,
        columns: Mapping[str, tuple[str, ...] | None] | None = None,
        label: str | None = None,
    ) -> Encoding:
        """The encoding of these rows, which should be the training rows and no others.

        Args:
            fields: what x is made of.
            impute: what stands for a missing number: their ``mean``, their ``median``, or None, which refuses it.
            columns: as the attribute.
            label: as the attribute.

        Raises:
            DataError: if a column of numbers has none.
        """
        made = [Number.fit(part, impute) if part.names is None else Category.fit(part) for part in fields]
        return cls(tuple(made), dict(columns or {}), label)

    @property
    def width(self) -> int:
        """How many numbers x has for each record."""
        return sum(feature.width for feature in self.features)

    @property
    def slices(self) -> dict[str, slice]:
        """Which numbers of x each column becomes."""
        ends = np.cumsum([0, *(feature.width for feature in self.features)]).tolist()
        return {part.name: slice(*ends[row : row + 2]) for row, part in enumerate(self.features)}

    def encode(self, fields: Sequence[Field]) -> Tensor:
        """Records as x, float32 (N, width).

        Args:
            fields: columns of a table, in any order; those that are not part of x are passed over.

        Raises:
            DataError: if a column is not there, is of another kind, or has missing numbers that nothing stands for.
        """
        there = self._matched(fields)
        x = np.zeros((len(next(iter(there.values()))), self.width), dtype=np.float32)
        for feature, part in zip(self.features, self.slices.values(), strict=True):
            feature.encode(there[feature.name], x[:, part])
        return torch.from_numpy(x)

    def unknown(self, fields: Sequence[Field]) -> dict[str, dict[str, int]]:
        """Of each column, how many rows have each category that the training rows lack."""
        there = self._matched(fields)
        counts = {part.name: part.unknown(there[part.name]) for part in self.features if isinstance(part, Category)}
        return {name: count for name, count in counts.items() if count}

    def decode(self, x: Tensor) -> list[Row]:
        """The record that each x (N, width), real or made up, stands for; None for a category that is none."""
        columns = self.record(x.detach().cpu().numpy())
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def record(self, x: np.ndarray) -> dict[str, list[Any]]:
        """The same by columns, of an array (N, width): the N values of each, as the report's page takes them."""
        array = x.astype(np.float64)
        parts = zip(self.features, self.slices.values(), strict=True)
        return {part.name: part.decode(array[:, where]) for part, where in parts}

    def describe(self, x: Tensor) -> str:
        """One record x (width,) in words, such as "age 37, job Sales"."""
        (row,) = self.decode(x[None])
        return ", ".join(f"{shown(name)} {_words(value)}" for name, value in row.items())

    def to_json(self) -> str:
        """All of it as JSON, from which `from_json` makes the same again."""
        content = {
            "format": _FORMAT,
            "features": [asdict(feature) for feature in self.features],
            "columns": dict(self.columns),
            "label": self.label,
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of all of it: with another one, the same record is another x."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> Encoding:
        """What `to_json` wrote.

        Raises:
            DataError: if it is something else.
        """
        try:
            content = json.loads(text)
            if content["format"] != _FORMAT:
                raise ValueError(f"its format is {content['format']!r}, not {_FORMAT!r}")
            columns = {name: None if names is None else tuple(names) for name, names in content["columns"].items()}
            return cls(tuple(map(_feature, content["features"])), columns, content["label"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(f"this is no encoding that gansift wrote ({error})") from error

    @classmethod
    def read(cls, path: Path) -> Encoding:
        """The encoding that a file holds.

        Raises:
            DataError: if it cannot be read or holds something else.
        """
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, DataError) as error:
            raise DataError(f"{shown(path)} cannot be used: {error}") from error

    def _matched(self, fields: Sequence[Field]) -> dict[str, Field]:
        """The columns of x by name."""
        there = {part.name: part for part in fields}
        for feature in self.features:
            if feature.name not in there:
                raise DataError(f"there is no column {shown(feature.name)!r}, which the training data have")
            wanted, got = isinstance(feature, Number), there[feature.name].names is None
            if wanted and not got:
                raise DataError(
                    f"column {shown(feature.name)!r} holds numbers in the training data, but here also other things "
                    f"({there[feature.name].odd or 'text'})"
                )
            if got and not wanted:
                there[feature.name] = there[feature.name].as_categories()
        return {feature.name: there[feature.name] for feature in self.features}


def _feature(entry: dict[str, Any]) -> Number | Category:
    if "names" in entry:
        return Category(entry["name"], tuple(entry["names"]))
    return Number(**entry)


def _words(value: float | int | str | None) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, str):
        return shown(value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)
