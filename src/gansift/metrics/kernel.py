"""KID: the kernel distance between the features of samples and of held-out examples (Bińkowski et al., 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

from gansift.errors import UsageError
from gansift.metrics.distance import Distance

# Kernel values held at a time: 2^22 of them in float64 are 32 MiB.
_BLOCK = 2**22


class KID(Distance):
    """Kernel distance of the samples to held-out examples in a feature space; lower is better.

    The squared maximum mean discrepancy under a cubic kernel, by all pairs and without bias: a perfect generator has
    0 on average, and half of its values are negative. Arguments and attributes are those of `Distance`.

    Raises:
        UsageError: with fewer than 2 samples or reference examples, which make no pair.

    Examples:
        >>> held_out = torch.tensor([[-1.0], [0.0], [1.0]])
        >>> kid = KID(lambda points: points, held_out)
        >>> kid.value(held_out) < 0 < kid.value(held_out + 2)
        True
    """

    family = "kid"
    label = "KID"
    meaning = "the kernel distance between the features of held-out data and of generated samples"

    def _fit(self, reference: Tensor) -> tuple[Tensor, float]:
        return reference, within(reference)[0]

    def _compare(self, features: Tensor, fitted: tuple[Tensor, float]) -> tuple[float, Tensor]:
        """Within samples + within the reference - 2 across, and the derivative in the samples' features."""
        reference, within_reference = fitted
        own, pull = within(features)
        shared, push = across(features, reference.to(features.device))
        return own + within_reference - 2 * shared, pull - 2 * push


def within(x: Tensor) -> tuple[float, Tensor]:
    """The mean of (x_i . x_j / d + 1)^3 over pairs i != j of rows, and its derivative in x.

    Args:
        x: float64 (M, d).

    Returns:
        The mean and the derivative (M, d).

    Raises:
        UsageError: for fewer than 2 rows.
    """
    count = len(x)
    if count < 2:
        raise UsageError(f"KID needs at least 2 samples and 2 reference examples; got {count}")
    total, derivative = _sums(x, x)
    # The pairs of a row with itself count once too often.
    itself = x.square().mean(dim=1, keepdim=True) + 1
    pairs = count * (count - 1)
    # Each row stands on both sides of its pairs.
    return (total - float(itself.pow(3).sum())) / pairs, 2 * (derivative - _slope(itself, x) * x) / pairs


def across(x: Tensor, y: Tensor) -> tuple[float, Tensor]:
    """The mean of (x_i . y_j / d + 1)^3 over all rows i and j, and its derivative in x.

    Args:
        x: float64 (M, d).
        y: float64 (N, d).

    Returns:
        The mean and the derivative (M, d).
    """
    total, derivative = _sums(x, y)
    pairs = len(x) * len(y)
    return total / pairs, derivative / pairs


def _sums(x: Tensor, y: Tensor) -> tuple[float, Tensor]:
    """The sum of the kernel over all pairs of rows, and its derivative in x as the first argument."""
    total, parts = 0.0, []
    for block in x.split(max(1, _BLOCK // len(y))):
        root = block @ y.T / x.shape[1] + 1
        total += float(root.pow(3).sum())
        parts.append(_slope(root, x) @ y)
    return total, torch.cat(parts)


def _slope(root: Tensor, x: Tensor) -> Tensor:
    """The derivative of the cube of ``root`` in the inner product of two rows."""
    return 3 * root.square() / x.shape[1]
