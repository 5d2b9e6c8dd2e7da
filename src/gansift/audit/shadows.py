"""Shadow models: trainings on random halves of the examples, which show how a model treats whom it was trained on.

The attacks ask of each example whether the attacked model treats it as models do that were trained on it, or as models
do that were not. LiRA is that of Carlini and others (2022), RMIA that of Zarifzadeh, Liu and Shokri (2024).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import expit, log_expit, logsumexp
from scipy.stats import norm

from gansift.errors import GansiftError

# Every example is inside and outside of at least so many models, or its spread is unknown.
_FEWEST = 2
# A spread of 0 would make of any difference an infinite one.
_LEAST_SPREAD = 1e-12
_FEW = 4


@dataclass(frozen=True, eq=False)
class Scored:
    """Own scores (`metrics.own_score`) by one model.

    Attributes:
        examples: of the n examples in question, float64, shape (n,).
        reference: of r examples that no model was trained on, shape (r,).
    """

    examples: np.ndarray
    reference: np.ndarray


@dataclass(frozen=True, eq=False)
class Shadows:
    """Own scores by K shadow models, and whom each was trained on.

    Attributes:
        examples: of the n examples in question, float64, shape (K, n).
        inside: whether each model was trained on each example, shape (K, n).
        reference: of r examples that no model was trained on, shape (K, r).

    Raises:
        GansiftError: if an example is inside or outside of fewer than two models.
    """

    examples: np.ndarray
    inside: np.ndarray
    reference: np.ndarray

    def __post_init__(self) -> None:
        fewest = min(self.inside.sum(0).min(), (~self.inside).sum(0).min())
        if fewest < _FEWEST:
            raise GansiftError(
                f"the {len(self.inside)} shadow models that there are leave an example that only {fewest} of them were "
                f"trained on, or without; at least {_FEWEST} are needed. Train more of them (--shadows)."
            )

    def first(self, count: int) -> Shadows:
        """The first of the models alone."""
        return Shadows(self.examples[:count], self.inside[:count], self.reference[:count])

    @property
    def exposure(self) -> np.ndarray:
        """By how much training on an example raises its own score: mean inside less mean outside, shape (n,)."""
        return self.normal(True)[0] - self.normal(False)[0]

    def normal(self, inside: bool, fixed: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Mean and spread of each example's score by the models that were trained on it, or by the others, (n,) each.

        Args:
            inside: which of both.
            fixed: the spread is one for all examples, the root of their mean variance.
        """
        scores = np.where(self.inside == inside, self.examples, np.nan)
        variance = np.nanvar(scores, axis=0, ddof=1)
        variance = np.full_like(variance, variance.mean()) if fixed else variance
        return np.nanmean(scores, axis=0), np.maximum(np.sqrt(variance), _LEAST_SPREAD)


def lira(target: Scored, shadows: Shadows, fixed: bool = False) -> np.ndarray:
    """How much likelier a score is if the model was trained on the example: the logarithm of the ratio, shape (n,).

    Both kinds of models are taken to give an example scores of a normal distribution, of its own mean and variance
    (LiRA, online; algorithm 1 of Carlini and others, 2022).

    Args:
        target: scores by the attacked model.
        shadows: scores by the shadow models.
        fixed: the variance is one for all examples: better where there are few models.
    """
    inside, outside = (norm.logpdf(target.examples, *shadows.normal(side, fixed)) for side in (True, False))
    return inside - outside


def lira_offline(target: Scored, shadows: Shadows, fixed: bool = True) -> np.ndarray:
    """By how many standard deviations a score exceeds those of models that were not trained on the example, (n,).

    That is the order of LiRA's one-sided test, for an attacker who trains all shadow models before knowing whom to
    look for. Arguments as of `lira`.
    """
    mean, spread = shadows.normal(False, fixed)
    return (target.examples - mean) / spread


def rmia(target: Scored, shadows: Shadows) -> np.ndarray:
    """The share of reference examples that are beaten, shape (n,).

    An example x beats a reference example z if (p(x) / mean p(x)) / (p(z) / mean p(z)) is at least 1: p is the
    probability by the attacked model, expit of the score, and the mean is over the shadow models (RMIA, online, with
    gamma = 1). Examples that beat equally many come in the order of their own ratio, which only adds less than one
    beaten example.

    Args:
        target: scores by the attacked model.
        shadows: scores by the shadow models; a few are enough.
    """
    ratio = log_expit(target.examples) - _log_mean(shadows.examples)
    bounds = np.sort(log_expit(target.reference) - _log_mean(shadows.reference))
    beaten = np.searchsorted(bounds, ratio, side="right")
    return (beaten + expit(ratio)) / (len(bounds) + 1)


def _log_mean(scores: np.ndarray) -> np.ndarray:
    """The logarithm of the mean probability over models."""
    return logsumexp(log_expit(scores), axis=0) - np.log(len(scores))


def _of_few(target: Scored, shadows: Shadows) -> np.ndarray:
    return rmia(target, shadows.first(_FEW))


#: The attacks that have shadow models, by name: scores of examples, the larger the more like a member.
SHADOW_ATTACKS: Mapping[str, Callable[[Scored, Shadows], np.ndarray]] = {
    "LiRA": lira,
    "LiRA, fixed variance": partial(lira, fixed=True),
    "LiRA, offline": lira_offline,
    "RMIA": rmia,
    f"RMIA, {_FEW} models": _of_few,
}
