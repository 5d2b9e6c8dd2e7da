"""How typical examples are of their data set, by densities of their latents under every data set."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


def typicality(log_densities: Tensor, own: int) -> np.ndarray:
    """How typical examples are of their data set: log p(z | own) - log of the mean over c of p(z | c), in nats.

    >>> typicality(torch.tensor([[0.9, 0.1]]).log(), 0).round(3).tolist()
    [0.588]

    Args:
        log_densities: log p(z | c) for every data set c, shape (n, sets).
        own: the number of the examples' data set.

    Returns:
        Shape (n,), at most the logarithm of the number of data sets.
    """
    mean = torch.logsumexp(log_densities.double(), 1) - math.log(log_densities.shape[1])
    return (log_densities[:, own].double() - mean).numpy()
