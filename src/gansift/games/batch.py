"""What a loss sees of the training data: a batch of every data set, each example with its weight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from gansift.errors import TrainingError


@dataclass(frozen=True)
class Batch:
    """A batch of one data set.

    Attributes:
        x: the examples, shape (B, *shape).
        weight: one weight per example, shape (B,); 1 in the real run, 0 for a removed example. With
            renormalised removal they are already multiplied by B / sum of weights, so that a loss never has
            to know the convention.
        label: labels, int64 of shape (B,) where they are classes, or None.
        step: number of the step that uses the batch, from 0, for coefficients that change over time.
        steps: number of steps of the whole run, so that ``step / steps`` is the progress of training.
        turn: how many updates the player has made in this step before.
        rows: int64 positions of the examples in their data set, shape (B,), for numbers that belong to an example.
        raw_weight: the weights before they were renormalised, shape (B,).
        columns: what else is known of the examples, by name: each of shape (B,) or (B, k).
    """

    x: Tensor
    weight: Tensor
    label: Tensor | None
    step: int
    steps: int = 1
    turn: int = 0
    rows: Tensor = None  # type: ignore[assignment]  # made by __post_init__ where it is not given
    raw_weight: Tensor = None  # type: ignore[assignment]
    columns: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """A batch that is made by hand is a whole data set: all its rows in order, with the weights as they are."""
        if self.rows is None:
            object.__setattr__(self, "rows", torch.arange(len(self.x), device=self.x.device))
        if self.raw_weight is None:
            object.__setattr__(self, "raw_weight", self.weight)

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.x)


# What the batches of all data sets have in common.
_SHARED = ("step", "steps", "turn")


class Batches:
    """One batch of each named data set, as attributes: ``batch.real.x``, or ``batch["real"].x``.

    What belongs to all of them, ``step``, ``steps`` and ``turn``, is an attribute here, too. A game with a single data
    set need not say its name: ``batch.x``, ``batch.weight`` and so on, and ``len(batch)``, are those of its only batch.

    >>> one = Batch(torch.zeros(4, 2), torch.ones(4), None, step=7)
    >>> len(Batches({"photos": one})), Batches({"photos": one}).photos is one, Batches({"a": one, "b": one}).step
    (4, True, 7)

    Args:
        sets: the batches by the names of their data sets, at least one.
    """

    __slots__ = ("_sets",)

    def __init__(self, sets: Mapping[str, Batch]) -> None:
        self._sets = dict(sets)

    def __getattr__(self, name: str) -> Any:
        """The batch of that data set, or what the only batch has of that name."""
        if name.startswith("__") or name == "_sets":  # asked for by copy and pickle
            raise AttributeError(name)
        if name in self._sets:
            return self._sets[name]
        if name in _SHARED or (name in _NAMES and len(self._sets) == 1):
            return getattr(next(iter(self._sets.values())), name)
        raise AttributeError(self._several(f"batch.{name}") if name in _NAMES else self._missing(name))

    def __getitem__(self, name: str) -> Batch:
        """The batch of that data set."""
        if name not in self._sets:
            raise KeyError(self._missing(name))
        return self._sets[name]

    def __iter__(self) -> Iterator[str]:
        """The names of the data sets."""
        return iter(self._sets)

    def __contains__(self, name: object) -> bool:
        """Whether there is a data set of that name."""
        return name in self._sets

    def __len__(self) -> int:
        """Number of examples in the only batch."""
        if len(self._sets) > 1:
            raise TypeError(self._several("len(batch)"))
        return len(next(iter(self._sets.values())))

    def _several(self, asked: str) -> str:
        first, own = next(iter(self._sets)), asked.replace("batch", f"batch.{next(iter(self._sets))}")
        return f"{asked} is of no data set: there are {', '.join(self._sets)}. Say which one, {own} for {first}"

    def _missing(self, name: str) -> str:
        return f"there is no data set {name!r}; there are {', '.join(self._sets)}"


_NAMES = tuple(own.name for own in fields(Batch))


def check_names(sets: Mapping[str, Any]) -> None:
    """Refuse data sets whose names mean something else on a batch.

    Raises:
        TrainingError: naming the data set and the names that are taken.
    """
    for name in sets:
        if name in _NAMES or name in Batches.__slots__ or name.startswith("__"):
            raise TrainingError(
                f"a data set cannot be called {name!r}, because batch.{name} already means something in a loss. "
                f"Choose a name other than {', '.join(_NAMES)}."
            )


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean over the batch of ``weight * values``: (1/B) sum_i w_i l_i.

    This and `group_mean` are the ways in which a loss should depend on training examples; they give removal, scores
    and retraining their common meaning.

    >>> float(weighted_mean(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 1.0, 0.0])))
    1.0

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


def group_mean(values: Tensor, weight: Tensor, member: Tensor) -> Tensor:
    """Mean over the members of a group in the batch: sum_i w_i g_i l_i / sum_i w_i g_i.

    A removed example leaves numerator and denominator alike, whatever the convention of removal. A group without any
    weight in the batch has the mean 0, which depends on nothing: its derivatives are 0.

    Losses with it are not means over the batch, so that a batch cannot be computed in parts (``micro_batches``).

    >>> values, weight = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 1.0, 0.0])
    >>> [float(group_mean(values, weight, torch.tensor(group))) for group in ([0, 1, 1], [0, 0, 1])]
    [2.0, 0.0]

    Args:
        values: one value per example, shape (B,).
        weight: ``batch.weight``, shape (B,).
        member: whether each example belongs to the group, shape (B,): booleans, or shares from 0 to 1.

    Raises:
        ValueError: if the three are not vectors of one length.
    """
    if not values.shape == weight.shape == member.shape or values.ndim != 1:
        raise ValueError(
            f"group_mean needs one value per example: values have shape {tuple(values.shape)}, weights "
            f"{tuple(weight.shape)}, members {tuple(member.shape)}. Flatten (B, 1) with .squeeze(1)."
        )
    within = weight * member.to(weight.dtype)
    total = within.sum()
    some = total > 0
    mean = (within * values).sum() / torch.where(some, total, torch.ones_like(total))
    return torch.where(some, mean, torch.zeros_like(mean))
