"""Tables in memory: named columns of numbers and categories."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gansift.data.labels import number_labels

MISSING = "(missing)"
"""The category of cells that hold nothing."""

# Rows whose content is hashed at a time.
_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Field:
    """A column of a table with N rows.

    Attributes:
        name: as in the table's header.
        values: numbers, float64 (N,), NaN where one is missing; or the positions of categories, int32 (N,).
        names: of the categories, in the order of `number_labels`, `MISSING` among them where cells hold nothing; None
            for numbers.
        odd: a cell for which the column is not of numbers, such as "'n.d.' in line 7"; "" where the file says of what
            kind it is.

    Examples:
        >>> Field.of_texts("job", ["nurse", "cook", MISSING, "cook"]).names
        ('(missing)', 'cook', 'nurse')
    """

    name: str
    values: np.ndarray
    names: tuple[str, ...] | None = None
    odd: str = ""

    @classmethod
    def of_codes(cls, name: str, codes: np.ndarray, texts: Sequence[str], odd: str = "") -> Field:
        """Categories from positions in a list of texts, in any order; texts without a letter are missing cells."""
        order, names = number_labels([text if text.strip() else MISSING for text in texts])
        return cls(name, order.numpy().astype(np.int32)[codes], names, odd)

    @classmethod
    def of_texts(cls, name: str, texts: Iterable[str]) -> Field:
        """Categories from the text of every cell."""
        codes: dict[str, int] = {}
        return cls.of_codes(name, np.array([codes.setdefault(text, len(codes)) for text in texts], int), [*codes])

    def __len__(self) -> int:
        return len(self.values)

    @property
    def missing(self) -> np.ndarray:
        """Whether a cell is missing, bool (N,)."""
        if self.names is None:
            return np.isnan(self.values)
        position = self.names.index(MISSING) if MISSING in self.names else -1
        return self.values == position

    @property
    def whole(self) -> bool:
        """Whether all that is there are whole numbers."""
        present = self.values[~self.missing] if self.names is None else np.array([0.5])
        return bool(np.isfinite(present).all() and (present == np.floor(present)).all())

    def as_categories(self) -> Field:
        """Whole numbers as categories that are called like them; categories as they are."""
        if self.names is not None:
            return self
        numbers, codes = np.unique(self.values, return_inverse=True)  # all NaN are one
        return Field.of_codes(self.name, codes, [MISSING if np.isnan(n) else str(int(n)) for n in numbers])


@dataclass(frozen=True, eq=False)
class Table:
    """What a file of numbers and categories holds.

    Attributes:
        fields: the columns that are read, in their order, all of one length.
        ignored: names of the columns that are not.
    """

    fields: tuple[Field, ...]
    ignored: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.fields[0]) if self.fields else 0

    def __getitem__(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)


def content_hashes(fields: Sequence[Field]) -> tuple[str, ...]:
    """SHA-256, in hexadecimal, of what each row holds in these columns, in whatever order they stand in the table."""
    ordered = sorted(fields, key=lambda field: field.name)
    numbers = [field for field in ordered if field.names is None]
    texts = [field for field in ordered if field.names is not None]
    return tuple(hashlib.sha256(row).hexdigest() for row in _contents(numbers, texts, len(fields[0])))


def _contents(numbers: Sequence[Field], texts: Sequence[Field], count: int) -> Iterator[bytes]:
    for start in range(0, count, _CHUNK):
        part = slice(start, start + _CHUNK)
        columns = [np.where(np.isnan(field.values[part]), np.nan, field.values[part] + 0.0) for field in numbers]
        packed = np.stack(columns, 1).astype("<f8") if columns else None
        names = [[(field.names or ())[code] for code in field.values[part].tolist()] for field in texts]
        for row in range(min(_CHUNK, count - start)):
            number = b"" if packed is None else packed[row].tobytes()
            yield number + "".join(f"{len(column[row])}:{column[row]}" for column in names).encode()
