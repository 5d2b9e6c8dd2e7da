"""Labelled points of known distributions, and generators of requested classes whose worth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from gansift.audit import Subject
from gansift.data.examples import Examples, Splits

_CENTRES = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
NAMES = ("a", "b", "c")


def drawn(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Points of the true distribution of each class, shape (n, 2): normal, so overlapping."""
    return _CENTRES[labels] + rng.normal(size=(len(labels), 2))


def examples(count: int, rng: np.random.Generator, name: str) -> Examples:
    """Labelled points, the classes by turns."""
    labels = np.arange(count) % 3
    return Examples.of(drawn(labels, rng), name=name, label=[NAMES[label] for label in labels])


class Player:
    """Stands in for `games.Trained`: samples of requested classes."""

    dtype, device = torch.float32, torch.device("cpu")

    def __init__(self, make: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> None:
        self._make, self._rng = make, np.random.default_rng(7)

    def sample(self, count: int, draw: object, label: Tensor | None = None) -> Tensor:
        """Samples of these classes."""
        labels = np.zeros(count, int) if label is None else label.numpy()
        return torch.from_numpy(self._make(labels, self._rng)).float()


def mistaken(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Points of another class than they are asked to be of."""
    return drawn((labels + 1) % 3, rng)


def subject(seed: int = 0, make=drawn, train: int = 15, held: int = 300, name: str = "toy") -> Subject:
    """A run on few points whose generator is known."""
    rng = np.random.default_rng(seed)
    parts = [
        examples(count, rng, part) for part, count in (("train", train), ("valid", held // 2), ("test", held // 2))
    ]
    return Subject(name, {"data": Splits("toy", *parts)}, [Player(make)])
