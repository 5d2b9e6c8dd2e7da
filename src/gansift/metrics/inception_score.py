"""IS: the inception score of a classifier's opinion of the samples (Salimans et al., 2016)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from gansift.errors import UsageError
from gansift.metrics.features import extract, features_name, usual_chunk
from gansift.metrics.metric import Direction, SampleMetric


class IS(SampleMetric):
    """Inception score, exp E_m KL(p_m || mean p), between 1 and the number of classes; higher is better.

    Args:
        features: features with ``logits``, such as `ClassifierFeatures`; trained on held-out data.
        latents: number of samples M.
        seed: decides the latents.
        chunk: samples generated together; by default as many as the features like.
        log: take the logarithm of the score, in nats.

    Raises:
        UsageError: if the features have no ``logits``.

    Examples:
        >>> class Sure:  # of a class for every row of the identity
        ...     def logits(self, samples):
        ...         return 100 * samples
        >>> round(IS(Sure()).value(torch.eye(4)), 6), round(IS(Sure()).value(torch.eye(4)[[0, 0, 0, 0]]), 6)
        (4.0, 1.0)
    """

    direction: Direction = "higher"

    def __init__(
        self, features: Any, *, latents: int = 2000, seed: int = 0, chunk: int | None = None, log: bool = False
    ) -> None:
        super().__init__(latents, seed, usual_chunk(features) if chunk is None else chunk)
        if not callable(getattr(features, "logits", None)):
            raise UsageError(
                f"IS needs a classifier, and the features {features_name(features)} have no `logits`. Use "
                "ClassifierFeatures on labelled examples, or FID."
            )
        self.log = log
        self.label = "log IS" if log else "IS"
        self.meaning = (
            f"the {'logarithm of the ' if log else ''}inception score: how sure a classifier is of each generated "
            "sample, and how varied they are"
        )
        self.name = f"{'log-' if log else ''}is-{features_name(features)}@{latents}"
        self._classifier = features

    def features(self, samples: Tensor) -> Tensor:
        """Logits (n, classes)."""
        return extract(self._classifier.logits, samples, f"{features_name(self._classifier)}.logits")

    def evaluate(self, features: Tensor) -> tuple[float, Tensor]:
        """The score and its derivative in the logits; see `log_inception_score`."""
        value, cotangent = log_inception_score(features)
        return (value, cotangent) if self.log else (math.exp(value), math.exp(value) * cotangent)


def log_inception_score(logits: Tensor) -> tuple[float, Tensor]:
    """The logarithm of the inception score and its derivative in the logits.

    log IS = (1/M) sum_m sum_k p_mk (log p_mk - log mean_k); its derivative in p_mk is (log p_mk - log mean_k) / M
    up to a constant, which the softmax removes.

    Args:
        logits: float64 (M, classes).

    Returns:
        The value in nats and the derivative (M, classes).
    """
    log_p = logits.log_softmax(dim=1)
    log_mean = log_p.logsumexp(dim=0) - math.log(len(logits))
    p, excess = log_p.exp(), log_p - log_mean
    divergence = (p * excess).sum(dim=1, keepdim=True)
    return float(torch.mean(divergence)), p * (excess - divergence) / len(logits)
