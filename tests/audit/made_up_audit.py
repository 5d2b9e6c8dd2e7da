"""Data of a known distribution, and samplers whose copying is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from gansift.audit import Subject
from gansift.data.examples import Examples, Splits

DIM, MODES = 8, 6
_CENTRES = 2 * np.random.default_rng(99).normal(size=(MODES, DIM))
_SPREAD = np.linspace(1, 0.3, DIM)

Sampler = Callable[[int, np.random.Generator], np.ndarray]


def drawn(count: int, rng: np.random.Generator, spread: float = 1.0) -> np.ndarray:
    """Rows of the true distribution, (count, DIM); with less ``spread`` they are smoother than it."""
    return _CENTRES[rng.integers(MODES, size=count)] + spread * _SPREAD * rng.normal(size=(count, DIM))


def examples(x: np.ndarray, name: str, hashes: tuple[str, ...] | None = None) -> Examples:
    """Rows or images as examples without labels."""
    ids = tuple(f"{name}/{row}" for row in range(len(x)))
    return Examples(ids, torch.as_tensor(x, dtype=torch.float32), {}, ("",) * len(x), hashes or ids)


class Player:
    """Stands in for `games.Trained`."""

    dtype, device = torch.float32, torch.device("cpu")

    def __init__(self, sampler: Sampler, seed: int) -> None:
        self._sampler, self._rng = sampler, np.random.default_rng(seed)

    def sample(self, count: int, draw: object) -> Tensor:
        """``count`` more samples."""
        return torch.as_tensor(self._sampler(count, self._rng), dtype=torch.float32)


def subject(
    seed: int, copied: float = 0.0, spread: float = 1.0, players: int = 1, train: int = 200, held: int = 120, **changes
) -> Subject:
    """A run of which a share of the samples are training examples, almost."""
    rng = np.random.default_rng(seed)
    x, valid, test = drawn(train, rng), drawn(held // 2, rng), drawn(held // 2, rng)

    def sampler(count: int, rng: np.random.Generator) -> np.ndarray:
        copies = x[rng.integers(train, size=count)] + 0.02 * rng.normal(size=(count, DIM))
        return np.where(rng.random((count, 1)) < copied, copies, drawn(count, rng, spread))

    parts = (examples(part, name) for part, name in ((x, "train"), (valid, "valid"), (test, "test")))
    own = {
        "name": "toy",
        "data": {"data": Splits("toy", *parts)},
        "players": [Player(sampler, 1000 * seed + number) for number in range(players)],
    }
    return Subject(**(own | changes))
