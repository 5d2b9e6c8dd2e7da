"""What every source of data becomes: examples that keep their identity, and their three splits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Examples:
    """N examples in a fixed order.

    Attributes:
        ids: a stable name of each; never just a position.
        x: float32; images (N, C, H, W) in [-1, 1], or points (N, d).
        labels: int64 (N,), or None.
        class_names: the name of label k at position k, or None.
        paths: the file that is the example, or "" where it is no file of its own.
        hashes: SHA-256 of the content of each, in hexadecimal.
        resize: the convention by which files became images of this shape, if it is not the usual one; else "".

    Raises:
        ValueError: if the parts are not of one length.
    """

    ids: tuple[str, ...]
    x: Tensor
    labels: Tensor | None
    class_names: tuple[str, ...] | None
    paths: tuple[str, ...]
    hashes: tuple[str, ...]
    resize: str = ""

    def __post_init__(self) -> None:
        lengths = [len(self.ids), len(self.x), len(self.paths), len(self.hashes)]
        if self.labels is not None:
            lengths.append(len(self.labels))
        if len(set(lengths)) != 1:
            raise ValueError(f"ids, x, paths, hashes (and labels) must be of one length, not {lengths}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example, such as (1, 8, 8)."""
        return tuple(self.x.shape[1:])

    def subset(self, indices: Sequence[int] | Tensor) -> Examples:
        """The examples at these positions (not a mask), in the order given."""
        rows = torch.as_tensor(indices).tolist()
        index = torch.tensor(rows, dtype=torch.int64)
        return Examples(
            ids=tuple(self.ids[row] for row in rows),
            x=self.x[index],
            labels=None if self.labels is None else self.labels[index],
            class_names=self.class_names,
            paths=tuple(self.paths[row] for row in rows),
            hashes=tuple(self.hashes[row] for row in rows),
            resize=self.resize,
        )

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of all that decides what is trained on: another digest, another run.

        Beside ids and hashes it covers the shape, the labels and the way of resizing, which ``--size``, a label file
        and ``--resize`` change while the files themselves stay the same. Where the files lie does not matter.
        """
        labels = None if self.labels is None else self.labels.tolist()
        parts: list[object] = [self.ids, self.hashes, self.shape, labels, self.class_names]
        if self.resize:  # only then, so that the usual way has the digest that it always had
            parts.append(self.resize)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Splits:
    """The examples to train on, to choose with (valid) and to report on (test), and what was left out.

    Attributes:
        name: of the source.
        skipped: (path, reason) of every file that was left out on request.
    """

    name: str
    train: Examples
    valid: Examples
    test: Examples
    skipped: tuple[tuple[str, str], ...] = ()
