"""The order in which examples are visited: a fresh permutation every epoch, redone from seed and epoch alone."""

from __future__ import annotations

from functools import lru_cache

from torch import Tensor

from gansift.errors import TrainingError
from gansift.games.draw import Draw


@lru_cache(maxsize=8)
def _permutation(seed: int, name: str, epoch: int, size: int) -> Tensor:
    return Draw(seed, "order", name, epoch).permutation(size)


def check_batch(batch_size: int, size: int) -> None:
    """Refuse a batch that cannot be drawn from ``size`` examples.

    Raises:
        TrainingError: saying which batch size fits.
    """
    if not 1 <= batch_size <= size:
        raise TrainingError(
            f"a batch of {batch_size} cannot be drawn from {size} training examples. "
            f"Give more examples or a batch size of at most {size} (--batch)."
        )


def batch_indices(seed: int, name: str, number: int, size: int, batch_size: int) -> Tensor:
    """Rows of the ``number``-th batch of the data set ``name``, int64, shape (batch_size,).

    What is left of an epoch after its last full batch is dropped; the next epoch shuffles anew. Removed examples
    keep their place (with weight 0), so every other example is visited when it always was.
    """
    epoch, slot = divmod(number, size // batch_size)
    return _permutation(seed, name, epoch, size)[slot * batch_size : (slot + 1) * batch_size]
