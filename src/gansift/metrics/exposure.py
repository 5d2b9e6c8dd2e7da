"""Exposure: by how much trained players treat training examples as such, which is what membership attacks live on."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gansift.data.examples import Examples
from gansift.errors import UsageError
from gansift.games import Trained
from gansift.metrics.blocks import kept_rows
from gansift.metrics.metric import Direction, HasTrained, trained_of
from gansift.metrics.net_metric import held_out_batch
from gansift.metrics.own_score import has_own_scores, own_scores

_CHUNK = 500


class Exposure:
    """The mean own score of training examples, by their weights, less that of held-out examples.

    With own scores s (`metrics.own_score`), N training examples of weights w and M held-out ones z it is

        sum_i w_i s(x_i) / sum_i w_i - sum_k s(z_k) / M.

    So an example that is removed no longer counts, and the weights are read beside the players. What an example
    contributes by its own score alone is what the estimator `self-influence` looks at.

    Args:
        members: the training examples.
        reference: held-out examples.
        chunk: examples computed together.
    """

    name = "exposure"
    direction: Direction = "lower"
    label = "exposure"
    meaning = "by how much training examples look more like training examples than held-out ones do, in log-odds"
    caution = "It is a mean: an example may be exposed where the average one is not."
    scale = 1.0

    def __init__(self, members: Examples, reference: Examples, chunk: int = _CHUNK) -> None:
        self.members = members
        self.reference = reference
        self._chunk = chunk

    def among(self, rows: Tensor) -> Exposure:
        """The same metric with some of its held-out examples, whose positions are int64 (n,)."""
        return Exposure(self.members, self.reference.subset(rows), self._chunk)

    def value(self, source: Trained | HasTrained) -> float:
        """The exposure by trained players, or by those of a run.

        Raises:
            UsageError: if their game says nothing of an example.
        """
        trained = self._checked(source)
        return float(self._mean_of_members(trained) - self._scores(trained, self.reference).mean())

    def without_examples(self, source: Trained | HasTrained, blocks: int) -> list[float]:
        """The value without each of several blocks of held-out examples, see `metrics.replicates`."""
        trained = self._checked(source)
        inside, others = self._mean_of_members(trained), self._scores(trained, self.reference)
        return [float(inside - others[rows].mean()) for rows in kept_rows(len(others), blocks)]

    def gradient(self, source: Trained | HasTrained) -> dict[str, Tensor]:
        """Its gradient in each player's flat parameters, at fixed training weights.

        Raises:
            UsageError: as `value`.
        """
        trained = self._checked(source)
        leaves = {name: flat.detach().requires_grad_() for name, flat in trained.parameters.items()}
        gradient = {name: torch.zeros_like(flat) for name, flat in leaves.items()}
        weights, count = self._weights(trained), len(self.reference)
        sides = ((self.members, weights / weights.sum()), (self.reference, torch.full((count,), -1 / count)))
        for examples, shares in sides:
            for rows, scores in self._chunks(trained, examples, leaves):
                part = (scores * shares[rows].to(scores)).sum()
                pulled = torch.autograd.grad(part, list(leaves.values()), allow_unused=True, materialize_grads=True)
                for name, share in zip(leaves, pulled, strict=True):
                    gradient[name] += share
        return gradient

    def weight_gradient(self, source: Trained | HasTrained) -> Tensor:
        """Its derivative in the training weights at fixed players, float64, shape (N,).

        Raises:
            UsageError: as `value`.
        """
        trained = self._checked(source)
        return (self._scores(trained, self.members) - self._mean_of_members(trained)) / self._weights(trained).sum()

    def _mean_of_members(self, trained: Trained) -> Tensor:
        weights = self._weights(trained)
        return (weights * self._scores(trained, self.members)).sum() / weights.sum()

    def _weights(self, trained: Trained) -> Tensor:
        if trained.weights is None:
            return torch.ones(len(self.members), dtype=torch.float64)
        return trained.weights.double().cpu()

    def _scores(self, trained: Trained, examples: Examples) -> Tensor:
        with torch.no_grad():
            parts = [scores for _, scores in self._chunks(trained, examples, trained.parameters)]
        return torch.cat(parts).double().cpu()

    def _chunks(
        self, trained: Trained, examples: Examples, parameters: dict[str, Tensor]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Rows of the examples, chunk by chunk, with their own scores."""
        net = trained.net(parameters)
        for rows in torch.arange(len(examples)).split(self._chunk):
            yield rows, own_scores(trained.game, net, held_out_batch(examples, rows, trained.dtype, trained.device))

    def _checked(self, source: Trained | HasTrained) -> Trained:
        trained = trained_of(source)
        if not has_own_scores(trained.game, self.members.labels):
            raise UsageError(
                f"the metric {self.name} needs players that label examples or have a discriminator, and "
                f"{type(trained.game).__name__} says nothing of an example"
            )
        return trained
