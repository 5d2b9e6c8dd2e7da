"""What every source of data becomes: examples that keep their identity, and their three splits."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gansift.data.arrays import as_examples
from gansift.data.columns import LABEL, Column
from gansift.data.encoding import Encoding
from gansift.data.hashing import hash_rows, row_ids
from gansift.errors import DataError

# Ids, or the like, that are written as one piece of JSON.
_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Examples:
    """N examples in a fixed order.

    Attributes:
        ids: a stable name of each; never just a position.
        x: float32; images (N, C, H, W) in [-1, 1], or points or records (N, d).
        columns: what else is known of each, by name: ``label``, and any other attribute, such as ``sex``.
        paths: the file that is the example, or "" where it is no file of its own.
        hashes: SHA-256 of the content of each, in hexadecimal.
        resize: the convention by which files became images of this shape and these greys, if it is not the usual one;
            of records, the digest of their encoding; else "".
        parts: the split of each as the source has it, "train", "valid" or "test"; () where it leaves that to chance.
        notes: sentences on how the whole source was read, where that is not plain; parts of it have none.

    Raises:
        ValueError: if the parts are not of one length.
    """

    ids: tuple[str, ...]
    x: Tensor
    columns: Mapping[str, Column]
    paths: tuple[str, ...]
    hashes: tuple[str, ...]
    resize: str = ""
    parts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        parts: dict[str, Sized] = {
            "ids": self.ids,
            "x": self.x,
            "paths": self.paths,
            "hashes": self.hashes,
            **({"parts": self.parts} if self.parts else {}),
            **self.columns,
        }
        lengths = {name: len(part) for name, part in parts.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"ids, x, paths, hashes and all columns must be of one length, not {lengths}")

    @classmethod
    def of(cls, x: Any, *, name: str = "data", label: Any = None, paths: Any = None, **columns: Any) -> Examples:
        """Examples from arrays, tensors or lists; ids are ``name/row#hash12``, so the order of rows has to stay.

        Args:
            x: images of one or three channels, (N, H, W), (N, C, H, W) or (N, H, W, C), uint8, or floats in [0, 1]
                or, if any is negative, in [-1, 1]; or points or records, numbers (N, d), which stay as they are.
            name: what ids begin with.
            label: (N,), strings or integers for classes, floats for numbers; None for none.
            paths: the file that is the example, for each; None where they are no files.
            **columns: other attributes, such as ``sex=["f", "m", ...]``, of the same kinds as ``label``.

        Raises:
            DataError: if an argument is of another kind or shape, or not of the length of ``x``; it is named.

        Examples:
            >>> people = Examples.of([[37.0, 2.5], [51.0, 1.0]], name="people", label=["yes", "no"], sex=["f", "m"])
            >>> people.ids
            ('people/0#7aa8b843f62c', 'people/1#d7b4deb1ce94')
            >>> people.labels.tolist(), people.class_names, people.columns["sex"].names
            ([1, 0], ('no', 'yes'), ('f', 'm'))
        """
        content, values = as_examples(x)
        files = ("",) * len(values) if paths is None else tuple(map(os.fspath, paths))
        given = columns if label is None else {LABEL: label, **columns}
        made = {column: Column.of(value, column) for column, value in given.items()}
        parts: dict[str, Sized] = {"paths": files, **made}
        for argument, part in parts.items():
            if len(part) != len(values):
                raise DataError(f"`{argument}` is of length {len(part)}, but `x` has {len(values)} examples")
        hashes = hash_rows(content)
        return cls(row_ids(name, hashes), values, made, files, hashes)

    def __repr__(self) -> str:
        columns = f", columns {', '.join(self.columns)}" if self.columns else ""
        return f"Examples({len(self)} of shape {self.shape}{columns})"

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example, such as (1, 8, 8)."""
        return tuple(self.x.shape[1:])

    @property
    def labels(self) -> Tensor | None:
        """The values of the column ``label``, (N,), int64 where it is categories; None without one."""
        return self.columns[LABEL].values if LABEL in self.columns else None

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The name of label k at position k, or None."""
        return self.columns[LABEL].names if LABEL in self.columns else None

    @property
    def groupings(self) -> dict[str, int]:
        """The columns beside the label by which there are two groups or more, and how many there are."""
        counts = {name: len(column.names or ()) for name, column in self.columns.items() if name != LABEL}
        return {name: count for name, count in counts.items() if count > 1}

    def subset(self, indices: Sequence[int] | Tensor) -> Examples:
        """The examples at these positions (not a mask), in the order given."""
        rows = torch.as_tensor(indices).tolist()
        index = torch.tensor(rows, dtype=torch.int64)
        return Examples(
            ids=tuple(self.ids[row] for row in rows),
            x=self.x[index],
            columns={name: column.subset(index) for name, column in self.columns.items()},
            paths=tuple(self.paths[row] for row in rows),
            hashes=tuple(self.hashes[row] for row in rows),
            resize=self.resize,
            parts=tuple(self.parts[row] for row in rows) if self.parts else (),
        )

    @classmethod
    def joined(cls, parts: Sequence[Examples]) -> Examples:
        """Examples of one source, part after part; what their categories are called is what it is in the first."""
        first = parts[0]
        return cls(
            ids=tuple(identity for part in parts for identity in part.ids),
            x=torch.cat([part.x for part in parts]),
            columns={
                name: Column(torch.cat([part.columns[name].values for part in parts]), column.names)
                for name, column in first.columns.items()
            },
            paths=tuple(path for part in parts for path in part.paths),
            hashes=tuple(content_hash for part in parts for content_hash in part.hashes),
            resize=first.resize,
            parts=tuple(own for part in parts for own in part.parts),
        )

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of all that decides what is trained on: another digest, another run.

        Beside ids and hashes it covers the shape, the columns and the way of resizing, which ``--size``, a label file
        and ``--resize`` change while the files themselves stay the same. Where the files lie does not matter.
        """
        labels = None if self.labels is None else self.labels.tolist()
        parts: list[object] = [self.ids, self.hashes, self.shape, labels, self.class_names]
        # Each of these only where there is something, so that plain labelled examples have one digest for ever.
        others = sorted((name, column) for name, column in self.columns.items() if name != LABEL)
        if others:
            parts.append([[name, column.values.tolist(), column.names] for name, column in others])
        if self.resize:
            parts.append(self.resize)
        digest = hashlib.sha256()
        for piece in _json_pieces(parts):
            digest.update(piece.encode())
        return digest.hexdigest()


def _json_pieces(parts: Sequence[object]) -> Iterator[str]:
    """What ``json.dumps`` makes of a list, in pieces: as one text, the ids of millions would be held a second time."""
    for number, part in enumerate(parts):
        yield ", " if number else "["
        if isinstance(part, (list, tuple)):
            yield "["
            for start in range(0, len(part), _CHUNK):
                yield (", " if start else "") + json.dumps(part[start : start + _CHUNK])[1:-1]
            yield "]"
        else:
            yield json.dumps(part)
    yield "]"


@dataclass(frozen=True, eq=False)
class Splits:
    """The examples to train on, to choose with (valid) and to report on (test), and what was left out.

    Attributes:
        name: of the source.
        skipped: (path, reason) of everything that was left out: on request, because it has no place among the folders,
            or because it is a copy of what is held out.
        encoding: how the records of a table became x; None where x is none of the kind.
        notes: sentences on how the source was read, and on how the splits came about where it has a say in that.
    """

    name: str
    train: Examples
    valid: Examples
    test: Examples
    skipped: tuple[tuple[str, str], ...] = ()
    encoding: Encoding | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (
            f"Splits({self.name!r}, {len(self.train)} training, {len(self.valid)} validation and {len(self.test)} test "
            f"examples of shape {self.train.shape})"
        )
