"""What metrics of samples of requested classes have in common."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gansift.errors import UsageError
from gansift.metrics.blocks import kept_rows
from gansift.metrics.distance import Distance
from gansift.metrics.metric import in_chunks

if TYPE_CHECKING:
    from gansift.data.examples import Examples

# Of each class, examples and samples: with fewer there is no covariance.
_FEWEST = 2


class LabelledDistance(Distance):
    """A comparison of samples of requested classes with held-out examples of these classes; lower is better.

    The game is asked for as many samples of one class as of another, the first class first. Samples that are given as
    a tensor are taken for such.

    Args:
        features: as for `Distance`.
        reference: held-out examples with labels, at least 2 of each class.
        others: more of them, from which the `floor` is measured.
        latents: number of samples M of all classes together, at least 2 of each.
        seed: decides the latents.
        chunk: as for `Distance`.

    Attributes:
        classes: names of the classes.

    Raises:
        UsageError: without labels, or with a class of which there are too few examples or samples.
    """

    def __init__(
        self,
        features: Any,
        reference: Examples,
        *,
        others: Examples | None = None,
        latents: int = 2000,
        seed: int = 0,
        chunk: int | None = None,
    ) -> None:
        if reference.labels is None or reference.class_names is None:
            raise UsageError(
                f"{self.family} compares samples of a class with held-out examples of it, and these have no labels. "
                "Label them (class folders or --labels), or use another metric."
            )
        self.classes = reference.class_names
        few = _too_few(reference.labels, len(self.classes))
        if few:
            names = ", ".join(repr(self.classes[row]) for row in few)
            raise UsageError(
                f"{self.family} needs {_FEWEST} held-out examples of every class or more, and of {names} there are "
                "fewer. Leave such classes out, hold more data out (--fractions), or use another metric."
            )
        if latents < _FEWEST * len(self.classes):
            raise UsageError(
                f"{self.family} needs {_FEWEST} samples of each of {len(self.classes)} classes or more, not {latents} "
                "together: more --latents"
            )
        super().__init__(features, reference, others=others, latents=latents, seed=seed, chunk=chunk)

    @abstractmethod
    def _fit_labelled(self, reference: Tensor, labels: Tensor) -> Any:
        """What `_compare_labelled` needs of the reference examples' features, float64 (N, d), and classes (N,)."""

    @abstractmethod
    def _compare_labelled(self, features: Tensor, labels: Tensor, fitted: Any) -> tuple[float, Tensor]:
        """The metric of features (M, d) of samples of these classes (M,), and its derivative in them, (M, d)."""

    def requested(self, count: int) -> Tensor:
        """The class of each of ``count`` samples: as many of each, the first class first."""
        return torch.arange(count) * len(self.classes) // count

    def without_latents(self, features: Tensor, blocks: int) -> list[float]:
        """See `SampleMetric.without_latents`: samples keep their classes."""
        labels = self.requested(len(features))
        return [
            self._compare_labelled(features[rows], labels[rows], self._fitted)[0]
            for rows in kept_rows(len(features), blocks)
            if not _too_few(labels[rows], len(self.classes))
        ]

    def among(self, rows: Tensor) -> Distance | None:
        """The same of some of the held-out examples; None where these are too few, of all or of one class."""
        return None if _too_few(self._labels[rows], len(self.classes)) else super().among(rows)

    @cached_property
    def floor(self) -> float | None:
        """The metric of real data in place of samples; see `Distance.floor`. Of other examples all are taken."""
        others: Any = self._others
        if others is None or others.labels is None or _too_few(others.labels, len(self.classes)):
            return None
        features = in_chunks(self.features, others.x, self.chunk).double()
        return self._compare_labelled(features, others.labels, self._fitted)[0]

    @property
    def _labels(self) -> Tensor:
        reference: Any = self.reference
        return reference.labels

    def _fit(self, reference: Tensor) -> Any:
        return self._fit_labelled(reference, self._labels)

    def _compare(self, features: Tensor, fitted: Any) -> tuple[float, Tensor]:
        return self._compare_labelled(features, self.requested(len(features)), fitted)

    def _fitted_without(self, blocks: int) -> list[Any]:
        if blocks not in self._fitted_by_blocks:
            reference, labels = self._reference_features(), self._labels
            self._fitted_by_blocks[blocks] = [
                self._fit_labelled(reference[rows], labels[rows])
                for rows in kept_rows(len(reference), blocks)
                if not _too_few(labels[rows], len(self.classes))
            ]
        return self._fitted_by_blocks[blocks]


def _too_few(labels: Tensor, classes: int) -> list[int]:
    """The classes of which there are too few."""
    return torch.nonzero(torch.bincount(labels, minlength=classes) < _FEWEST).flatten().tolist()
