"""What a metric is, and how its value and gradient are computed from any number of samples in bounded memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from gansift.errors import GansiftError, UsageError
from gansift.games import Draw, Trained

if TYPE_CHECKING:
    from gansift.data.examples import Examples

Direction = Literal["lower", "higher"]


@runtime_checkable
class HasTrained(Protocol):
    """Anything that has trained players, such as a run."""

    def trained(self) -> Trained:
        """The players at their read-out parameters."""
        ...


@runtime_checkable
class Metric(Protocol):
    """A number that says how good a generator is.

    Attributes:
        name: short and fit for a file name.
        direction: whether lower or higher values are better.

    A metric that is a logarithm says so by an attribute ``logarithmic = True``: its changes are then judged by
    themselves, and not as shares of its value, when it is told how far scores can be believed.
    """

    name: str
    direction: Direction

    def value(self, source: Tensor | Trained | HasTrained) -> float:
        """The metric of samples (n, *shape), of trained players, or of a run."""
        ...

    def gradient(self, source: Trained | HasTrained) -> dict[str, Tensor]:
        """Its gradient in each player's flat read-out parameters; zeros for players it does not use."""
        ...


class SampleMetric(ABC):
    """A metric of the features of samples, E(f(G(z_1)), ..., f(G(z_M))), with fixed latents z.

    Value and gradient take two passes: the first computes the features of all samples without a graph, then E and
    the cotangent dE/df come in closed form and float64, and the second pass computes each chunk of samples again
    and pulls the cotangent back through it. Only one chunk's graph is in memory at a time.

    Args:
        latents: number of samples M that the trained game is asked for.
        seed: decides the latents. All chunks take theirs from one stream, so ``chunk`` does not change them for
            games whose ``sample`` draws once.
        chunk: samples computed together; fewer take less memory.

    Attributes:
        label: a short name; it, the meaning and the caution are as in `Words`.
        meaning: what it measures.
        caution: what must not be read into it.

    Raises:
        UsageError: if ``latents`` or ``chunk`` is below 1.
    """

    name: str
    direction: Direction
    label: str = ""
    meaning: str = ""
    caution: str = ""

    def __init__(self, latents: int, seed: int, chunk: int = 500) -> None:
        if latents < 1 or chunk < 1:
            raise UsageError(f"a metric needs latents and chunk of 1 or more; got {latents} and {chunk}")
        self.latents = latents
        self.seed = seed
        self.chunk = chunk

    @abstractmethod
    def features(self, samples: Tensor) -> Tensor:
        """Features (n, d) of samples (n, *shape), each of its own sample alone and differentiable in it."""

    @abstractmethod
    def evaluate(self, features: Tensor) -> tuple[float, Tensor]:
        """The metric of float64 features (M, d), and its derivative in them, (M, d)."""

    def value(self, source: Tensor | Trained | HasTrained) -> float:
        """The metric of samples (n, *shape), of trained players, or of a run.

        Raises:
            GansiftError: if a sample or feature is NaN or infinite.
        """
        if isinstance(source, Tensor):
            return self.evaluate(self._collect(source.split(self.chunk)))[0]
        return self.evaluate(self._collect(self._samples(trained_of(source))))[0]

    def gradient(self, source: Trained | HasTrained) -> dict[str, Tensor]:
        """The metric's gradient, player name -> vector shaped like that player's flat parameters.

        Raises:
            GansiftError: if a sample or feature is NaN or infinite, or features have no derivative.
        """
        trained = trained_of(source)
        cotangents = self.evaluate(self._collect(self._samples(trained)))[1].split(self.chunk)
        leaves = {name: flat.detach().requires_grad_() for name, flat in trained.parameters.items()}
        gradient = {name: torch.zeros_like(flat) for name, flat in trained.parameters.items()}
        for samples, cotangent in zip(self._samples(trained, leaves), cotangents, strict=True):
            features = self.features(samples)
            if not features.requires_grad:
                raise GansiftError(
                    f"{self.name} has no gradient: its features, or the game's samples, are cut off from the "
                    "generator's parameters. Remove torch.no_grad() and detach() from the feature function."
                )
            pulled = torch.autograd.grad(features, list(leaves.values()), cotangent.to(features), allow_unused=True)
            for name, part in zip(leaves, pulled, strict=True):
                if part is not None:
                    gradient[name] += part
        return gradient

    def _samples(self, trained: Trained, parameters: dict[str, Tensor] | None = None) -> Iterator[Tensor]:
        """The trained game's samples chunk by chunk, the same ones every time."""
        draw = Draw(self.seed, "metric", dtype=trained.dtype, device=trained.device)
        for start in range(0, self.latents, self.chunk):
            yield trained.sample(min(self.chunk, self.latents - start), draw, parameters)

    def _collect(self, chunks: Any) -> Tensor:
        with torch.no_grad():
            features = torch.cat([self.features(samples).double() for samples in chunks])
        broken = int((~features.isfinite()).any(dim=1).sum())
        if broken:
            raise GansiftError(
                f"{self.name} cannot be computed: {broken} of {len(features)} samples are NaN or infinite, or have "
                "such features. The training has diverged; lower the learning rate or use an earlier checkpoint."
            )
        return features


def trained_of(source: Any) -> Trained:
    """The trained players that ``source`` is or has.

    Raises:
        TypeError: if it is neither.
    """
    if isinstance(source, HasTrained):
        return source.trained()
    if hasattr(source, "sample") and hasattr(source, "parameters"):
        return source
    raise TypeError(f"expected a games.Trained or something with .trained(), got {type(source).__name__}")


def reference_tensor(reference: Examples | Tensor) -> Tensor:
    """The reference examples as a tensor (N, *shape)."""
    return reference if isinstance(reference, Tensor) else reference.x


def in_chunks(function: Callable[[Tensor], Tensor], x: Tensor, chunk: int) -> Tensor:
    """``function`` of the rows of ``x``, ``chunk`` of them at a time and without a graph."""
    with torch.no_grad():
        return torch.cat([function(part) for part in x.split(chunk)])


def check_shapes(samples: Tensor, reference: tuple[int, ...]) -> None:
    """Refuse samples that are not of the reference examples' shape.

    Raises:
        UsageError: naming both shapes.
    """
    if tuple(samples.shape[1:]) != reference:
        raise UsageError(
            f"the samples have shape {tuple(samples.shape[1:])}, the reference examples {reference}; "
            "use reference data prepared like the training data"
        )
