"""Looks: what several windows, of one training or of several, say of the same examples."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gansift.errors import GansiftError
from gansift.files import write_bytes


class Window(NamedTuple):
    """Where a look was taken.

    Attributes:
        seed: training seed.
        end: number of steps after which the metric was measured.
        horizon: steps before it that were differentiated through, K.
        growth: accumulated growth of the adjoint within the window, see `influence.horizon`.
    """

    seed: int
    end: int
    horizon: int
    growth: float = 1.0


@dataclass(frozen=True)
class Looks:
    """Scores of the same examples in L windows; they are averaged by `influence.combine`.

    Attributes:
        ids: the examples, in the order of the training data.
        values: float64, shape (L, N): the change of the metric at the window's end that is predicted for removing the
            example from the window's steps.
        windows: where each look was taken.
        metric: name of the metric.
        direction: ``lower`` or ``higher`` is better.
        steps: steps of a whole run, T.
        removal: ``fixed-denominator`` or ``renormalised``, as in the run.
        run: what was scored, see `influence.Scores`.
        left_out: windows that could not be scored, with the reason, each a phrase.
        redraws: with how many other batches and random numbers each update was looked at, see `influence.redrawn`.
    """

    ids: tuple[str, ...]
    values: np.ndarray
    windows: tuple[Window, ...]
    metric: str
    direction: str
    steps: int
    removal: str
    run: str = "memory"
    left_out: tuple[str, ...] = ()
    redraws: int = 0

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.windows), len(self.ids)):
            raise ValueError(f"{len(self.windows)} windows and {len(self.ids)} ids, but values {self.values.shape}")

    def __repr__(self) -> str:
        seeds = ", ".join(map(str, dict.fromkeys(window.seed for window in self.windows)))
        return (
            f"Looks({len(self)} windows of seed {seeds}, {len(self.ids)} examples, {self.metric} "
            f"({self.direction} is better))"
        )

    def __len__(self) -> int:
        """Number of looks."""
        return len(self.windows)

    def save(self, path: Path) -> None:
        """Write all looks as an ``.npz`` file, atomically."""
        write_bytes(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """The content of that file; the same looks have the same bytes."""
        words = {
            "metric": self.metric,
            "direction": self.direction,
            "steps": self.steps,
            "removal": self.removal,
            "run": self.run,
            "left_out": self.left_out,
            "redraws": self.redraws,
        }
        content = BytesIO()
        np.savez(
            content,
            ids=np.array(self.ids),
            values=self.values,
            windows=np.array(self.windows, dtype=np.float64).reshape(len(self), len(Window._fields)),
            words=np.array(json.dumps(words)),
        )
        return content.getvalue()

    @classmethod
    def read(cls, path: Path) -> Looks:
        """Read a file written by `save`; nothing is ever unpickled.

        Raises:
            GansiftError: naming the file, if it cannot be read.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                words = json.loads(str(file["words"]))
                return cls(
                    ids=tuple(map(str, file["ids"])),
                    values=file["values"],
                    windows=tuple(Window(int(a), int(b), int(c), float(d)) for a, b, c, d in file["windows"]),
                    left_out=tuple(words.pop("left_out")),
                    **words,
                )
        except FileNotFoundError as error:
            raise GansiftError(f"the file of looks {path} does not exist") from error
        except Exception as error:  # whatever a damaged archive raises
            raise GansiftError(f"the file of looks {path} is damaged: {error}") from error
