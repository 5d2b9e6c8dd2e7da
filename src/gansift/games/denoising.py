"""What flow matching and diffusion have in common: one network learns to undo noise, and samples are made by steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gansift.errors import TrainingError, UsageError
from gansift.games.batch import Batch, Batches, weighted_mean
from gansift.games.draw import Draw
from gansift.games.game import Game
from gansift.games.parameters import Net
from gansift.games.projection import drawn_classes

#: Times, each with a noise, at which the loss of an example is looked at outside of training.
LOOKS = 16


class Denoising(Game, ABC):
    """One network that sees examples with noise at a time of their own, and learns what `pair` asks of it.

    Its loss is the weighted mean over examples of the mean squared error over the numbers of an example, at one drawn
    time and noise each. With classes it is told that of each example, or, at random, none, so that samples can be
    guided (Ho and Salimans 2022): what is used of the network is then f(no class) + g (f(class) - f(no class)).

    Args:
        network: noisy examples (B, *shape), times (B,) and, with classes, labels (B,) -> (B, *shape), see
            `models.PerceptronDenoiser` and `models.UNet`. It has the attributes ``shape`` and, for dropout, ``drops``.
        sampling_steps: steps in which a sample is made.
        shares: how often samples are of each class, such as its share in the training data; none for a network that is
            told no class.
        untold: probability that an example's class is not told in training.
        guidance: the factor g; at 1 samples are not guided.
        dropout: probability that a number of a layer is dropped in training.

    Raises:
        TrainingError: for shares that are none, or a network that lacks what is asked of it.
        UsageError: for other numbers that make no sense.
    """

    averaged = ("network",)
    redraws = 1

    def __init__(
        self,
        network: nn.Module,
        *,
        sampling_steps: int,
        shares: Sequence[float] = (),
        untold: float = 0.1,
        guidance: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        shape: Any = getattr(network, "shape", None)
        if shape is None:
            raise TrainingError("the network has no attribute `shape`, that of one example, so nothing can be sampled")
        self.shape = tuple(shape)
        self.shares = tuple(float(share) for share in shares)
        if self.shares and (len(self.shares) < 2 or min(self.shares) < 0 or abs(sum(self.shares) - 1) > 1e-6):
            raise TrainingError(f"the shares of two classes or more add up to 1, and are not {list(shares)}")
        if sampling_steps < 1:
            raise UsageError(f"a sample is made in 1 step or more, not {sampling_steps}")
        if not 0 <= untold < 1 or not 0 <= dropout < 1:
            raise UsageError(f"probabilities are at least 0 and below 1, not {untold} and {dropout}")
        if guidance != 1 and not (self.shares and untold):
            raise UsageError("guidance needs classes, and examples whose class is not told")
        if dropout and not getattr(network, "drops", ()):
            raise TrainingError("the network has no attribute `drops`, so nothing of it can be dropped")
        self.sampling_steps, self.untold, self.guidance, self.dropout = sampling_steps, untold, guidance, dropout
        super().__init__(network=network)

    @property
    def conditional(self) -> bool:
        """Whether it can be asked for samples of classes."""
        return bool(self.shares)

    @abstractmethod
    def time(self, uniform: Tensor) -> Tensor:
        """The times of numbers in [0, 1), both (B,)."""

    @abstractmethod
    def pair(self, x: Tensor, time: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Examples as the network sees them at these times, and what it has to say of them, both (B, *shape)."""

    @abstractmethod
    def schedule_of_steps(self) -> Sequence[tuple[float, float]]:
        """The times between which each step of the sampler goes, in order."""

    @abstractmethod
    def stepped(self, said: Callable[[Tensor, float], Tensor], x: Tensor, start: float, end: float) -> Tensor:
        """Samples after one step.

        Args:
            said: what the network says of samples (B, *shape) at a time.
            x: the samples before, (B, *shape).
            start: the time before.
            end: the time after.
        """

    def network_loss(self, net: Net, batch: Batch, draw: Draw) -> Tensor:
        """The mean squared error at drawn times and noises."""
        count, label = len(batch), None
        time, noise = self.time(draw.uniform(count)), draw.normal(count, *self.shape)
        if self.shares:
            assert batch.label is not None  # or `check` would have refused the data
            label = torch.where(draw.uniform(count) < self.untold, self._no_class(batch.x), batch.label)
        kept: list[Tensor] = []
        if self.dropout:
            sizes: Any = self.players["network"].drops
            kept = [(draw.uniform(count, *size) >= self.dropout).to(batch.x) / (1 - self.dropout) for size in sizes]
        return weighted_mean(self.errors(net, batch.x, label, time, noise, kept), batch.weight)

    def errors(
        self, net: Net, x: Tensor, label: Tensor | None, time: Tensor, noise: Tensor, kept: Sequence[Tensor] = ()
    ) -> Tensor:
        """The mean squared error of each example at its time and noise, (B,).

        Args:
            net: the players.
            x: examples, (B, *shape).
            label: their classes, int64 (B,), where the network is told any.
            time: (B,).
            noise: (B, *shape).
            kept: factors of dropout, see `models.PerceptronDenoiser`.
        """
        seen, wanted = self.pair(x, time, noise)
        return (self._asked(net, seen, time, label, kept) - wanted).flatten(1).square().mean(1)

    def denoising_losses(
        self, net: Net, x: Tensor, label: Tensor | None = None, looks: int = LOOKS, seed: int = 0
    ) -> Tensor:
        """The error of each example, (B,): the mean over fixed times, spread evenly, each with a fixed noise.

        Times and noises are the same for all examples and in every call; nothing is dropped. A derivative computes
        every look again, so that memory is needed for one of them.

        Args:
            net: the players.
            x: examples, (B, *shape).
            label: their classes, int64 (B,); None for examples whose class is not told.
            looks: how many times.
            seed: decides the noises.
        """
        if self.shares and label is None:
            label = self._no_class(x)
        draw = Draw(seed, "denoising loss", dtype=x.dtype, device=x.device)
        total = torch.zeros(len(x), dtype=x.dtype, device=x.device)
        for look in range(looks):
            noise = draw.normal(*self.shape).expand(len(x), *self.shape)
            time = self.time(torch.full((len(x),), (look + 0.5) / looks, dtype=x.dtype, device=x.device))
            total = total + _again(partial(self.errors, net), x, label, time, noise)
        return total / looks

    def sample(self, net: Net, count: int, draw: Draw, label: Tensor | None = None) -> Tensor:
        """``count`` samples (count, *shape), with classes of the given ones or of some drawn by ``shares``.

        A derivative computes every step again, so that memory is needed for one of them.
        """
        if self.shares and label is None:
            label = drawn_classes(self.shares, count, draw)
        x = draw.normal(count, *self.shape)
        said = partial(self._guided, net, label)
        for start, end in self.schedule_of_steps():
            x = _again(lambda x, start=start, end=end: self.stepped(said, x, start, end), x)
        return x

    def confidence(self, net: Net, batch: Batches) -> Tensor:
        """How sure the game is that each example was trained on, (B,): less its loss (Carlini et al. 2023)."""
        return -self.denoising_losses(net, batch.x, batch.label)

    def _guided(self, net: Net, label: Tensor | None, x: Tensor, time: float) -> Tensor:
        """What the network says of samples at one time, guided towards their classes."""
        times = torch.full((len(x),), time, dtype=x.dtype, device=x.device)
        told = self._asked(net, x, times, label)
        if self.guidance == 1:
            return told
        free = self._asked(net, x, times, self._no_class(x))
        return free + self.guidance * (told - free)

    def _asked(self, net: Net, x: Tensor, time: Tensor, label: Tensor | None, kept: Sequence[Tensor] = ()) -> Tensor:
        beside = {"label": label} if self.shares else {}
        return net.network(x, time, **beside, **({"kept": kept} if kept else {}))

    def _no_class(self, x: Tensor) -> Tensor:
        """The label of examples whose class is not told, int64 (B,)."""
        return torch.full((len(x),), len(self.shares), dtype=torch.int64, device=x.device)

    def settings(self) -> dict[str, Any]:
        """See `Game.settings`."""
        own: dict[str, Any] = {"sampling_steps": self.sampling_steps, "dropout": self.dropout}
        if self.shares:
            own |= {"shares": list(self.shares), "untold": self.untold, "guidance": self.guidance}
        return super().settings() | own

    def check(self, net: Net, batch: Batch) -> None:
        """Refuse examples of another shape than the network's, and examples without classes where it is told any.

        Raises:
            TrainingError: saying what there is instead.
        """
        name = type(self).__name__
        if tuple(batch.x.shape[1:]) != self.shape:
            raise TrainingError(
                f"the network of {name} is for examples of shape {self.shape}, and these have the shape "
                f"{tuple(batch.x.shape[1:])}"
            )
        if not self.shares:
            return
        if batch.label is None or batch.label.is_floating_point():
            raise TrainingError(f"{name} with shares is told the class of every example, and these have none")
        if int(batch.label.max()) >= len(self.shares):
            raise TrainingError(
                f"{name} knows {len(self.shares)} classes, and there is the label {int(batch.label.max())}"
            )


def _again(function: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """A function's value, whose derivative calls it again in place of keeping what it computed."""
    if not torch.is_grad_enabled():
        return function(*arguments)
    return checkpoint(function, *arguments, use_reentrant=False, preserve_rng_state=False)
