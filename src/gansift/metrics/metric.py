"""What a metric is, and how its value and gradient are computed from any number of samples in bounded memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from gansift.errors import GansiftError, UsageError
from gansift.games import Draw, Trained
from gansift.metrics.blocks import kept_rows

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
    """A number that says how good trained players are.

    Attributes:
        name: short and fit for a file name.
        direction: whether lower or higher values are better.

    It may have more attributes; these are what they are taken for where it has none:

    - ``label`` (its name), ``meaning`` (empty) and ``caution`` (empty): see `Words` and `words_of`;
    - ``scale`` (None): the size of a change that matters, for a metric that may be near 0, such as a gap. Effects are
      compared with it, and not with the metric's value, when it is told how far scores can be believed;
    - ``logarithmic`` (False): its changes are judged by themselves, because they are relative changes already;
    - ``floor`` (None): the value that a perfect model would have;
    - ``reported`` (itself): the metric that people report in place of this differentiable one, see `reported_of`;
    - ``weight_gradient(source)`` (none): the derivative in the training weights themselves, of a metric that reads
      them, see `weight_gradient_of`.
    """

    name: str
    direction: Direction

    def value(self, source: Trained | HasTrained) -> float:
        """The metric of trained players, or of a run; some metrics of samples take samples (n, *shape), too."""
        ...

    def gradient(self, source: Trained | HasTrained) -> dict[str, Tensor]:
        """Its gradient in each player's flat read-out parameters; zeros for players it does not use."""
        ...


class Words(NamedTuple):
    """What a metric is called and said to be, where people read of it.

    Attributes:
        label: a short name, such as ``FID``.
        meaning: what it measures, one clause.
        caution: what must not be read into its values, one sentence; empty where nothing has to be said.
    """

    label: str
    meaning: str = ""
    caution: str = ""


def words_of(metric: Metric) -> Words:
    """The words of any metric; one that brings none is called by its name.

    >>> from gansift.metrics import ALL
    >>> words_of(ALL(torch.zeros(5, 1))).label
    'ALL'
    """
    label, meaning, caution = (getattr(metric, name, "") for name in Words._fields)
    return Words(label or metric.name, meaning, caution)


def reported_of(metric: Metric) -> Metric:
    """What people report of a metric: its twin (the gap of decisions for that of probabilities), or itself."""
    return getattr(metric, "reported", None) or metric


def weight_gradient_of(metric: Metric, source: Trained | HasTrained) -> Tensor | None:
    """A metric's derivative in the training weights at fixed players, float64, shape (N,).

    None for a metric that does not read the weights: it depends on them through the players alone.
    """
    derive = getattr(metric, "weight_gradient", None)
    gradient: Tensor | None = None if derive is None else derive(source)
    return None if gradient is None else gradient.detach().double()


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
            UsageError: if the game has no samples.
            GansiftError: if a sample or feature is NaN or infinite.
        """
        if isinstance(source, Tensor):
            return self.evaluate(self._collect(source.split(self.chunk)))[0]
        return self.evaluate(self.features_of(source))[0]

    def features_of(self, source: Trained | HasTrained) -> Tensor:
        """The features of all samples of trained players, or of a run, float64 (M, d).

        Raises:
            UsageError, GansiftError: as `value`.
        """
        return self._collect(self._samples(trained_of(source)))

    def without_examples(self, features: Tensor, blocks: int) -> list[float]:
        """The metric of these features without each of several blocks of held-out examples, see `metrics.replicates`.

        None for a metric that compares samples with no held-out examples.
        """
        return []

    def without_latents(self, features: Tensor, blocks: int) -> list[float]:
        """The metric of these features (M, d) without each of several blocks of samples, see `metrics.replicates`."""
        return [self.evaluate(features[rows])[0] for rows in kept_rows(len(features), blocks)]

    def requested(self, count: int) -> Tensor | None:
        """The classes that ``count`` samples are asked to be of, int64 (count,); None lets the game choose."""
        return None

    def gradient(self, source: Trained | HasTrained) -> dict[str, Tensor]:
        """The metric's gradient, player name -> vector shaped like that player's flat parameters.

        Raises:
            UsageError: if the game has no samples.
            GansiftError: if a sample or feature is NaN or infinite, or features have no derivative.
        """
        trained = trained_of(source)
        cotangents = self.evaluate(self.features_of(trained))[1].split(self.chunk)
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
        if not trained.game.offers("sample"):
            raise UsageError(
                f"{self.name} is a metric of samples, and {type(trained.game).__name__} has no method "
                "sample(net, count, draw). Write one, or use a metric of its players (metrics.NetMetric)."
            )
        draw = Draw(self.seed, "metric", dtype=trained.dtype, device=trained.device)
        requested = self.requested(self.latents)
        for rows in torch.arange(self.latents).split(self.chunk):
            label = None if requested is None else requested[rows]
            yield trained.sample(len(rows), draw, parameters, label)

    def _collect(self, chunks: Any) -> Tensor:
        parts, finite = [], []
        with torch.no_grad():
            for samples in chunks:
                parts.append(self.features(samples).double())
                finite.append(samples.flatten(1).isfinite().all(dim=1).to(parts[-1].device))
        features = torch.cat(parts)
        broken = (~features.isfinite()).any(dim=1)
        if not broken.any():
            return features
        own = int((broken & torch.cat(finite)).sum())
        if own:
            raise GansiftError(
                f"{self.name} cannot be computed: its features are NaN or infinite for {own} of {len(features)} "
                "samples whose own numbers are finite. Look for what the features divide by, or take the logarithm of."
            )
        raise GansiftError(
            f"{self.name} cannot be computed: {int(broken.sum())} of {len(features)} samples are NaN or infinite. The "
            "training has diverged; lower the learning rate or use an earlier checkpoint."
        )


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


def subset(reference: Examples | Tensor, rows: Tensor) -> Examples | Tensor:
    """Some of the reference examples, in the form in which they are."""
    return reference[rows] if isinstance(reference, Tensor) else reference.subset(rows)


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
