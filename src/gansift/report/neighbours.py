"""The nearest of many examples, exactly, from one matrix product at a time."""

from __future__ import annotations

import numpy as np

# Products held at a time: 2^22 of them in float32 are 16 MiB.
_BLOCK = 2**22
# Candidates whose distances are computed anew; rounding of the products cannot push the nearest further back.
_CANDIDATES = 8


def plane(points: np.ndarray) -> np.ndarray:
    """Points (N, d) in the plane in which they differ most (their first two principal components), shape (N, 2).

    Of one coordinate the second is 0. Each axis points to where its farthest point lies, so that the same points give
    the same map.
    """
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    values, directions = np.linalg.eigh(centred.T @ centred)
    axes = directions[:, np.argsort(values)[::-1][:2]]
    found = centred @ axes
    found *= np.sign(found[np.abs(found).argmax(axis=0), np.arange(found.shape[1])] + 0.0)
    return found if found.shape[1] == 2 else np.hstack([found, np.zeros_like(found)])


def nearest(queries: np.ndarray, pool: np.ndarray, skip_self: bool = False) -> np.ndarray:
    """The row of ``pool`` that is nearest to each query by Euclidean distance; the first one of several.

    Products in float32 find a few candidates, among which distances in float64 decide.

    Args:
        queries: shape (N, d).
        pool: shape (M, d).
        skip_self: the pool is the queries themselves, and row n is no neighbour of query n.

    Returns:
        Rows, shape (N,).

    Raises:
        ValueError: if there is nobody to be near to.
    """
    if len(pool) <= skip_self:
        raise ValueError(f"no neighbour among {len(pool)} examples")
    centre = pool.mean(axis=0, dtype=np.float64)  # products of numbers far from zero would lose the differences
    a, b = ((side - centre).astype(np.float32) for side in (queries, pool))
    half_norms = 0.5 * np.einsum("md,md->m", b, b)
    count = min(_CANDIDATES, len(pool) - skip_self)
    nearest_rows = np.empty(len(queries), dtype=np.int64)
    size = max(1, _BLOCK // len(pool))
    for start in range(0, len(queries), size):
        rows = np.arange(start, min(start + size, len(queries)))
        closeness = a[rows] @ b.T - half_norms
        if skip_self:
            closeness[np.arange(len(rows)), rows] = -np.inf
        candidates = np.sort(np.argpartition(closeness, -count, axis=1)[:, -count:], axis=1)
        apart = queries[rows, None].astype(np.float64) - pool[candidates]
        best = np.einsum("nkd,nkd->nk", apart, apart).argmin(axis=1)
        nearest_rows[rows] = candidates[np.arange(len(rows)), best]
    return nearest_rows
