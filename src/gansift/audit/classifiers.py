"""Classifiers that an audit trains: a small network, or any estimator with the interface of scikit-learn."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gansift.errors import UsageError
from gansift.named import import_named

#: The name of the small network.
NETWORK = "network"

#: What is fitted predicts classes, int64 (n,), of examples (n, *shape).
Fitted = Callable[[Tensor], np.ndarray]
#: From examples (N, *shape), their classes (N,) and a seed.
Classifier = Callable[[Tensor, Tensor, int], Fitted]

_MOST_PIXELS = 16
_BATCH = 32
_RATE = 3e-3
_HIDDEN = 64
_CHUNK = 1000


def classifier_of(name: str, classes: int, steps: int) -> Classifier:
    """A classifier by its name.

    Args:
        name: ``network``, or ``module:name`` of a class or function that makes an estimator with ``fit`` and
            ``predict``, or of such an estimator. Estimators are given flat rows, images in [-1, 1].
        classes: number of classes.
        steps: that the network is trained for.

    Raises:
        UsageError: if there is nothing of that name, or it is no estimator.
    """
    if name == NETWORK:
        return lambda x, labels, seed: _network(x, labels, seed, classes, steps)
    made = import_named(name, "a classifier")

    def fitted(x: Tensor, labels: Tensor, seed: int) -> Fitted:
        estimator = _estimator(name, made, seed)
        estimator.fit(x.flatten(1).numpy(), labels.numpy())
        return lambda tested: np.asarray(estimator.predict(tested.flatten(1).numpy()))

    return fitted


def _estimator(name: str, made: Any, seed: int) -> Any:
    """A new estimator, with its random numbers decided by the seed where it has such a parameter."""
    if isinstance(made, type) or inspect.isfunction(made) or inspect.isbuiltin(made):
        try:
            estimator = made()
        except TypeError as error:
            raise UsageError(
                f"--classifier {name}: it cannot be made without arguments ({error}). Name a function without "
                "arguments that makes it, file.py:function."
            ) from error
    else:
        from sklearn.base import clone

        estimator = clone(made, safe=False)
    for method in ("fit", "predict"):
        if not callable(getattr(estimator, method, None)):
            raise UsageError(f"--classifier {name}: {type(estimator).__name__} has no method {method}")
    if hasattr(estimator, "get_params") and "random_state" in estimator.get_params():
        estimator.set_params(random_state=seed)
    return estimator


def _network(x: Tensor, labels: Tensor, seed: int, classes: int, steps: int) -> Fitted:
    """Two convolutions and two dense layers, or two hidden layers for rows, trained for a fixed number of steps.

    The number of steps is the same however many examples there are, so that no training set is ahead by longer
    training. Images are first made smaller, to 16 pixels at most.
    """
    small = _smaller(x)
    mean, spread = small.mean(0, keepdim=True), small.std(0, keepdim=True).nan_to_num(1.0)
    if small.ndim == 4:
        mean, spread = mean.mean(), small.std()

    def seen(images: Tensor) -> Tensor:
        return (_smaller(images) - mean) / torch.where(spread > 0, spread, 1.0)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _layers(tuple(small.shape[1:]), classes)
    inputs, random = seen(x), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = _RATE * (1 + math.cos(math.pi * step / steps)) / 2
        rows = torch.randint(len(inputs), (_BATCH,), generator=random)
        optimizer.zero_grad()
        functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
        optimizer.step()

    def predict(tested: Tensor) -> np.ndarray:
        with torch.no_grad():
            return torch.cat([network(seen(part)).argmax(1) for part in tested.split(_CHUNK)]).numpy()

    return predict


def _layers(shape: tuple[int, ...], classes: int) -> nn.Sequential:
    if len(shape) == 1:
        return nn.Sequential(
            nn.Linear(shape[0], _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, _HIDDEN), nn.ReLU(),
            nn.Linear(_HIDDEN, classes),
        )  # fmt: skip
    channels, height, width = shape
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True), nn.Flatten(),
        nn.Linear(32 * math.ceil(height / 4) * math.ceil(width / 4), _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, classes),
    )  # fmt: skip


def _smaller(x: Tensor) -> Tensor:
    """Images of at most 16 pixels a side, by averages over squares; rows stay as they are."""
    factor = math.ceil(max(x.shape[2:], default=1) / _MOST_PIXELS)
    return functional.avg_pool2d(x, factor, ceil_mode=True) if factor > 1 else x
