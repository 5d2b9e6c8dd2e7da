"""A step in which one player learns from the training examples with differential privacy, and nobody else sees them.

DP-SGD (Abadi et al. 2016) for a GAN. The part of the discriminator's loss that depends on an example i is

    l_i = L({i}; w = 1) - L({i}; w = 0),

where L({i}; w) is its loss on a batch of this example alone, with weight w. The rest, which is of generated samples, is
its loss on a batch of nothing. It follows the gradient

    grad L(nothing) + (sum over the batch of clip_C(w_i grad l_i) + z C N(0, 1)) / B,

where every example is drawn into the batch independently with probability B / N, clip_C shortens what is longer than C,
and N(0, 1) is a standard normal vector. The generator moves by its loss on a batch of nothing: what it knows of the
examples it has from the discriminator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import grad, vmap

from gansift.data.examples import Examples
from gansift.errors import TrainingError
from gansift.games.batch import Batch, Batches
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.games.gan import GAN
from gansift.training.accountant import Privacy, noise_for, spent
from gansift.training.devices import repeatable
from gansift.training.optimizers import Optimizer
from gansift.training.step import Settings, Step, gradient_of

# Examples whose gradients are in memory at a time.
_CHUNK = 64


@dataclass(frozen=True)
class Guarantee:
    """What was promised of every single training example, and by what it is kept.

    Neighbours are data sets of which one has one example more; how many there are counts as known.

    Attributes:
        epsilon: what one training spent.
        delta: the probability that this may not hold.
        noise: the noise multiplier.
        clip: the norm that the gradient of each example was clipped to.
        rate: the probability with which each example was drawn into a batch.
        updates: of the discriminator, in one training.
    """

    epsilon: float
    delta: float
    noise: float
    clip: float
    rate: float
    updates: int

    def of_trainings(self, count: int) -> float:
        """The epsilon, at the same delta, of as many trainings as are given away, each with noise of its own."""
        return spent(self.noise, self.rate, count * self.updates, self.delta)


def private_players(optimizers: Mapping[str, Optimizer]) -> list[str]:
    """The players that promise differential privacy."""
    return [player for player, optimizer in optimizers.items() if optimizer.private is not None]


class PrivateStep(Step):
    """A step whose discriminator learns with differential privacy, see the module.

    Attributes:
        rate: the probability with which each example is drawn into a batch.
        moved: how often the discriminator moves in the whole run.
        noise: the noise multiplier z, the least that keeps the promise.

    Args:
        game: a GAN without augmentation and without a gradient penalty between real examples and samples.
        data: one data set.
        settings: of which the discriminator's optimizer is private; ``noise_key`` decides what is drawn.

    Raises:
        TrainingError: for a training of which the promise could not be kept.
    """

    private = True

    def __init__(self, game: Game, data: Mapping[str, Examples], settings: Settings) -> None:
        _check(game, data, settings)
        super().__init__(game, data, settings)
        ((self._set, examples),) = data.items()
        promise = settings.optimizers["discriminator"].private
        assert promise is not None
        self._promise: Privacy = promise
        self._batch = settings.batch_size[self._set]
        self.rate = self._batch / len(examples)
        self.moved = settings.steps * self.updates["discriminator"]
        self.noise = noise_for(promise.epsilon, self.rate, self.moved, promise.delta)

    @property
    def guarantee(self) -> Guarantee:
        """What is promised, by the noise that is added."""
        delta, clip = self._promise.delta, self._promise.clip
        epsilon = spent(self.noise, self.rate, self.moved, delta)
        return Guarantee(epsilon, delta, self.noise, clip, self.rate, self.moved)

    def followed(
        self, number: int, player: str, turn: int, parameters: Mapping[str, Tensor], weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As in `Step`; the loss is that of a batch of nothing, since others would tell of the examples."""
        with repeatable(self.settings.device):
            apart, loss = self._of_nothing(number, player, turn, parameters)
            if player != "discriminator":
                return apart, loss
            drawn = self.drawn(number, turn)
            total = self.clipped_sum(number, turn, parameters, drawn, weights[drawn])
            noise = self._draw("noise", number, turn).normal(len(total))
            return apart + (total + self.noise * self._promise.clip * noise) / self._batch, loss

    def drawn(self, number: int, turn: int) -> Tensor:
        """The rows of the examples in one batch of the discriminator, int64: each is there with probability `rate`."""
        uniform = self._draw("poisson", number, turn, dtype=torch.float64).uniform(len(self.ids))
        return torch.nonzero(uniform < self.rate).flatten()

    def clipped_sum(
        self, number: int, turn: int, parameters: Mapping[str, Tensor], rows: Tensor, weights: Tensor
    ) -> Tensor:
        """The sum of clip_C(w_i grad l_i) over examples, in the discriminator's parameters, shape (P,).

        Args:
            number: of the step.
            turn: updates of the discriminator earlier in this step.
            parameters: flat parameters of every player.
            rows: of the examples, int64 (n,), n possibly 0.
            weights: of these examples, (n,).
        """
        own = parameters["discriminator"].detach()
        gradients_of = vmap(grad(self._part(number, turn, parameters)), in_dims=(None, 0))
        total = torch.zeros_like(own)
        for some, of_some in zip(rows.split(_CHUNK), weights.split(_CHUNK), strict=True):
            if len(some):
                gradients = of_some[:, None] * gradients_of(own, self.x[self._set][some])
                norms = gradients.norm(dim=1, keepdim=True)
                total += (gradients * (self._promise.clip / norms).clamp(max=1)).sum(0)
        return total

    def _part(self, number: int, turn: int, parameters: Mapping[str, Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
        """l_i as a function of the discriminator's parameters and the example."""

        def part(own: Tensor, x: Tensor) -> Tensor:
            net = self.net({**parameters, "discriminator": own})
            with_it, without_it = (
                self.game.loss(
                    "discriminator",
                    net,
                    self._batch_of_own(number, turn, x[None], weight),
                    self.draw(number, "discriminator", turn),
                )
                for weight in (1.0, 0.0)
            )
            return with_it - without_it

        return part

    def _of_nothing(
        self, number: int, player: str, turn: int, parameters: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """A player's gradient and loss on a batch of as many blank examples of weight 0."""
        blank = torch.zeros_like(self.x[self._set][: self._batch])
        batch = self._batch_of_own(number, turn, blank, 0.0)
        draw = self.draw(number, player, turn)
        gradient, loss = gradient_of(
            player, lambda bound, _: self.game.loss(player, self.net(bound), batch, draw), parameters, {}
        )
        return gradient, loss

    def _batch_of_own(self, number: int, turn: int, x: Tensor, weight: float) -> Batches:
        weights = torch.full((len(x),), weight, dtype=self.dtype, device=x.device)
        return Batches({self._set: Batch(x, weights, None, number, self.settings.steps, turn)})

    def _draw(self, purpose: str, number: int, turn: int, dtype: torch.dtype | None = None) -> Draw:
        key = (self.settings.noise_key, purpose, number, turn)
        return Draw(*key, dtype=dtype or self.dtype, device=self.settings.device)


def _check(game: Game, data: Mapping[str, Examples], settings: Settings) -> None:
    players = private_players(settings.optimizers)
    reasons = {
        f"the game {type(game).__name__}, of which it is not known what else looks at examples": type(game) is not GAN,
        f"the player {', '.join(players)}, since it is the discriminator that sees examples": (
            players != ["discriminator"]
        ),
        f"{len(data)} data sets": len(data) != 1,
        "augmentation, mirroring or a gradient penalty between examples and samples": isinstance(game, GAN)
        and bool(game.augment or game.mirror or game.gradient_penalty),
        "removal that divides by the sum of weights": settings.renormalise,
        "batches in parts, stacks of seeds or compiled steps": settings.shards > 1
        or settings.stack > 1
        or settings.compiled,
        "no key to draw noise by": not settings.noise_key,
    }
    odd = [reason for reason, holds in reasons.items() if holds]
    if odd:
        raise TrainingError(f"differentially private training is not there for {'; '.join(odd)}")
