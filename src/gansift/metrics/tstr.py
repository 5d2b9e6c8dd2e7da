"""Train on synthetic, test on real (TSTR; Esteban, Hyland and Rätsch 2017): what a classifier learns from samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from gansift.metrics.labelled import LabelledDistance

if TYPE_CHECKING:
    from gansift.data.examples import Examples

# Of the penalty on a coefficient, beside the mean squared error; features have unit variance on held-out data.
_RIDGE = 0.01


class _Test(NamedTuple):
    """Held-out examples to test a classifier on.

    Attributes:
        mean: of each feature over them, (d,).
        spread: standard deviation of each feature, (d,).
        inputs: their standardised features and a 1, (N, d + 1).
        labels: their classes, (N,).
    """

    mean: Tensor
    spread: Tensor
    inputs: Tensor
    labels: Tensor


class TSTR(LabelledDistance):
    """The squared error on held-out examples of a classifier that was fitted to samples of requested classes.

    The classifier is ridge regression of the classes' indicators on fixed features, in closed form, so that the
    derivative in every sample is exact: with standardised features and a 1 in the rows of Phi, indicators Y and M
    samples, W = (Phi^T Phi / M + ridge I)^-1 Phi^T Y / M, where the constant has no penalty. The metric is the mean
    over held-out examples of |W^T phi - y|^2: 0 if all are told for sure, and about 1 - 1/K for a classifier of K
    classes that has learnt nothing.

    Arguments and errors are those of `LabelledDistance`.

    Attributes:
        reported: the share of held-out examples that get a wrong label.
    """

    family = "tstr"
    label = "TSTR loss"
    meaning = "the squared error on held-out data of a linear classifier of features, fitted to generated samples"

    def __init__(self, features: Any, reference: Examples, **more: Any) -> None:
        super().__init__(features, reference, **more)
        self.caution = "Its features are fixed: a classifier that learns its own may need more than samples teach."
        if type(self) is TSTR:
            self.reported = TSTRError(features, reference, **more)

    def _fit_labelled(self, reference: Tensor, labels: Tensor) -> _Test:
        mean, spread = reference.mean(0), reference.std(0)
        spread = torch.where(spread > 0, spread, torch.ones_like(spread))
        return _Test(mean, spread, _with_constant((reference - mean) / spread), labels)

    def _compare_labelled(self, features: Tensor, labels: Tensor, fitted: _Test) -> tuple[float, Tensor]:
        leaf = features.detach().requires_grad_()
        with torch.enable_grad():
            found, test = self._predicted(leaf, labels, fitted)
            truth = torch.eye(len(self.classes), dtype=found.dtype, device=found.device)[test.labels]
            loss = (found - truth).square().sum(1).mean()
        return float(loss.detach()), torch.autograd.grad(loss, leaf)[0]

    def _predicted(self, features: Tensor, labels: Tensor, fitted: _Test) -> tuple[Tensor, _Test]:
        """What the classifier that is fitted to samples says of the held-out examples, (N, classes)."""
        test = _Test(*(part.to(features.device) for part in fitted))
        inputs = _with_constant((features - test.mean) / test.spread)
        truth = torch.eye(len(self.classes), dtype=features.dtype, device=features.device)[labels.to(features.device)]
        penalty = torch.full((inputs.shape[1],), _RIDGE, dtype=features.dtype, device=features.device)
        penalty[-1] = 0.0
        squares = inputs.T @ inputs / len(inputs) + penalty.diag()
        return test.inputs @ torch.linalg.solve(squares, inputs.T @ truth / len(inputs)), test


class TSTRError(TSTR):
    """The share of held-out examples that get a wrong label of the classifier of `TSTR`; it has no useful gradient."""

    family = "tstr-error"
    label = "TSTR error"
    meaning = "the share of held-out examples mislabelled by a linear classifier that was fitted to generated samples"

    def _compare_labelled(self, features: Tensor, labels: Tensor, fitted: _Test) -> tuple[float, Tensor]:
        found, test = self._predicted(features, labels, fitted)
        return float((found.argmax(1) != test.labels).double().mean()), torch.zeros_like(features)


def _with_constant(features: Tensor) -> Tensor:
    return torch.cat([features, torch.ones_like(features[:, :1])], dim=1)
