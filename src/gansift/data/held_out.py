"""Custom held-out data: the test examples of one source, put beside the training examples of another."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from gansift.data.columns import LABEL, Column
from gansift.data.examples import Examples
from gansift.errors import DataError, UsageError


def with_test(examples: Examples, held_out: Examples, name: str, other: str) -> Examples:
    """Examples to be split, of which the last are for testing.

    Args:
        examples: to train on; they have no test split of their own.
        held_out: to test with: all of them, or those of their own test split if they have one.
        name: of the first source, for messages.
        other: of the second.

    Returns:
        Both, with :attr:`Examples.parts`, categories numbered as in one data set and, if one is RGB, all in RGB.

    Raises:
        UsageError: if the first source has a test split.
        DataError: if examples are of two shapes, or one source alone has labels or another column.
    """
    if "test" in examples.parts:
        raise UsageError(f"{name} has a test split of its own; leave test={other} away, or give {name} without its own")
    if "test" in held_out.parts:
        held_out = held_out.subset([row for row, part in enumerate(held_out.parts) if part == "test"])
    for column in examples.columns.keys() ^ held_out.columns.keys():
        having, without = (name, other) if column in examples.columns else (other, name)
        raise DataError(f"{having} has a {column} for each example and {without} has none; give it for both or neither")
    x, more = _alike(examples.x, held_out.x, name, other)
    return replace(
        examples,
        ids=examples.ids + held_out.ids,
        x=torch.cat([x, more]),
        columns={column: _joined(held, held_out.columns[column]) for column, held in examples.columns.items()},
        paths=examples.paths + held_out.paths,
        hashes=examples.hashes + held_out.hashes,
        parts=(examples.parts or ("train",) * len(examples)) + ("test",) * len(held_out),
    )


def _alike(x: Tensor, other: Tensor, name: str, other_name: str) -> tuple[Tensor, Tensor]:
    """Both in RGB if they are images and one of them is."""
    if x.ndim == other.ndim == 4:
        channels = max(x.shape[1], other.shape[1])
        x, other = (part.expand(-1, channels, -1, -1) if part.shape[1] == 1 else part for part in (x, other))
    if x.shape[1:] != other.shape[1:]:
        forms = [" x ".join(map(str, part.shape[1:])) for part in (x, other)]
        raise DataError(f"the examples of {name} are {forms[0]}, and those of {other_name}, to test with, {forms[1]}")
    return x, other


def _joined(column: Column, other: Column) -> Column:
    """One column after another; categories have the numbers of both together."""
    if column.names is None or other.names is None:
        return Column(torch.cat([column.values, other.values]))
    return Column.of([*column_names(column), *column_names(other)])


def column_names(column: Column) -> list[str]:
    """The name of each example's category, or its number where categories have no names."""
    return [str(value) if column.names is None else column.names[value] for value in column.values.tolist()]


def label_names(examples: Examples) -> list[str]:
    """The name of each example's class, or its number where classes have no names; "" without labels."""
    return column_names(examples.columns[LABEL]) if LABEL in examples.columns else [""] * len(examples)
