"""How close samples come to training data, measured by how close held-out data come to it.

The comparison is that of Meehan, Chaudhuri and Dasgupta, "A non-parametric test to detect data-copying in generative
models" (AISTATS 2020): a generator that does not copy comes no closer to its training examples than other examples of
the same kind do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans

from gansift.audit.intervals import bootstrap_interval, clustered_share
from gansift.report.answer import Number
from gansift.report.neighbours import nearest

_FEWEST = 5  # samples and held-out examples in a cell that counts
_PER_CELL = 50  # held-out examples to a cell, on average
_MOST_CELLS = 10
_DRAWS = 10  # of held-out examples, where there are more of them than training examples


@dataclass(frozen=True)
class Nearer:
    """Samples against training examples and as many held-out examples, or all of these if there are fewer.

    Attributes:
        of_training: whether the nearest of all is a training example, shape (m,).
        nearest: which one is the nearest of all, as a number, shape (m,).
        held: number of held-out examples in the comparison.
    """

    of_training: np.ndarray
    nearest: np.ndarray
    held: int


@dataclass(frozen=True)
class Closeness:
    """Distances in one space; m samples, n held-out examples.

    Attributes:
        nearest: row of the training example that is nearest to each sample, shape (m,).
        samples: distance of each sample to it, shape (m,).
        nearest_held: row of the held-out example that is nearest to each sample, shape (m,).
        samples_held: distance of each sample to it, shape (m,).
        held: distance of each held-out example to its nearest training example, shape (n,).
        sample_cells: cell of each sample, shape (m,).
        held_cells: cell of each held-out example, shape (n,).
        training: number of training examples.
        nearer: the comparison of training with held-out examples, for several draws of the latter.
    """

    nearest: np.ndarray
    samples: np.ndarray
    nearest_held: np.ndarray
    samples_held: np.ndarray
    held: np.ndarray
    sample_cells: np.ndarray
    held_cells: np.ndarray
    training: int
    nearer: tuple[Nearer, ...] = ()

    @classmethod
    def of(cls, seed: int, samples: np.ndarray, train: np.ndarray, held: np.ndarray) -> Closeness:
        """Measure distances between rows of numbers, shapes (m, d), (N, d) and (n, d); ``seed`` decides the cells."""
        to_train, to_held, held_to_train = nearest(samples, train), nearest(samples, held), nearest(held, train)
        cells = max(1, min(_MOST_CELLS, len(held) // _PER_CELL, len(train)))
        centres = KMeans(cells, n_init=1, random_state=seed).fit(train).cluster_centers_
        return cls(
            nearest=to_train,
            samples=_distances(samples, train[to_train]),
            nearest_held=to_held,
            samples_held=_distances(samples, held[to_held]),
            held=_distances(held, train[held_to_train]),
            sample_cells=nearest(samples, centres),
            held_cells=nearest(held, centres),
            training=len(train),
            nearer=_nearer(seed, samples, train, held, to_train, to_held),
        )

    def nearer_share(self) -> Number:
        """Of all samples, the share whose nearest example is a training example; a mean over the draws.

        Without copying every example is as likely to be the nearest one, whichever kind it is of. Few distinct samples
        cast few votes: those with the same nearest example count as one observation.
        """
        found = [clustered_share(draw.of_training, draw.nearest) for draw in self.nearer]
        share, low, high = np.mean([(share, *ends) for share, ends in found], axis=0).tolist()
        held = self.nearer[0].held
        many = f"mean over {len(found)} draws of held-out examples" if len(found) > 1 else "all held-out examples"
        meaning = (
            f"share of samples that are nearer to a training example than to any of {held:,} held-out examples ({many})"
        )
        return Number(share, (low, high), meaning, self.training / (self.training + held))

    def regions(self) -> list[tuple[int, int, float | None]]:
        """By region, from many held-out examples to few: numbers of samples and of held-out examples, and `rank_z`.

        The score is None where there are too few of either.
        """
        rows = []
        for cell in np.unique(self.held_cells):
            ours, theirs = self.samples[self.sample_cells == cell], self.held[self.held_cells == cell]
            enough = min(len(ours), len(theirs)) >= _FEWEST
            rows.append((len(ours), len(theirs), rank_z(ours, theirs) if enough else None))
        return sorted(rows, key=lambda row: -row[1])

    def c_t(self, rng: np.random.Generator) -> Number:
        """Meehan's C_T with its interval; see `mean_z`."""
        value = self.mean_z(np.ones(len(self.samples)), np.ones(len(self.held)))
        ends = bootstrap_interval(self.mean_z, self.nearest, len(self.held), rng)
        meaning = (
            "z-score of how samples rank among held-out examples by their distance to training data, averaged over "
            "regions; below 0, samples are closer"
        )
        return Number(value, ends, meaning, 0.0)

    def mean_z(self, sample_counts: np.ndarray, held_counts: np.ndarray) -> float:
        """C_T: `rank_z` within each cell, averaged over the cells by their held-out examples.

        Args:
            sample_counts: how often each sample counts, shape (m,).
            held_counts: how often each held-out example counts, shape (n,).

        Returns:
            The mean; NaN if no cell has enough of both.
        """
        total, weight = 0.0, 0.0
        for cell in np.unique(self.held_cells):
            ours, theirs = self.sample_cells == cell, self.held_cells == cell
            here = float(held_counts[theirs].sum())
            if sample_counts[ours].sum() >= _FEWEST and here >= _FEWEST:
                total += here * rank_z(self.samples[ours], self.held[theirs], sample_counts[ours], held_counts[theirs])
                weight += here
        return total / weight if weight else float("nan")

    def close_share(self, quantile: float, rng: np.random.Generator) -> Number:
        """Share of the samples that are closer to training data than the closest ``quantile`` of held-out examples."""

        def statistic(sample_counts: np.ndarray, held_counts: np.ndarray) -> float:
            return self.close(quantile, sample_counts, held_counts)

        value = statistic(np.ones(len(self.samples)), np.ones(len(self.held), dtype=int))
        ends = bootstrap_interval(statistic, self.nearest, len(self.held), rng)
        meaning = (
            f"share of samples closer to a training example than the closest {100 * quantile:g} % of held-out examples"
        )
        return Number(value, ends, meaning, quantile)

    def close(self, quantile: float, sample_counts: np.ndarray, held_counts: np.ndarray) -> float:
        """The share of `close_share`, with counts as in `mean_z`."""
        close = self.samples < np.quantile(np.repeat(self.held, held_counts), quantile)
        return float(sample_counts[close].sum() / sample_counts.sum())

    def training_share(self, quantile: float) -> Number | None:
        """Of samples that close to any example, the share whose nearest example is a training example.

        A sample that is merely smooth, or in a dense region, is as close to held-out examples as to training examples,
        so that training examples are nearest as often as there are training examples among all. Samples with the same
        nearest example count as one observation.

        Returns:
            None if no sample comes that close to any example.
        """
        close = np.minimum(self.samples, self.samples_held) <= np.quantile(self.held, quantile)
        if not close.any():
            return None
        of_training = self.samples < self.samples_held
        cluster = np.where(of_training, self.nearest, self.training + self.nearest_held)
        share, ends = clustered_share(of_training[close], cluster[close])
        meaning = "of the samples that come so close to any example, the share whose nearest is a training example"
        return Number(share, ends, meaning, self.training / (self.training + len(self.held)))


def rank_z(
    samples: np.ndarray,
    held: np.ndarray,
    sample_counts: np.ndarray | None = None,
    held_counts: np.ndarray | None = None,
) -> float:
    """The z-score of Mann and Whitney's U: of the number of pairs in which the sample's number is the larger one.

    U has mean m n / 2 and variance m n (m + n + 1) / 12 if both are drawn from one distribution; equal numbers count
    half. A negative score says that the samples' numbers are smaller.

    Args:
        samples: shape (m,).
        held: shape (n,).
        sample_counts: how often each of the samples counts, shape (m,); once by default.
        held_counts: how often each of ``held`` counts, shape (n,); once by default.

    >>> rank_z(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == -rank_z(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    True
    """
    ours = np.ones(len(samples)) if sample_counts is None else sample_counts
    theirs = np.ones(len(held)) if held_counts is None else held_counts
    order = np.argsort(samples, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(ours[order])])
    left, right = (np.searchsorted(samples[order], held, side=side) for side in ("left", "right"))
    m, n = float(ours.sum()), float(theirs.sum())
    larger = float(((m - 0.5 * (below[left] + below[right])) * theirs).sum())
    return (larger - m * n / 2) / (m * n * (m + n + 1) / 12) ** 0.5


def _nearer(
    seed: int, samples: np.ndarray, train: np.ndarray, held: np.ndarray, to_train: np.ndarray, to_held: np.ndarray
) -> tuple[Nearer, ...]:
    apart, rng = _distances(samples, train[to_train]), np.random.default_rng(seed)
    if len(held) <= len(train):
        draws = [(np.arange(len(held)), to_held)]
    else:
        drawn = [np.sort(rng.permutation(len(held))[: len(train)]) for _ in range(_DRAWS)]
        draws = [(rows, rows[nearest(samples, held[rows])]) for rows in drawn]
    found = []
    for rows, nearest_held in draws:
        of_training = apart < _distances(samples, held[nearest_held])
        found.append(Nearer(of_training, np.where(of_training, to_train, len(train) + nearest_held), len(rows)))
    return tuple(found)


def _distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.linalg.norm(one.astype(np.float64) - other, axis=1)
