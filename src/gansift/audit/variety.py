"""How different samples of one class are from one another, measured by how different real examples of it are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import pdist, squareform


@dataclass(frozen=True)
class Variety:
    """Distances among as many samples of one class and of one training seed as there are real examples.

    Attributes:
        samples: distances between samples, shape (n, n).
        real: distances between held-out examples of the class, shape (n, n).
    """

    samples: np.ndarray
    real: np.ndarray

    @classmethod
    def of(cls, samples: np.ndarray, real: np.ndarray) -> Variety:
        """Measure distances among the first rows of both, as many as both have; shapes (m, d) and (k, d)."""
        count = min(len(samples), len(real))
        return cls(*(squareform(pdist(rows[:count].astype(np.float64))) for rows in (samples, real)))

    @property
    def count(self) -> int:
        """Number of samples, and of real examples."""
        return len(self.samples)

    @property
    def diversity(self) -> float:
        """Mean distance between two samples, as a share of that between two real examples."""
        return float(self.samples.sum() / self.real.sum())

    def duplicates(self, within: float) -> np.ndarray:
        """Whether each sample is nearly the same as another one, shape (n,).

        Args:
            within: the distance up to which two are called the same, as a share of the mean between two real examples.
        """
        return _close(self.samples, within * self._mean)

    def real_duplicates(self, within: float) -> np.ndarray:
        """The same of each real example."""
        return _close(self.real, within * self._mean)

    def resampled(self, rng: np.random.Generator, times: int) -> np.ndarray:
        """`diversity` of samples and examples drawn anew with replacement, shape (times,)."""
        return _resampled(self.samples, rng, times) / _resampled(self.real, rng, times)

    @property
    def _mean(self) -> float:
        return float(self.real.sum() / (self.count * (self.count - 1)))


def _close(distances: np.ndarray, within: float) -> np.ndarray:
    others = distances[~np.eye(len(distances), dtype=bool)].reshape(len(distances), -1)
    return np.less_equal(others, within).any(axis=1)


def _resampled(distances: np.ndarray, rng: np.random.Generator, times: int) -> np.ndarray:
    """Mean distances of pairs drawn anew, where a row beside itself does not count as a pair."""
    counts = rng.multinomial(len(distances), np.full(len(distances), 1 / len(distances)), size=times)
    pairs = counts.sum(1) ** 2 - (counts**2).sum(1)
    return ((counts @ distances) * counts).sum(1) / np.maximum(pairs, 1)
