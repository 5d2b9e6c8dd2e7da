"""Feature spaces for metrics: what they are, and those that are trained on held-out examples in seconds.

A features object is any differentiable callable from samples (n, *shape) to features (n, d). It may have ``logits``,
a callable of the same kind that IS needs, a ``name``, which ends up in the metric's, and a ``chunk``: how many samples
to give it together, for networks that take much memory.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gansift.errors import DataError, GansiftError
from gansift.games.copying import copy_of

if TYPE_CHECKING:
    from gansift.data.examples import Examples

# Few, because the bias of FID grows with their square over the number of samples.
_FEATURES = 16
_BATCH = 64
_LEARNING_RATE = 3e-3
_WEIGHT_DECAY = 1e-2
# Keeps the features of a few hundred memorised examples from growing without bound as training goes on.
_LABEL_SMOOTHING = 0.05
# Up to this many pixels a side, a fully connected network is as good as convolutions, and faster.
_SMALL_SIDE = 16
_FEWEST_EXAMPLES = 10
# Samples that go through features together.
_CHUNK = 500


class NetworkFeatures:
    """A frozen network as features; it computes in whatever floating-point type and place the samples have.

    Args:
        network: module from samples (n, *shape) to features (n, d).
        name: for the metric's name.
    """

    def __init__(self, network: nn.Module, name: str) -> None:
        self.name = file_safe(name)
        self._network = network
        self._copies: dict[tuple[torch.dtype, torch.device], nn.Module] = {}

    def __call__(self, samples: Tensor) -> Tensor:
        """Features (n, d) of samples (n, *shape)."""
        return self.network_for(samples)(samples)

    def network_for(self, samples: Tensor) -> nn.Module:
        """The network in the samples' type and place, frozen and in evaluation mode."""
        key = (samples.dtype, samples.device)
        if key not in self._copies:
            # Without a graph, or the copy of a TorchScript network would hang on to the original's parameters.
            with torch.no_grad():
                network = copy_of(self._network).to(device=samples.device, dtype=samples.dtype).eval()
            for value in network.parameters():
                value.requires_grad_(False)
            self._copies[key] = network
        return self._copies[key]


class ClassifierFeatures(NetworkFeatures):
    """The penultimate layer of a small smooth classifier; make one with `fit`.

    Attributes:
        accuracy: share of right answers on a fifth of the examples, held back from a first fit; the network that
            is kept has seen all of them.
        classes: number of classes.
    """

    def __init__(self, network: nn.Module, name: str, accuracy: float, classes: int) -> None:
        super().__init__(network, name)
        self.accuracy = accuracy
        self.classes = classes

    @classmethod
    def fit(cls, examples: Examples, *, seed: int = 0, steps: int = 300) -> ClassifierFeatures:
        """Train a classifier on labelled held-out examples, the same one for the same seed.

        Args:
            examples: at least 10, with labels of at least 2 classes; not the training set of the game.
            seed: decides initialisation and batches.
            steps: of AdamW with 64 examples each.

        Raises:
            DataError: without labels, with one class, or with too few examples.
        """
        if examples.labels is None:
            raise DataError("ClassifierFeatures need labels and these examples have none; use AutoencoderFeatures")
        _check_enough(examples)
        x, labels = examples.x, examples.labels
        classes = int(labels.max()) + 1
        if len(labels.unique()) < 2:
            raise DataError("all examples have the same label, so no classifier can be fitted; use AutoencoderFeatures")

        def fitted(rows: Tensor) -> nn.Sequential:
            network = nn.Sequential(_trunk(x, _FEATURES), nn.Linear(_FEATURES, classes)).to(x.dtype)

            def loss(batch: Tensor) -> Tensor:
                logits, truth = network(x[rows[batch]]), labels[rows[batch]]
                return functional.cross_entropy(logits, truth, label_smoothing=_LABEL_SMOOTHING)

            _train(network, loss, len(rows), steps)
            return network

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            kept, held_back = _held_back_fifth(len(x))
            guessed = _predict(fitted(kept), x[held_back]).argmax(dim=1)
            accuracy = float((guessed == labels[held_back]).double().mean())
            network = fitted(torch.arange(len(x)))
        return cls(network, f"classifier{_FEATURES}", accuracy, classes)

    def __call__(self, samples: Tensor) -> Tensor:
        """Features (n, d) of samples (n, *shape): what the last layer sees."""
        network: Any = self.network_for(samples)
        return network[0](samples)

    def logits(self, samples: Tensor) -> Tensor:
        """Logits (n, classes) of samples (n, *shape)."""
        return self.network_for(samples)(samples)


class AutoencoderFeatures(NetworkFeatures):
    """The code of a small smooth autoencoder, for examples without labels; make one with `fit`.

    Every coordinate of the code has unit variance over the examples it was fitted to.

    Attributes:
        unexplained: share of the variance that is not reconstructed, on a fifth of the examples held back from a
            first fit; 0 is perfect, 1 no better than the mean.
    """

    def __init__(self, network: nn.Module, name: str, unexplained: float) -> None:
        super().__init__(network, name)
        self.unexplained = unexplained

    @classmethod
    def fit(cls, examples: Examples, *, seed: int = 0, steps: int = 300) -> AutoencoderFeatures:
        """Train an autoencoder on held-out examples, the same one for the same seed.

        Args:
            examples: at least 10; not the training set of the game.
            seed: decides initialisation and batches.
            steps: of AdamW with 64 examples each.

        Raises:
            DataError: with too few examples.
        """
        _check_enough(examples)
        x = examples.x
        target = _Standardise(x)(x) if x.dim() == 2 else x.flatten(1)
        size = _FEATURES if _is_small(x) else 2 * _FEATURES

        def fitted(rows: Tensor) -> nn.Sequential:
            encoder = nn.Sequential(_trunk(x, size), nn.Linear(size, size))
            decoder = nn.Sequential(nn.Linear(size, 128), nn.SiLU(), nn.Linear(128, target.shape[1]))
            network = nn.Sequential(encoder, decoder).to(x.dtype)

            def loss(batch: Tensor) -> Tensor:
                return functional.mse_loss(network(x[rows[batch]]), target[rows[batch]])

            _train(network, loss, len(rows), steps)
            return network

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            kept, held_back = _held_back_fifth(len(x))
            missed = _predict(fitted(kept), x[held_back]) - target[held_back]
            variance = (target[held_back] - target[kept].mean(dim=0)).square().sum()
            encoder = fitted(torch.arange(len(x)))[0]
        code = _Standardise(_predict(encoder, x))
        network = nn.Sequential(encoder, code)
        unexplained = float(missed.square().sum() / variance.clamp_min(torch.finfo(x.dtype).tiny))
        return cls(network, f"autoencoder{size}", unexplained)


def extract(features: Callable[[Tensor], Tensor], samples: Tensor, name: str) -> Tensor:
    """Features (n, d) of samples (n, *shape), checked.

    Raises:
        GansiftError: if the features fail, or return something of another shape; naming them.
    """
    try:
        values = features(samples)
    except GansiftError:
        raise
    except Exception as error:
        raise GansiftError(
            f"the features {name} failed on samples of shape {tuple(samples.shape)}, {samples.dtype}: {error}"
        ) from error
    if not isinstance(values, Tensor) or values.dim() != 2 or len(values) != len(samples):
        got = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise GansiftError(f"the features {name} must have shape ({len(samples)}, d), got {got}")
    return values


def usual_chunk(features: Any) -> int:
    """Samples that features take together where nobody says otherwise: their ``chunk``, else 500."""
    chunk = getattr(features, "chunk", None)
    return chunk if isinstance(chunk, int) else _CHUNK


def features_name(features: Any) -> str:
    """A name for a file name: the features' ``name``, else that of the function or class."""
    for name in (getattr(features, "name", None), getattr(features, "__name__", None)):
        if isinstance(name, str) and name:
            return file_safe(name)
    return file_safe(type(features).__name__)


def file_safe(name: str) -> str:
    """``name`` with every run of characters but letters, digits, dot, minus and underscore made one minus."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "features"


class _Standardise(nn.Module):
    """Shifts and scales each column to mean 0 and variance 1 over ``x`` (n, d); constant columns are only shifted."""

    mean: Tensor
    scale: Tensor

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        scale = x.std(dim=0)
        self.register_buffer("mean", x.mean(dim=0))
        self.register_buffer("scale", torch.where(scale > 1e-6 * (1 + x.abs().amax(dim=0)), scale, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.scale


def _is_small(x: Tensor) -> bool:
    return x.dim() == 2 or max(x.shape[2:]) <= _SMALL_SIDE


def _trunk(x: Tensor, size: int) -> nn.Sequential:
    """A fresh network from examples like ``x`` to ``size`` features: fully connected if they are small."""
    if _is_small(x):
        first = _Standardise(x) if x.dim() == 2 else nn.Flatten()
        return nn.Sequential(first, nn.Linear(math.prod(x.shape[1:]), 64), nn.SiLU(), nn.Linear(64, size), nn.SiLU())
    layers: list[nn.Module] = []
    channels, height, width = x.shape[1:]
    for outputs in (16, *[32] * math.ceil(math.log2(max(height, width) / _SMALL_SIDE))):
        layers += [nn.Conv2d(channels, outputs, 5, stride=2, padding=2), nn.SiLU()]
        channels, height, width = outputs, (height + 1) // 2, (width + 1) // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, size), nn.SiLU())


def _train(network: nn.Module, loss: Callable[[Tensor], Tensor], count: int, steps: int) -> None:
    """AdamW on random batches of the rows 0 ... count - 1, with a learning rate that falls to 0."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * (1 - step / steps)
        optimizer.zero_grad()
        loss(torch.randint(count, (min(_BATCH, count),))).backward()
        optimizer.step()


def _predict(network: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([network(part) for part in x.split(500)])


def _held_back_fifth(count: int) -> tuple[Tensor, Tensor]:
    order = torch.randperm(count)
    return order[count // 5 :], order[: count // 5]


def _check_enough(examples: Examples) -> None:
    if len(examples.x) < _FEWEST_EXAMPLES:
        raise DataError(
            f"features need at least {_FEWEST_EXAMPLES} held-out examples to be fitted to, got {len(examples.x)}"
        )
