"""Training sets with and without synthetic data, and what classifiers trained on them predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gansift.audit.classical import augmented
from gansift.audit.classifiers import Classifier

REAL = "real"
CLASSICAL = "real + classical"
SYNTHETIC = "real + synthetic"
ALL = "all three"
ONLY = "synthetic only"

#: The kinds of examples in each training set: real ones, changed copies of them (classical), and samples (synthetic).
ARMS: dict[str, tuple[str, ...]] = {
    REAL: ("real",),
    CLASSICAL: ("real", "classical"),
    SYNTHETIC: ("real", "synthetic"),
    ALL: ("real", "classical", "synthetic"),
    ONLY: ("synthetic",),
}


@dataclass(frozen=True, eq=False)
class Case:
    """One split of the data, and a generator that saw its training examples.

    Attributes:
        x: the real training examples, shape (N, *shape).
        labels: their classes, int64, shape (N,).
        test_x: held-out examples, shape (n, *shape).
        test_labels: their classes, int64, shape (n,).
        sample: samples of requested classes (M,), shape (M, *shape), for a round.
    """

    x: Tensor
    labels: Tensor
    test_x: Tensor
    test_labels: Tensor
    sample: Callable[[Tensor, int], Tensor]


def predictions(
    case: Case, classifier: Classifier, number: int, samples: int, real: int | None = None, arms: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """What the classifiers of one round predict of the held-out examples, shape (n,), by arm.

    In a round everything is drawn anew: real examples if there are to be fewer, which of them are copied, the samples,
    and the classifier's own random numbers. All arms of a round share what they have in common. There are as many
    changed copies as samples, of the same classes.

    Args:
        case: data and generator.
        classifier: to train.
        number: of the round; it decides what is drawn.
        samples: number of samples.
        real: number of real examples, or None for all.
        arms: which ones; all by default.
    """
    random = np.random.default_rng(number)
    rows = torch.from_numpy(_fewer(case.labels.numpy(), len(case.x) if real is None else real, random))
    x, labels = case.x[rows], case.labels[rows]
    copied = torch.from_numpy(random.integers(len(x), size=samples))
    parts: Mapping[str, Callable[[], tuple[Tensor, Tensor]]] = {
        "real": lambda: (x, labels),
        "classical": lambda: (augmented(x, labels, copied, number), labels[copied]),
        "synthetic": lambda: (case.sample(labels[copied], number), labels[copied]),
    }
    wanted = {name: ARMS[name] for name in arms or ARMS}
    made = {kind: parts[kind]() for kind in parts if any(kind in kinds for kinds in wanted.values())}
    found = {}
    for name, kinds in wanted.items():
        of_arm = [made[kind] for kind in kinds]
        train_x, train_labels = (torch.cat([part[place] for part in of_arm]) for place in (0, 1))
        found[name] = classifier(train_x, train_labels, number)(case.test_x)
    return found


def _fewer(labels: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Rows of about ``count`` examples, with the shares of the classes kept, and one of each at least."""
    if count >= len(labels):
        return np.arange(len(labels))
    kept = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        kept.append(random.permutation(rows)[: max(1, round(count * len(rows) / len(labels)))])
    return np.concatenate(kept)
