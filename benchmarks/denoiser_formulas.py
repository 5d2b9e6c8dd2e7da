"""TracIn, TRAK, D-TRAK, DAS and nearest neighbours of a denoiser, written down from their papers' formulas.

All but the last work on per-example gradients at the end of training, at a number of looks (a time each, and a noise
for each example), without a random projection, which networks of this size do not need. Ridges are in multiples of the
mean eigenvalue of the examples' Gram matrix. At most three times the gradients of all examples, of 4 N P bytes, are
held at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

from gansift.games.draw import Draw
from gansift.games.parameters import Layout
from gansift.games.trained import Trained

#: What gradients are taken of: an example's loss, its output's mean square, and its output's mean.
KINDS = ("loss", "square", "output")
RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)

#: By ridge, None where there is none, the scores of each query, (queries, N).
ByRidge = dict[Any, np.ndarray]

_T = TypeVar("_T")


def timed(work: Callable[[], _T]) -> tuple[_T, float]:
    """What some work comes to, and the seconds of processor that it takes."""
    start = time.process_time()
    return work(), time.process_time() - start


def by_gradients(
    trained: Trained, x: Tensor, toward: Mapping[str, Mapping[str, Tensor]], looks: int, squared: str
) -> Iterator[tuple[str, dict[str, ByRidge], float]]:
    """TracIn, TRAK, D-TRAK and DAS, one after the other: name, scores by question, and seconds for all questions.

    Args:
        trained: the network.
        x: all training examples, (N, C, H, W).
        toward: by question and kind the gradients of what is asked for, (queries, P).
        looks: at which gradients are taken.
        squared: the question for which DAS's effects are squared, as its paper has them; others need their sign.
    """
    for kind, method in (("loss", "TRAK"), ("square", "D-TRAK")):
        gradients, took = timed(partial(summed_gradients, trained, x, kind, looks))
        if kind == "loss":
            yield "TracIn", {name: {None: (of[kind] @ gradients.T).numpy()} for name, of in toward.items()}, took
        gram, more = timed(partial(Gram.of, gradients))
        products = {name: gradients @ of[kind].T for name, of in toward.items()}
        del gradients
        solved = {name: {ridge: gram.solved(of.T, ridge).numpy() for ridge in RIDGES} for name, of in products.items()}
        yield method, solved, took + more
    outputs = {name: of["output"] for name, of in toward.items()}
    found, took = timed(partial(das, trained, x, outputs, looks, squared))
    yield "DAS", found, took


def das(trained: Trained, x: Tensor, toward: Mapping[str, Tensor], looks: int, squared: str) -> dict[str, ByRidge]:
    """The mean over looks of (q^T (G^T G)^-1 g_i r_i / (1 - g_i^T (G^T G)^-1 g_i))^2, or of it without the square.

    g_i is the gradient of the mean output for example i at that look, and r_i the mean of the output's error.

    Args:
        trained: the network.
        x: all training examples, (N, C, H, W).
        toward: by question the gradients of the queries, q, (queries, P).
        looks: at which gradients are taken.
        squared: the question that has the square.
    """
    total: dict[str, ByRidge] = {name: dict.fromkeys(RIDGES, np.zeros(())) for name in toward}
    for look in range(looks):
        gradients = _gradients(trained, x, "output", look, looks)
        gram = Gram.of(gradients)
        products = {name: of @ gradients.T for name, of in toward.items()}
        del gradients
        seen, wanted, at = _seen(trained, x, look, looks)
        with torch.no_grad():
            residual = (trained.net().network(seen, at) - wanted).flatten(1).mean(1).double()
        for ridge in RIDGES:
            left = residual / (1 - gram.leverages(ridge))
            for name, of in products.items():
                effects = gram.solved(of, ridge) * left
                effects = effects.square() if name == squared else effects
                total[name][ridge] = total[name][ridge] + effects.numpy() / looks
    return total


def nearness(others: Tensor, x: Tensor) -> np.ndarray:
    """Less the distance in pixels, (others, N)."""
    return -torch.cdist(others.flatten(1), x.flatten(1)).numpy()


def summed_gradients(trained: Trained, x: Tensor, kind: str, looks: int) -> Tensor:
    """Per-example gradients, one of `KINDS`, summed over looks, (n, P)."""
    total = _gradients(trained, x, kind, 0, looks)
    for look in range(1, looks):
        total += _gradients(trained, x, kind, look, looks)
    return total


@dataclass(frozen=True)
class Gram:
    """The Gram matrix of the examples' gradients, by its eigenvectors: every further ridge then costs next to nothing.

    Attributes:
        values: eigenvalues, float64 (N,).
        vectors: (N, N), one a column.
    """

    values: Tensor
    vectors: Tensor

    @classmethod
    def of(cls, gradients: Tensor) -> Gram:
        """G G^T of gradients G (N, P)."""
        return cls(*torch.linalg.eigh((gradients @ gradients.T).double()))

    def solved(self, products: Tensor, ridge: float) -> Tensor:
        """q^T (G^T G + ridge I)^-1 G^T of products q^T G^T, both (queries, N)."""
        return (products.double() @ self.vectors / self._with(ridge)) @ self.vectors.T

    def leverages(self, ridge: float) -> Tensor:
        """g_i^T (G^T G + ridge I)^-1 g_i of every example, (N,)."""
        return self.vectors.square() @ (self.values / self._with(ridge))

    def _with(self, ridge: float) -> Tensor:
        return self.values + ridge * self.values.mean()


def _seen(trained: Trained, x: Tensor, look: int, looks: int) -> tuple[Tensor, Tensor, Tensor]:
    """Examples as the network sees them at one look, with a noise for each, what it should say, and the times."""
    game: Any = trained.game
    at = game.time(torch.full((len(x),), (look + 0.5) / looks))
    seen, wanted = game.pair(x, at, Draw(1, "peers", look).normal(*x.shape))
    return seen, wanted, at


def _gradients(trained: Trained, x: Tensor, kind: str, look: int, looks: int) -> Tensor:
    """Per-example gradients at one look, (n, P)."""
    network = trained.game.players["network"]
    layout, flat = Layout(network), trained.parameters["network"]

    def value(flat: Tensor, seen: Tensor, wanted: Tensor, at: Tensor) -> Tensor:
        said = functional_call(network, layout.views(flat), (seen[None], at[None]))[0]
        return {"loss": (said - wanted).square(), "square": said.square(), "output": said}[kind].mean()

    each = vmap(grad(value), (None, 0, 0, 0), chunk_size=128)
    return each(flat, *_seen(trained, x, look, looks))
