"""What is known of each example beside the example itself: its label, its groups, any named attribute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gansift.data.labels import number_labels
from gansift.errors import DataError

LABEL = "label"
"""The name of the column that losses get as ``batch.label``."""


@dataclass(frozen=True, eq=False)
class Column:
    """One attribute of N examples.

    Attributes:
        values: int64 (N,), the number of each example's category; or float32 (N,) or (N, k), numbers.
        names: the name of category k at position k; None for numbers, and for categories without names.

    Examples:
        >>> column = Column.of(["cat", "dog", "cat"])
        >>> column.values.tolist(), column.names
        ([0, 1, 0], ('cat', 'dog'))
    """

    values: Tensor
    names: tuple[str, ...] | None = None

    @classmethod
    def of(cls, values: Any, argument: str = "values") -> Column:
        """A column of strings, integers, booleans or floats.

        Strings, booleans and integers (N,) are categories, numbered in the order of their names (by value, if all
        are integers). Floats, and integers (N, k), are numbers.

        Args:
            values: an array, tensor or list (N,) or (N, k); a `Column` stays as it is.
            argument: what the values are called in messages.

        Raises:
            DataError: if the values are of another kind or shape, or are not finite.
        """
        if isinstance(values, cls):
            return values
        array = as_array(values, argument)
        if array.ndim == 1 and array.dtype.kind in "Uiub":
            numbers, names = number_labels([str(value) for value in array.tolist()])
            return cls(numbers, names)
        if array.ndim in (1, 2) and array.dtype.kind in "fiu":
            if not np.isfinite(array).all():
                raise DataError(f"`{argument}` has values that are not finite numbers; remove such examples")
            return cls(torch.from_numpy(array.astype(np.float32)))
        raise DataError(
            f"`{argument}` is {array.dtype} of shape {array.shape}; it must be strings or numbers, one for each example"
        )

    def __len__(self) -> int:
        return len(self.values)

    def subset(self, index: Tensor) -> Column:
        """The values at these positions, int64."""
        return Column(self.values[index], self.names)


def labelled(labels: Tensor | None, class_names: Sequence[str] | None = None) -> dict[str, Column]:
    """The columns of examples that have a label and nothing else, or nothing at all.

    Args:
        labels: int64 (N,), or None.
        class_names: the name of label k at position k, or None.
    """
    return {} if labels is None else {LABEL: Column(labels, None if class_names is None else tuple(class_names))}


def as_array(values: Any, argument: str) -> np.ndarray:
    """An array, tensor or nested list as an array; nothing in it is a Python object.

    Args:
        values: what was given.
        argument: what it is called in messages.

    Raises:
        DataError: if it is nothing of the kind, or its rows are of unequal length.
    """
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"`{argument}` cannot be an array: {error}") from error
    if array.dtype.kind in "iubf" or (array.dtype.kind == "U" and isinstance(values, np.ndarray)):
        return array
    # NumPy makes strings of numbers that stand beside strings, and objects of what it does not know.
    kinds = {type(value).__name__ for value in np.ravel(np.asarray(values, dtype=object))}
    if kinds <= {"str", "str_"}:
        return array.astype(str)
    raise DataError(f"`{argument}` holds {', '.join(sorted(kinds))}; it must be all numbers or all strings")
