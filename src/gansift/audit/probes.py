"""Fresh probes: which data set is an example of, told from numbers that something made of it?"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# Of the small network: its hidden layer, and how often it sees everything.
_HIDDEN, _EPOCHS = (64,), 60


def probe(
    fitted: Sequence[Mapping[str, np.ndarray]],
    tested: Sequence[Mapping[str, np.ndarray]],
    *,
    network: bool,
    seed: int = 0,
) -> np.ndarray:
    """How often a fresh classifier tells the data set of each tested example.

    Args:
        fitted: of every training seed, by data set, the numbers (m, d) of the examples that the probe is fitted to.
        tested: the same of the examples that test it, (n, d).
        network: a small network, or else logistic regression.
        seed: of the network.

    Returns:
        Of all tested examples, data set after data set, the share of the training seeds with which it is right.
    """
    right = []
    for one, other in zip(fitted, tested, strict=True):
        classifier = _classifier(network, seed, *_stacked(one))
        x, truth = _stacked(other)
        right.append(classifier.predict(x) == truth)
    return np.mean(right, axis=0)


def _stacked(by_set: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of all data sets, (n, d), and the number of the data set of each example, (n,)."""
    parts = list(by_set.values())
    return np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(one) for one in parts])


def _classifier(network: bool, seed: int, x: np.ndarray, truth: np.ndarray) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    plain = LogisticRegression(max_iter=1000)
    made = MLPClassifier(_HIDDEN, max_iter=_EPOCHS, random_state=seed) if network else plain
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # that it may not be at its end is meant
        return make_pipeline(StandardScaler(), made).fit(x, truth)
