"""What a loss sees of the training data: a batch of examples, each with its weight."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """A batch of one data set.

    Attributes:
        x: the examples, shape (B, *shape).
        weight: one weight per example, shape (B,); 1 in the real run, 0 for a removed example. With
            renormalised removal they are already multiplied by B / sum of weights, so that a loss never has
            to know the convention.
        label: int64 labels, shape (B,), or None.
        step: number of the step that uses the batch, for coefficients that change over time.
    """

    x: Tensor
    weight: Tensor
    label: Tensor | None
    step: int

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.x)


class Batches(dict[str, Batch]):
    """One batch of each named data set, also as attributes: ``batch.real.x``."""

    def __getattr__(self, name: str) -> Batch:
        """The batch of that data set."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no data set {name!r}; there are {', '.join(self)}") from None


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean over the batch of ``weight * values``: (1/B) sum_i w_i l_i.

    This is the one way in which a loss should depend on training examples; it gives removal, scores and
    retraining their common meaning.

    Args:
        values: one value per example, shape (B,).
        weight: ``batch.weight``, shape (B,).

    Raises:
        ValueError: if the two are not vectors of one length, as when a loss was averaged too early.
    """
    if values.shape != weight.shape or values.ndim != 1:
        raise ValueError(
            f"weighted_mean needs one value per example: values have shape {tuple(values.shape)}, weights "
            f"{tuple(weight.shape)}. Do not average before weighting; flatten (B, 1) with .squeeze(1)."
        )
    return (values * weight).mean()
