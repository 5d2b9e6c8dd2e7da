"""Clustering up to a finite set of transformations, by trying each (Frey and Jojic 2003): no network, and no rate.

Both algorithms alternate two exact steps. Of every example it is told how each transformation of each prototype fits,
and then prototypes become the least-squares solution for what is told: hard for K-means, by probabilities for EM.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gansift.models.warp import finite_moves, sampled

# A pixel of a prototype that no example sees stays where it is by so much, beside the number of examples.
_STAYS = 1e-6
# EM does not narrow a Gaussian below this standard deviation; pixels are from -1 to 1.
_NARROWEST = 0.05


@dataclass(frozen=True, eq=False)
class Fit:
    """What an algorithm came to.

    Attributes:
        prototypes: shape (K, C, P), with P the pixels of an image.
        clusters: of each example, int64, shape (N,).
        moves: the transformation of each example's prototype, int64, shape (N,).
        loss: the mean squared distance to the nearest transformed prototype, or the mean negative log-density.
        priors: of EM the probability of each cluster and transformation, shape (K, T).
        variance: of EM that of every pixel.
    """

    prototypes: Tensor
    clusters: Tensor
    moves: Tensor
    loss: float
    priors: Tensor | None = None
    variance: float | None = None


def matrices(height: int, width: int, reach: int, rotation: float = 0.0) -> Tensor:
    """Every transformation of `models.warp.finite_moves` as a matrix of pixels, shape (T, P, P)."""
    pixels = height * width
    units = torch.eye(pixels).view(pixels, 1, height, width)
    moves = finite_moves(height, width, reach, rotation)
    return torch.stack([sampled(units, one.expand(1, pixels, -1, -1))[0, :, 0].T for one in moves])


def finite_kmeans(
    x: Tensor, clusters: int, transformations: Tensor, *, starts: int = 5, rounds: int = 100, seed: int = 0
) -> Fit:
    """K-means up to transformations: min over c of the mean over x of min_k min_t |x - T_t c_k|^2.

    Args:
        x: images, shape (N, C, H, W).
        clusters: K.
        transformations: shape (T, P, P), as from `matrices`.
        starts: K different images each that it starts from; the lowest loss is kept.
        rounds: at most, of every start; it ends where nothing changes.
        seed: decides the starts.
    """
    squared = transformations.mT @ transformations

    def fitted(images: Tensor, prototypes: Tensor) -> Fit:
        told = torch.full((0,), -1)
        for _ in range(rounds):
            squares = _distances(images, prototypes, transformations).flatten(1)
            before, told = told, squares.argmin(1)
            if torch.equal(before, told):
                break
            shares = torch.nn.functional.one_hot(told, squares.shape[1]).to(images.dtype)
            prototypes = _solved(images, shares.unflatten(1, (clusters, -1)), transformations, squared, prototypes)
        squares = _distances(images, prototypes, transformations).flatten(1)
        least, told = squares.min(1)
        count = len(transformations)
        return Fit(prototypes, told // count, told % count, float(least.mean()))

    return _best(x.flatten(2), clusters, starts, seed, fitted)


def finite_mixture(
    x: Tensor, clusters: int, transformations: Tensor, *, starts: int = 5, rounds: int = 100, seed: int = 0
) -> Fit:
    """EM of a mixture: p(x) = sum_k sum_t p_kt N(x; T_t c_k, s^2), with priors over clusters and transformations.

    Args:
        x: as in `finite_kmeans`, like all that follow.
        clusters: K.
        transformations: shape (T, P, P).
        starts: as in `finite_kmeans`.
        rounds: of every start.
        seed: decides the starts.
    """
    numbers, squared = x[0].numel(), transformations.mT @ transformations

    def fitted(images: Tensor, prototypes: Tensor) -> Fit:
        shape = (clusters, len(transformations))
        priors = torch.full(shape, 1 / math.prod(shape), dtype=images.dtype)
        variance = float(images.var(0).mean())
        for _ in range(rounds):
            joint = _joint(images, prototypes, transformations, priors, variance)
            shares = joint.flatten(1).softmax(1).view_as(joint)
            prototypes = _solved(images, shares, transformations, squared, prototypes)
            priors = shares.mean(0)
            squares = _distances(images, prototypes, transformations)
            variance = max(float((shares * squares).sum()) / (len(images) * numbers), _NARROWEST**2)
        joint = _joint(images, prototypes, transformations, priors, variance)
        told = joint.logsumexp(2).argmax(1)
        moves = joint[torch.arange(len(images)), told].argmax(1)
        loss = -float(joint.flatten(1).logsumexp(1).mean())
        return Fit(prototypes, told, moves, loss, priors, variance)

    return _best(x.flatten(2), clusters, starts, seed, fitted)


def _best(images: Tensor, clusters: int, starts: int, seed: int, fitted: Callable[[Tensor, Tensor], Fit]) -> Fit:
    """The fit of lowest loss over several starts."""
    draws = torch.Generator().manual_seed(seed)
    fits = [fitted(images, images[torch.randperm(len(images), generator=draws)[:clusters]]) for _ in range(starts)]
    return min(fits, key=lambda fit: fit.loss)


def _distances(images: Tensor, prototypes: Tensor, transformations: Tensor) -> Tensor:
    """|x - T_t c_k|^2 of images (N, C, P), shape (N, K, T)."""
    moved = torch.einsum("tpq,kcq->ktcp", transformations.to(images), prototypes)
    rows, flat = moved.flatten(2).flatten(0, 1), images.flatten(1)
    squares = flat.square().sum(1)[:, None] + rows.square().sum(1) - 2 * flat @ rows.T
    return squares.clamp(min=0).unflatten(1, moved.shape[:2])


def _joint(images: Tensor, prototypes: Tensor, transformations: Tensor, priors: Tensor, variance: float) -> Tensor:
    """log(p_kt N(x; T_t c_k, s^2)), shape (N, K, T)."""
    squares = _distances(images, prototypes, transformations)
    return priors.log() - squares / (2 * variance) - images[0].numel() * math.log(2 * math.pi * variance) / 2


def _solved(images: Tensor, shares: Tensor, transformations: Tensor, squares: Tensor, before: Tensor) -> Tensor:
    """The prototypes that minimise the sum of shares (N, K, T) times |x - T_t c_k|^2, shape (K, C, P).

    ``squares`` are T_t^T T_t, which are the same in every round.
    """
    moves = transformations.to(images)
    counts = shares.sum(0)
    squared = torch.einsum("kt,tqr->kqr", counts, squares.to(images))
    summed = torch.einsum("nkt,ncp->ktcp", shares, images)
    towards = torch.einsum("tpq,ktcp->kqc", moves, summed)
    stays = _STAYS * counts.sum(1).clamp(min=1)[:, None, None]
    system = squared + stays * torch.eye(moves.shape[1], dtype=images.dtype)
    return torch.linalg.solve(system, towards + stays * before.mT).mT
