"""What distances between generated samples and held-out examples in a feature space have in common."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from torch import Tensor

from gansift.metrics.blocks import kept_rows
from gansift.metrics.features import extract, features_name, usual_chunk
from gansift.metrics.metric import Direction, SampleMetric, check_shapes, in_chunks, reference_tensor, subset

if TYPE_CHECKING:
    from gansift.data.examples import Examples


# Held-out examples for each dimension of the features, of which a part has as many at the least.
_PER_DIMENSION = 2


class Distance(SampleMetric):
    """A distance of the samples' features to those of held-out examples; lower is better.

    Args:
        features: callable images (n, *shape) -> features (n, d), differentiable.
        reference: held-out examples, never the training set.
        others: more held-out examples, from which the `floor` is measured.
        latents: number of samples M.
        seed: decides the latents.
        chunk: samples generated together; by default as many as the features like.

    Attributes:
        reference: the held-out examples as they were given.
        family: the name of the distance, the first part of the metric's.
    """

    direction: Direction = "lower"
    family: str

    def __init__(
        self,
        features: Any,
        reference: Examples | Tensor,
        *,
        others: Examples | Tensor | None = None,
        latents: int = 2000,
        seed: int = 0,
        chunk: int | None = None,
    ) -> None:
        super().__init__(latents, seed, usual_chunk(features) if chunk is None else chunk)
        self.name = f"{self.family}-{features_name(features)}@{latents}"
        # FID and KID are known by their published values, which are those of one network's features.
        if not getattr(features, "published", False):
            self.caution = f"It is not the published {self.label}, which has the features of Inception."
        self.reference = reference
        self._others = others
        self._features = features
        self._shape = tuple(reference_tensor(reference).shape[1:])
        self._fitted_by_blocks: dict[int, list[Any]] = {}
        reference_features = self._reference_features()
        self._dimension = reference_features.shape[1]
        self._fitted = self._fit(reference_features)

    @abstractmethod
    def _fit(self, reference: Tensor) -> Any:
        """What `_compare` needs of the reference examples' features, float64 (N, d)."""

    @abstractmethod
    def _compare(self, features: Tensor, fitted: Any) -> tuple[float, Tensor]:
        """The distance of features (M, d) to reference examples as they were fitted, and its derivative."""

    def evaluate(self, features: Tensor) -> tuple[float, Tensor]:
        """The distance of features (M, d) to those of the reference examples, and its derivative in them, (M, d)."""
        return self._compare(features, self._fitted)

    def among(self, rows: Tensor) -> Distance | None:
        """The same distance to some of the held-out examples; None where these are too few for the feature space.

        Args:
            rows: int64 positions of the examples, shape (n,).
        """
        if len(rows) < _PER_DIMENSION * self._dimension:
            return None
        part = copy(self)
        part.reference = subset(self.reference, rows)
        part._fitted = part._fit(part._reference_features())
        part._fitted_by_blocks = {}
        return part

    def without_examples(self, features: Tensor, blocks: int) -> list[float]:
        """See `SampleMetric.without_examples`."""
        return [self._compare(features, fitted)[0] for fitted in self._fitted_without(blocks)]

    def _fitted_without(self, blocks: int) -> list[Any]:
        """The reference examples fitted without each block of them, once."""
        if blocks not in self._fitted_by_blocks:
            reference = self._reference_features()
            self._fitted_by_blocks[blocks] = [self._fit(reference[rows]) for rows in kept_rows(len(reference), blocks)]
        return self._fitted_by_blocks[blocks]

    def _reference_features(self) -> Tensor:
        return in_chunks(self.features, reference_tensor(self.reference), self.chunk).double()

    @cached_property
    def floor(self) -> float | None:
        """The distance of real data to real data: of the other examples, up to ``latents`` of them, to the reference.

        About what a perfect generator would reach with as many samples. None without others.
        """
        return None if self._others is None else self.value(reference_tensor(self._others)[: self.latents])

    def features(self, samples: Tensor) -> Tensor:
        """Features (n, d)."""
        check_shapes(samples, self._shape)
        return extract(self._features, samples, features_name(self._features))
