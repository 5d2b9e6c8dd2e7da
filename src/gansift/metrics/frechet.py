"""FID: the Fréchet distance between normal distributions fitted to features (Heusel et al., 2017)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gansift.errors import UsageError
from gansift.metrics.distance import Distance


class FID(Distance):
    """Fréchet distance of the samples to held-out examples in a feature space; lower is better, 0 the best.

    Arguments and attributes are those of `Distance`.

    Raises:
        UsageError: with fewer than 2 samples or reference examples, which have no covariance.

    Examples:
        >>> held_out = torch.tensor([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
        >>> fid = FID(lambda points: points, held_out)
        >>> round(fid.value(held_out + 3), 6)  # moved by 3 in each of two directions
        18.0
    """

    family = "fid"
    label = "FID"
    meaning = "the Fréchet distance between the features of held-out data and of generated samples"

    def _fit(self, reference: Tensor) -> NormalFit:
        return normal_fit(reference)

    def _compare(self, features: Tensor, fitted: NormalFit) -> tuple[float, Tensor]:
        mean, factor = fitted
        return frechet_distance(features, NormalFit(mean.to(features.device), factor.to(features.device)))


class NormalFit(NamedTuple):
    """A normal distribution: mean (d,) and a factor T (r, d) of its covariance T^T T."""

    mean: Tensor
    factor: Tensor


def normal_fit(features: Tensor) -> NormalFit:
    """Mean and factor of the covariance (divisor N - 1) of features (N, d), without forming the covariance.

    Raises:
        UsageError: for fewer than 2 rows.
    """
    mean, scaled = _centred(features)
    return NormalFit(mean, torch.linalg.qr(scaled, mode="r").R)


def frechet_distance(features: Tensor, reference: NormalFit) -> tuple[float, Tensor]:
    """The Fréchet distance of features to a normal distribution, and its derivative in them.

    |mu_g - mu_r|^2 + tr(S_g + S_r - 2 (S_r^1/2 S_g S_r^1/2)^1/2). With S_g = X^T X and S_r = T^T T the last trace is
    the sum of the singular values of X T^T = U D V^T, so no covariance is formed and no condition number squared.
    The derivative in X is 2 (X - U V^T T), over the non-zero singular values alone: the limit of a vanishing ridge
    where covariances are singular.

    Args:
        features: float64 (M, d).
        reference: the normal distribution in the same dimensions.

    Returns:
        The distance and the derivative (M, d).

    Raises:
        UsageError: for fewer than 2 rows.
    """
    count = len(features)
    mean, x = _centred(features)
    shift = mean - reference.mean
    left, singular, right = torch.linalg.svd(x @ reference.factor.T, full_matrices=False)
    # Rounding moves a zero singular value by eps times the norms of the factors, not of their product.
    scale = torch.linalg.matrix_norm(x) * torch.linalg.matrix_norm(reference.factor)
    kept = singular > max(x.shape) * torch.finfo(x.dtype).eps * scale
    rotation = left[:, kept] @ right[kept]
    value = shift.square().sum() + x.square().sum() + reference.factor.square().sum() - 2 * singular.sum()
    spread = 2 / (count - 1) ** 0.5 * (x - rotation @ reference.factor)
    return float(value), spread + 2 / count * shift


def _centred(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (d,), and deviations (n, d) scaled so that their Gram matrix is the covariance."""
    if len(features) < 2:
        raise UsageError(f"FID needs at least 2 samples and 2 reference examples; got {len(features)}")
    mean = features.mean(dim=0)
    return mean, (features - mean) / (len(features) - 1) ** 0.5
