"""The same GAN training, one retraining at a time, in plain PyTorch and SciPy: nothing of gansift is used.

It reads the arrays of ``task.npz`` and is the independent check of the truth that every method is judged by.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from scipy.linalg import sqrtm
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.nn.utils import parameters_to_vector, vector_to_parameters


def network(
    inputs: int, outputs: int, flat: np.ndarray, width: int = 16, dtype: torch.dtype = torch.float64
) -> nn.Module:
    """Two hidden layers of SiLU with these parameters."""
    layers = [nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, outputs)]
    module = nn.Sequential(*layers).to(dtype)
    vector_to_parameters(torch.tensor(flat, dtype=dtype), module.parameters())
    return module


class SmoothAdam:
    """Adam with lr m / sqrt(v + eps^2), both moments corrected for their start at zero."""

    def __init__(self, module: nn.Module, lr: float, betas: np.ndarray, eps: float) -> None:
        self.module, self.lr, self.betas, self.eps = module, lr, betas, eps
        self.count, self.first, self.second = 0, 0.0, 0.0

    def step(self, loss: Tensor) -> None:
        """One update of the module."""
        gradient = torch.cat([part.reshape(-1) for part in torch.autograd.grad(loss, list(self.module.parameters()))])
        one, two = self.betas
        self.count += 1
        self.first = one * self.first + (1 - one) * gradient
        self.second = two * self.second + (1 - two) * gradient**2
        root = (self.second / (1 - two**self.count) + self.eps**2) ** 0.5
        flat = parameters_to_vector(self.module.parameters()).detach()
        moved = flat - self.lr * (self.first / (1 - one**self.count)) / root
        vector_to_parameters(moved, self.module.parameters())


def retrained_distance(task: Mapping[str, np.ndarray], weights: np.ndarray) -> float:
    """Train from the start with these weights of the examples and return the Fréchet distance at the end."""
    generator = network(4, 2, task["initial_generator"])
    discriminator = network(2, 1, task["initial_discriminator"])
    settings = (float(task["lr"]), task["betas"], float(task["eps"]))
    of_generator, of_discriminator = SmoothAdam(generator, *settings), SmoothAdam(discriminator, *settings)
    x, weight = torch.tensor(task["x"]), torch.tensor(weights)
    for number, rows in enumerate(torch.tensor(task["rows"])):
        fake = generator(torch.tensor(task["discriminator_latents"][number])).detach()
        real = weight[rows] * softplus(-discriminator(x[rows])).squeeze(1)
        of_discriminator.step(real.sum() / len(rows) + softplus(discriminator(fake)).mean())
        fake = generator(torch.tensor(task["generator_latents"][number]))
        of_generator.step(softplus(-discriminator(fake)).mean())
    with torch.no_grad():
        samples = generator(torch.tensor(task["metric_latents"])).numpy()
    return distance(samples, task["reference"])


def distance(samples: np.ndarray, reference: np.ndarray) -> float:
    """The Fréchet distance between the normal fits of two sets of points."""
    ours, theirs = np.cov(samples.T), np.cov(reference.T)
    shift = samples.mean(0) - reference.mean(0)
    return float(shift @ shift + np.trace(ours + theirs - 2 * np.real(sqrtm(ours @ theirs))))
