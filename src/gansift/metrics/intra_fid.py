"""Intra-FID: the Fréchet distance within each class (Miyato and Koyama 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

from gansift.metrics.frechet import NormalFit, frechet_distance, normal_fit
from gansift.metrics.labelled import LabelledDistance


class IntraFID(LabelledDistance):
    """The mean over classes of the Fréchet distance between samples of a class and held-out examples of it.

    A generator that makes good images and few of them, or those of another class, has a low FID and a high intra-FID.
    Arguments, attributes and errors are those of `LabelledDistance`.

    Examples:
        >>> from gansift.data import Examples
        >>> held_out = Examples.of(torch.tensor([[0.0], [2.0], [10.0], [12.0]]), label=["a", "a", "b", "b"])
        >>> fid = IntraFID(lambda points: points, held_out, latents=4)
        >>> fid.value(held_out.x + 3), fid.value(held_out.x.flip(0))  # moved by 3, and with the classes exchanged
        (9.0, 100.0)
    """

    family = "intra-fid"
    label = "intra-FID"
    meaning = "the Fréchet distance between the features of held-out data and of samples of their class, on average"

    def of_classes(self, features: Tensor) -> list[float]:
        """The distance of each class; ``features`` (M, d) are those of samples of requested classes."""
        return [value for value, _ in self._by_class(features, self.requested(len(features)), self._fitted)]

    def _fit_labelled(self, reference: Tensor, labels: Tensor) -> list[NormalFit]:
        return [normal_fit(reference[labels == row]) for row in range(len(self.classes))]

    def _compare_labelled(self, features: Tensor, labels: Tensor, fitted: list[NormalFit]) -> tuple[float, Tensor]:
        derivative, total = torch.zeros_like(features), 0.0
        for row, (value, own) in enumerate(self._by_class(features, labels, fitted)):
            derivative[labels == row] = own / len(self.classes)
            total += value / len(self.classes)
        return total, derivative

    def _by_class(self, features: Tensor, labels: Tensor, fitted: list[NormalFit]) -> list[tuple[float, Tensor]]:
        return [
            frechet_distance(features[labels == row], NormalFit(mean.to(features.device), factor.to(features.device)))
            for row, (mean, factor) in enumerate(fitted)
        ]
