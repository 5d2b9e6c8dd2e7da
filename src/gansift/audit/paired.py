"""Differences between classifiers that were tested on the same examples, with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats


def mean_over_classes(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean of each row's class means: with 1 for what is right and 0 for what is wrong, the mean sensitivity.

    >>> mean_over_classes(np.array([[1.0, 1.0, 0.0]]), np.array([0, 0, 1]))
    array([0.5])

    Args:
        values: a number for each tested example, shape (rounds, n).
        labels: the class of each, shape (n,).

    Returns:
        Shape (rounds,).
    """
    return np.mean([values[:, labels == label].mean(axis=1) for label in np.unique(labels)], axis=0)


def class_interval(
    values: Sequence[np.ndarray], labels: Sequence[np.ndarray], level: float = 0.95
) -> tuple[float, tuple[float, float]]:
    """The mean over splits, rounds and classes, and an interval that counts two kinds of chance.

    One is how trainings differ: between splits where there are several, else between rounds of one. The other is which
    examples were held out: their means over the rounds, drawn anew within each class. Splits of one data set share
    examples, so the second kind is counted as if all had been tested on the same ones; it grows no smaller with more
    splits. The variances add up, with degrees of freedom by Satterthwaite (1946).

    Args:
        values: for each split a number for each tested example, shape (rounds, n): of a classifier, whether it is
            right; of a comparison, the difference. With one split there are two rounds at least.
        labels: for each split the classes, shape (n,), each with two examples at least.
        level: of the interval.
    """
    rounds = [mean_over_classes(one, of_one) for one, of_one in zip(values, labels, strict=True)]
    units = rounds[0] if len(rounds) == 1 else np.array([one.mean() for one in rounds])
    between = float(units.var(ddof=1)) / len(units)
    within = float(np.mean([_variance(one.mean(axis=0), of_one) for one, of_one in zip(values, labels, strict=True)]))
    total, mean = between + within, float(units.mean())
    if total == 0:
        return mean, (mean, mean)
    fewest = min(len(of_one) - len(np.unique(of_one)) for of_one in labels)
    degrees = total**2 / (between**2 / (len(units) - 1) + within**2 / fewest)
    half = float(stats.t.ppf((1 + level) / 2, degrees)) * total**0.5
    return mean, (mean - half, mean + half)


def _variance(means: np.ndarray, labels: np.ndarray) -> float:
    """The variance of the mean over classes, if other examples of each class had been drawn."""
    classes = [means[labels == label] for label in np.unique(labels)]
    return sum(float(one.var(ddof=1)) / len(one) for one in classes) / len(classes) ** 2
