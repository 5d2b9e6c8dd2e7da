"""Clustering by enumeration: the best of all assignments, EM against loops and the gradient of the likelihood."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from torch.distributions import Normal
from torch.nn.functional import pad

from gansift import data
from gansift.audit import enumeration
from gansift.audit.enumeration import finite_kmeans, finite_mixture, matrices
from gansift.metrics.clustering import matched_accuracy


def noise(count, channels=1, side=3, seed=0):
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(seed)).double()


def test_matrices_move_images_as_slices_do():
    image = noise(1, side=4).float()
    wide = pad(image, (1, 1, 1, 1), mode="replicate")[0, 0]
    expected = torch.stack([wide[down : down + 4, right : right + 4] for down in range(3) for right in range(3)])
    torch.testing.assert_close((matrices(4, 4, 1) @ image.flatten()).view(9, 4, 4), expected)
    assert matrices(4, 4, 1, 20.0).shape == (27, 16, 16)


def best_of_all(x, moves) -> float:
    """The least mean squared distance over every assignment to two clusters and some moves."""
    least = np.inf
    for told in product(range(2 * len(moves)), repeat=len(x)):
        off = 0.0
        for cluster in range(2):
            rows = [row for row, one in enumerate(told) if one // len(moves) == cluster]
            if rows:
                stacked = torch.cat([moves[told[row] % len(moves)] for row in rows])
                wanted = torch.cat([x[row].flatten(1).T for row in rows])
                off += float((stacked @ torch.linalg.lstsq(stacked, wanted).solution - wanted).square().sum())
        least = min(least, off / len(x))
    return least


def test_the_lowest_of_several_starts_is_the_best_of_all_assignments():
    moves = matrices(3, 3, 1)[[4, 1]].double()
    reached = []
    for seed in range(4):
        x = noise(5, channels=2, seed=seed)
        fit, best = finite_kmeans(x, 2, moves, starts=40), best_of_all(x, moves)
        reached.append(fit.loss == pytest.approx(best, rel=1e-4))
        assert fit.loss > best * (1 - 1e-4)
        chosen = [moves[move] @ fit.prototypes[own].T for own, move in zip(fit.clusters, fit.moves, strict=True)]
        assert float((torch.stack(chosen).mT - x.flatten(2)).square().sum((1, 2)).mean()) == pytest.approx(fit.loss)
    assert sum(reached) >= 2, "starts are examples, from which the best cannot always be reached"


def test_without_transformations_it_is_k_means():
    x = noise(40, side=2)
    fit = finite_kmeans(x, 4, torch.eye(4).double()[None], starts=60)
    expected = KMeans(4, n_init=60, random_state=0).fit(x.flatten(1).numpy())
    assert fit.loss * 40 == pytest.approx(expected.inertia_, rel=1e-5)


def likelihood(x, prototypes, moves, priors, variance):
    """The mean log-density, one example, cluster and transformation after the other."""
    total = 0.0
    for image in x.flatten(2):
        terms = [
            priors[k, t].log() + Normal((moves[t] @ prototypes[k].T).T, variance**0.5).log_prob(image).sum()
            for k in range(len(prototypes))
            for t in range(len(moves))
        ]
        total = total + torch.stack(terms).logsumexp(0)
    return total / len(x)


def test_em_raises_the_likelihood_until_its_gradient_is_zero():
    x, moves = noise(12, channels=2), matrices(3, 3, 1)[[4, 1, 3]].double()
    losses = [finite_mixture(x, 2, moves, starts=1, rounds=rounds).loss for rounds in (0, 1, 2, 5, 20, 400)]
    assert all(after < before + 1e-9 for before, after in pairwise(losses))
    fit = finite_mixture(x, 2, moves, starts=1, rounds=400)
    prototypes, logits = fit.prototypes.requires_grad_(), (fit.priors + 1e-30).log().requires_grad_()
    spread = torch.tensor(fit.variance, dtype=torch.float64, requires_grad=True)
    value = likelihood(x, prototypes, moves, logits.flatten().softmax(0).view(2, 3), spread)
    assert float(value.detach()) == pytest.approx(-fit.loss, rel=1e-9)
    for slope in torch.autograd.grad(value, (prototypes, logits, spread)):
        assert slope.abs().max() < 1e-5
    assert fit.variance > enumeration._NARROWEST**2


def test_shifted_digits_are_sorted_that_k_means_does_not_sort_and_their_shifts_are_found():
    splits = data.load("digits", seed=0)
    x, labels = splits.train.x[:240], splits.train.labels[:240].numpy()
    random, shifts = np.random.default_rng(0), []
    canvas = torch.full((240, 1, 12, 12), -1.0)
    for row, image in enumerate(x):
        down, right = random.integers(0, 5, 2)
        canvas[row, :, down : down + 8, right : right + 8] = image
        shifts.append((down, right))
    fit = finite_kmeans(canvas, 10, matrices(12, 12, 2), starts=2, rounds=30)
    plain = KMeans(10, n_init=5, random_state=0).fit(canvas.flatten(1).numpy()).labels_
    assert matched_accuracy(fit.clusters.numpy(), labels) > matched_accuracy(plain, labels) + 0.15
    off = np.array(shifts) + np.stack([fit.moves // 5, fit.moves % 5], 1)  # a move samples where the image came from
    same = 0
    for cluster in range(10):
        found = [tuple(one) for one in off[fit.clusters.numpy() == cluster]]
        same += max((found.count(one) for one in found), default=0)
    assert same / 240 > 0.6
