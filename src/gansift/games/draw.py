"""Random numbers that can be drawn again: a stream is named by a key, not by what was drawn before it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import torch
from torch import Tensor


class Draw:
    """One stream of random numbers, decided by its key alone.

    The key (run seed, purpose, step, player, ...) is hashed into a counter-based generator (Philox), so any step
    can be redone alone and in any order, and two purposes never share numbers. Numbers are made on the CPU in
    float64 and then converted, so that all dtypes and devices see the same draws.

    Args:
        key: whatever names the stream; integers and strings.
        dtype: floating-point type of what is returned.
        device: where it is returned.
    """

    def __init__(self, *key: int | str, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> None:
        plain = tuple(part if isinstance(part, str) else int(part) for part in key)  # numpy's integers look otherwise
        digest = hashlib.sha256(repr(plain).encode()).digest()
        self._generator = np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
        self.dtype = dtype
        self.device = device

    def _drawn(self, draw: Callable[[tuple[int, ...]], Any], shape: tuple[int, ...]) -> np.ndarray:
        return np.asarray(draw(shape))

    def _convert(self, values: np.ndarray) -> Tensor:
        # A copy in memory that torch aligns: the last bits of what is computed from it depend on the alignment.
        return torch.tensor(values, dtype=self.dtype, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers of the given shape."""
        return self._convert(self._drawn(self._generator.standard_normal, shape))

    def uniform(self, *shape: int) -> Tensor:
        """Numbers uniform on [0, 1) of the given shape."""
        return self._convert(self._drawn(self._generator.random, shape))

    def permutation(self, n: int) -> Tensor:
        """A uniform permutation of 0 ... n - 1, int64, shape (n,)."""
        return torch.from_numpy(self._generator.permutation(n)).to(self.device)

    def seed(self) -> int:
        """A 32-bit seed for code that keeps a random state of its own."""
        return int(self._generator.integers(2**32))


class PartDraw(Draw):
    """What one of several equal parts of a batch draws, so that together they draw what the whole batch would.

    Of arrays with a row for each example of its part it draws those of the whole batch and keeps its own rows.

    Args:
        key: as in `Draw`.
        part: which one, from 0.
        parts: how many.
        lengths: numbers of examples in this part, one for each data set.
        dtype: as in `Draw`.
        device: as in `Draw`.
    """

    def __init__(
        self,
        *key: int | str,
        part: int,
        parts: int,
        lengths: Collection[int],
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(*key, dtype=dtype, device=device)
        self._part, self._parts, self._lengths = part, parts, lengths

    def _drawn(self, draw: Callable[[tuple[int, ...]], Any], shape: tuple[int, ...]) -> np.ndarray:
        if not shape or shape[0] not in self._lengths:
            return super()._drawn(draw, shape)
        length = shape[0]
        whole = super()._drawn(draw, (self._parts * length, *shape[1:]))
        return whole[self._part * length : (self._part + 1) * length]
