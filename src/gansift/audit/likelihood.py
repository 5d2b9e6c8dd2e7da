"""How likely examples are under samples: more likely training examples than held-out ones are a sign of copying.

In the manner of the feature likelihood divergence (Jiralerspong et al., "Feature likelihood divergence: evaluating the
generalization of generative models using samples", NeurIPS 2023): every sample is the centre of a normal density with a
width of its own, so that a copy becomes a sharp peak on its original. There widths are fitted to training examples,
and so they favour them by themselves. Here they are fitted to training and held-out examples alike.
"""

from __future__ import annotations

import numpy as np
from scipy import special, stats

from gansift.report.answer import Number

_ROUNDS = 20
_LEAST = 1e-4  # of the mean squared distance to the nearest sample: the least variance, in that unit
_MOST = 2000  # training examples, and held-out ones, that are looked at
_LEVEL = 0.95


def likelihood_gap(samples: np.ndarray, train: np.ndarray, held: np.ndarray, rng: np.random.Generator) -> Number:
    """By how much the mean log-likelihood of training examples exceeds that of held-out ones, in nats per number.

    If the generator knows nothing of the training examples beside their distribution, both kinds are drawn alike from
    the examples, whatever the samples are, so that Welch's interval for the difference of two means holds, also for
    samples that are smooth, collapsed or poor.

    Args:
        samples: shape (m, d).
        train: shape (N, d).
        held: shape (n, d).
        rng: decides which are looked at where there are many.
    """
    ours, theirs = (part[rng.permutation(len(part))[:_MOST]] for part in (train, held))
    values = log_likelihoods(samples, np.concatenate([ours, theirs])) / samples.shape[1]
    one, other = values[: len(ours)], values[len(ours) :]
    ends = stats.ttest_ind(one, other, equal_var=False).confidence_interval(_LEVEL)
    meaning = (
        "log-likelihood of training examples minus that of held-out ones, in nats per number, under normal densities "
        "around the samples; above 0, the samples know training examples better"
    )
    return Number(float(one.mean() - other.mean()), (float(ends.low), float(ends.high)), meaning, 0.0)


def log_likelihoods(samples: np.ndarray, examples: np.ndarray) -> np.ndarray:
    """Log of the mean over the samples of N(x; sample, width^2), with widths that are fitted to these examples.

    They are fitted by expectation maximisation.

    Args:
        samples: shape (m, d).
        examples: shape (n, d).

    Returns:
        Shape (n,), in nats.
    """
    squares = _squared_distances(examples.astype(np.float64), samples.astype(np.float64))
    dim = samples.shape[1]
    start = squares.min(axis=1).mean() / dim
    least = max(_LEAST * start, np.finfo(float).tiny)
    variances = np.full(len(samples), max(start, least))
    for _ in range(_ROUNDS):
        terms = _log_terms(squares, variances, dim)
        share = np.exp(terms - special.logsumexp(terms, axis=1, keepdims=True))
        mass = share.sum(axis=0)
        fitted = (share * squares).sum(axis=0) / (dim * np.maximum(mass, np.finfo(float).tiny))
        # A sample that is nearest to nothing stays as wide as it was.
        variances = np.where(mass > 1e-6, np.maximum(fitted, least), variances)
    return special.logsumexp(_log_terms(squares, variances, dim), axis=1) - np.log(len(samples))


def _log_terms(squares: np.ndarray, variances: np.ndarray, dim: int) -> np.ndarray:
    return -0.5 * (squares / variances + dim * np.log(2 * np.pi * variances))


def _squared_distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    centre = other.mean(axis=0)  # products of numbers far from zero would lose the differences
    one, other = one - centre, other - centre
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    return np.maximum(squares, 0.0)
