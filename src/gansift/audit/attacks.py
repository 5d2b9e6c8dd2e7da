"""Membership attacks: from what was trained, or from its samples alone, how likely an example was trained on.

Each attack scores examples, the larger the more like a member. Who attacks has the examples in question, sometimes
their labels, and reference data that were certainly never trained on.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from gansift.data.examples import Examples
from gansift.games.trained import Trained
from gansift.metrics.net_metric import held_out_batch
from gansift.metrics.own_score import own_scores
from gansift.report.neighbours import nearest

_CHUNK = 500
# Of the detector: principal components, hidden units, and how often it sees everything.
_COMPONENTS, _HIDDEN, _ROUNDS = 30, (128,), 60
# Principal components in which densities can still be told from a few hundred examples.
_OF_DENSITY = 8


@dataclass(frozen=True, eq=False)
class Attacked:
    """What an attack has at hand.

    Attributes:
        trained: the players.
        examples: those in question, n of them.
        reference: examples of the same kind that were never trained on, r of them.
        samples: of the players, shape (m, *shape); None where they have none.
        seed: decides what an attack draws.
    """

    trained: Trained
    examples: Examples
    reference: Examples
    samples: Tensor | None
    seed: int

    @cached_property
    def to_samples(self) -> np.ndarray:
        """The distance of each example to its nearest sample, shape (n,)."""
        assert self.samples is not None
        return _distances(self.examples.x, self.samples)


#: The attacks that have the model itself.
WITH_MODEL = ("discriminator", "own score", "confidence", "true label", "gap")

#: Scores of examples, shape (n,), the larger the more like a member.
Attack = Callable[[Attacked], np.ndarray]


def attacks_of(trained: Trained, examples: Examples) -> Mapping[str, Attack]:
    """The attacks that there are on what was trained, by name; those with the model itself come first."""
    found: dict[str, Attack] = {}
    if "discriminator" in trained.game.players:
        found["discriminator"] = discriminator
    elif trained.game.offers("confidence"):
        found["own score"] = own_score
    if trained.game.offers("predict"):
        found["confidence"] = confidence
        if examples.labels is not None and not examples.labels.is_floating_point():
            found |= {"true label": true_label, "gap": gap}
    if trained.game.offers("sample"):
        found |= {
            "nearest sample": nearest_sample,
            "nearest sample, calibrated": calibrated,
            "share of near samples": near_samples,
            "detector of samples": detector,
            "density ratio": density_ratio,
        }
    return found


# With the model -------------------------------------------------------------------------------------------------------


def discriminator(attacked: Attacked) -> np.ndarray:
    """How real the discriminator takes an example to be (Hayes and others, 2019: LOGAN with the model)."""
    return own_scores_of(attacked.trained, attacked.examples)


def own_score(attacked: Attacked) -> np.ndarray:
    """What the game says itself: diffusion undoes noise in members better (Carlini and others, 2023)."""
    return own_scores_of(attacked.trained, attacked.examples)


def own_scores_of(trained: Trained, examples: Examples) -> np.ndarray:
    """The own score of every example, float64, shape (n,), see `metrics.own_score`."""

    def scores(rows: Tensor) -> Tensor:
        return own_scores(trained.game, trained.net(), held_out_batch(examples, rows, trained.dtype, trained.device))

    return _of_rows(scores, len(examples))


def confidence(attacked: Attacked) -> np.ndarray:
    """The largest probability of a class: members are labelled with more confidence."""
    return _of_rows(lambda rows: _log_probabilities(attacked, rows).amax(1), len(attacked.examples))


def true_label(attacked: Attacked) -> np.ndarray:
    """The logarithm of the true label's probability (Yeom and others, 2018: the loss)."""
    return _of_rows(lambda rows: _of_label(attacked, rows), len(attacked.examples))


def gap(attacked: Attacked) -> np.ndarray:
    """Whether the label is right: as good as the gap between the errors of training and held-out examples."""

    def right(rows: Tensor) -> Tensor:
        return (_log_probabilities(attacked, rows).argmax(1) == _labels(attacked, rows)).double()

    return _of_rows(right, len(attacked.examples))


def _log_probabilities(attacked: Attacked, rows: Tensor) -> Tensor:
    trained = attacked.trained
    batch = held_out_batch(attacked.examples, rows, trained.dtype, trained.device)
    return trained.game.predict(trained.net(), batch.x).double().log_softmax(1)


def _labels(attacked: Attacked, rows: Tensor) -> Tensor:
    labels = attacked.examples.labels
    assert labels is not None
    return labels[rows].to(attacked.trained.device)


def _of_label(attacked: Attacked, rows: Tensor) -> Tensor:
    return _log_probabilities(attacked, rows).gather(1, _labels(attacked, rows)[:, None]).flatten()


def _of_rows(scores: Callable[[Tensor], Tensor], count: int) -> np.ndarray:
    with torch.no_grad():
        return torch.cat([scores(rows).detach().double().cpu() for rows in torch.arange(count).split(_CHUNK)]).numpy()


# With samples alone ---------------------------------------------------------------------------------------------------


def nearest_sample(attacked: Attacked) -> np.ndarray:
    """How near the nearest sample is (Chen and others, 2020: GAN-Leaks without the model)."""
    return -attacked.to_samples


def calibrated(attacked: Attacked) -> np.ndarray:
    """The same beside the nearest reference example: what is near to everything is no member for that (GAN-Leaks)."""
    return _distances(attacked.examples.x, attacked.reference.x) - attacked.to_samples


def near_samples(attacked: Attacked) -> np.ndarray:
    """The share of samples nearer than the median distance to the nearest one (Hilprecht and others, 2019)."""
    assert attacked.samples is not None
    within, samples = float(np.median(attacked.to_samples)), _rows(attacked.samples)
    return np.concatenate(
        [
            (np.linalg.norm(part[:, None] - samples[None], axis=2) <= within).mean(1)
            for part in np.array_split(_rows(attacked.examples.x), max(1, len(attacked.examples) // 50))
        ]
    )


def detector(attacked: Attacked) -> np.ndarray:
    """What a fresh classifier takes for a sample rather than for new data: generators imitate their members most.

    The classifier, a small network on principal components, is fitted to samples against reference data, of which there
    are as many in each step. Trees found nothing where samples were members with noise: they told the noise.
    """
    from sklearn.decomposition import PCA
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline

    assert attacked.samples is not None
    samples, reference = _rows(attacked.samples), _rows(attacked.reference.x)
    again = np.resize(np.arange(len(reference)), max(len(samples), len(reference)))
    both = np.concatenate([samples, reference[again]])
    network = MLPClassifier(_HIDDEN, max_iter=_ROUNDS, random_state=attacked.seed)
    components = PCA(min(_COMPONENTS, *both.shape), random_state=attacked.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # how long it is fitted is meant
        fitted = make_pipeline(components, network).fit(both, np.repeat([1, 0], [len(samples), len(again)]))
    return fitted.predict_proba(_rows(attacked.examples.x))[:, 1]


def density_ratio(attacked: Attacked) -> np.ndarray:
    """How much denser samples are around an example than reference data are, as a logarithm (DOMIAS).

    That is log p_samples - log p_reference (van Breugel and others, 2023), with kernel densities on principal
    components of unit variance, whose widths follow Scott's rule for the number of either.
    """
    from sklearn.decomposition import PCA
    from sklearn.neighbors import KernelDensity

    assert attacked.samples is not None
    samples, reference = _rows(attacked.samples), _rows(attacked.reference.x)
    both = np.concatenate([samples, reference])
    components = PCA(min(_OF_DENSITY, *both.shape), whiten=True, random_state=attacked.seed).fit(both)
    places = components.transform(_rows(attacked.examples.x))
    of_samples, of_reference = (
        KernelDensity(bandwidth="scott").fit(components.transform(part)).score_samples(places)
        for part in (samples, reference)
    )
    return of_samples - of_reference


def _rows(x: Tensor) -> np.ndarray:
    return x.flatten(1).double().numpy()


def _distances(x: Tensor, pool: Tensor) -> np.ndarray:
    rows, others = _rows(x), _rows(pool)
    return np.linalg.norm(rows - others[nearest(rows, others)], axis=1)
