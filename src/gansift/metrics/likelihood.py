"""ALL: the average log-likelihood of held-out examples under a kernel density of the samples, for points."""

from __future__ import annotations

import math
from copy import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gansift.errors import UsageError
from gansift.metrics.blocks import kept_rows
from gansift.metrics.metric import Direction, SampleMetric, check_shapes, reference_tensor, subset

if TYPE_CHECKING:
    from gansift.data.examples import Examples

# Distances held at a time: 2^22 of them in float64 are 32 MiB.
_BLOCK = 2**22


class ALL(SampleMetric):
    """Average log-likelihood; higher is better.

    (1/N) sum_i log (1/M) sum_m N(x_i; y_m, h^2 I) with samples y_m and reference examples x_i; images count as
    vectors of their pixels.

    Args:
        reference: held-out examples x.
        bandwidth: h, in units of the data.
        latents: number of samples M.
        seed: decides the latents.
        chunk: samples generated together.

    Attributes:
        reference: the held-out examples as they were given.
        logarithmic: its changes are relative ones of a likelihood, and are not to be compared with its value.

    Raises:
        UsageError: for an empty reference or a bandwidth that is not above 0.

    Examples:
        >>> held_out = torch.zeros(5, 1)
        >>> round(ALL(held_out).value(torch.zeros(3, 1)), 4)  # the logarithm of 1 / sqrt(2 pi)
        -0.9189
    """

    direction: Direction = "higher"
    logarithmic = True
    label = "ALL"
    meaning = "the average log-likelihood of held-out data under a smooth density laid over generated samples"

    def __init__(
        self,
        reference: Examples | Tensor,
        *,
        bandwidth: float = 1.0,
        latents: int = 2000,
        seed: int = 0,
        chunk: int = 500,
    ) -> None:
        super().__init__(latents, seed, chunk)
        x = reference_tensor(reference)
        if not len(x) or not bandwidth > 0:
            raise UsageError(f"ALL needs reference examples and a bandwidth above 0; got {len(x)} and {bandwidth:g}")
        self.reference = reference
        self.bandwidth = bandwidth
        self.name = f"all-h{bandwidth:g}@{latents}"
        self._shape = tuple(x.shape[1:])
        self._reference = x.flatten(1).double()

    def features(self, samples: Tensor) -> Tensor:
        """The samples as vectors, (n, d)."""
        check_shapes(samples, self._shape)
        return samples.flatten(1)

    def evaluate(self, features: Tensor) -> tuple[float, Tensor]:
        """See `average_log_likelihood`."""
        return average_log_likelihood(features, self._reference.to(features.device), self.bandwidth)

    def among(self, rows: Tensor) -> ALL | None:
        """The same metric of some of the held-out examples.

        Args:
            rows: int64 positions of the examples, shape (n,).
        """
        part = copy(self)
        part.reference, part._reference = subset(self.reference, rows), self._reference[rows]
        return part

    def without_examples(self, features: Tensor, blocks: int) -> list[float]:
        """See `SampleMetric.without_examples`."""
        reference = self._reference.to(features.device)
        return [
            average_log_likelihood(features, reference[rows], self.bandwidth)[0]
            for rows in kept_rows(len(reference), blocks)
        ]


def average_log_likelihood(samples: Tensor, reference: Tensor, bandwidth: float) -> tuple[float, Tensor]:
    """The average log-likelihood and its derivative in the samples.

    With r_im = softmax_m(-|x_i - y_m|^2 / 2h^2) the derivative in y_m is sum_i r_im (x_i - y_m) / (N h^2).

    Args:
        samples: y, float64 (M, d).
        reference: x, float64 (N, d).
        bandwidth: h.

    Returns:
        The value, in nats per example, and the derivative (M, d).
    """
    # Moving the origin into the data keeps r^T x - (r^T 1) y free of cancellation.
    origin = reference.mean(dim=0)
    x, y = reference - origin, samples - origin
    total = 0.0
    attraction = torch.zeros_like(y)
    mass = y.new_zeros(len(y), 1)
    for block in x.split(max(1, _BLOCK // len(y))):
        distance = torch.cdist(block, y, compute_mode="donot_use_mm_for_euclid_dist")
        exponent = -distance.square() / (2 * bandwidth**2)
        log_sum = exponent.logsumexp(dim=1, keepdim=True)
        total += float(log_sum.sum())
        share = (exponent - log_sum).exp()
        attraction += share.T @ block
        mass += share.sum(dim=0).unsqueeze(1)
    normaliser = math.log(len(y)) + y.shape[1] * math.log(bandwidth * math.sqrt(2 * math.pi))
    return total / len(x) - normaliser, (attraction - mass * y) / (len(x) * bandwidth**2)
