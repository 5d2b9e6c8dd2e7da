"""Blocks of rows, each of which is left out once."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def kept_rows(count: int, blocks: int) -> Iterator[Tensor]:
    """For each block the rows that are left without it: every ``blocks``-th row is in the same one.

    Fewer than two rows in a block on average make no blocks at all.

    >>> [rows.tolist() for rows in kept_rows(6, 3)]
    [[1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 3, 4]]
    """
    if count < 2 * blocks:
        return
    block = torch.arange(count) % blocks
    for number in range(blocks):
        yield torch.nonzero(block != number).squeeze(1)
