"""Retraining many weight vectors at once against one after the other: agreement and speed. Prints and saves.

    python benchmarks/replicas.py [--replicas 256] [--threads 1] [--out benchmarks/results/replicas.json]

Agreement is the largest difference of final parameters relative to their largest value, in float64. Times are of one
process with the same number of threads; the loop is timed on a few replicas and multiplied.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import command_line
import torch

from gansift import data, games, models, training
from gansift.cleansing import replicas
from gansift.cleansing.retrain import retrain, without
from gansift.data.examples import Examples

_ADAM = training.Adam(lr=5e-4, betas=(0.0, 0.99), eps=1e-3, eps_inside=True)


def _points(width: int) -> tuple[games.GAN, Examples]:
    game = games.GAN(models.FCGenerator(latent=4, width=width), models.FCDiscriminator(width=width), r1=0.1)
    return game, data.load("normal-2d", seed=0).train


def _digits(width: int) -> tuple[games.GAN, Examples]:
    shape = (1, 8, 8)
    networks = (
        models.MLPGenerator(latent=16, width=width, shape=shape),
        models.MLPDiscriminator(width=width, shape=shape),
    )
    return games.GAN(*networks, r1=1.0), data.load("digits", seed=0).train


def _mnist(width: int) -> tuple[games.GAN, Examples]:
    networks = models.DCGANGenerator(latent=32, width=width), models.DCGANDiscriminator(width=width)
    return games.GAN(*networks, r1=1.0), data.load("mnist", seed=0).train


def _run(game: games.GAN, train: Examples, dtype: str, steps: int) -> training.Run:
    return training.train(game, train, steps=steps, batch_size=32, ema=0.98, optimizers=_ADAM, dtype=dtype)


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _difference(run: training.Run, count: int, steps: int) -> float:
    """The largest relative difference of final parameters between stacked and single retrainings."""
    removals = [[run.ids[row]] for row in range(count)]
    largest = 0.0
    for ids, trained in zip(removals, replicas.retrained_players(run, removals, steps), strict=True):
        alone = retrain(run, ids, horizon=steps).trained()
        assert trained is not None
        for player, flat in alone.parameters.items():
            largest = max(largest, float((trained.parameters[player] - flat).abs().max() / flat.abs().max()))
    return largest


def measure(name: str, game: games.GAN, train: Examples, count: int, stacked: bool) -> dict[str, Any]:
    """One row: agreement in float64 and the gain in float32."""
    steps, checked, looped = (20, count, 8) if stacked else (4, 2, 2)
    row: dict[str, Any] = {"game": name, "replicas": count}
    row["difference"] = _difference(_run(game, train, "float64", steps), checked, steps)
    run = _run(game, train, "float32", steps)
    row["parameters"] = sum(layout.size for layout in run.step.layouts.values())
    removals = [[run.ids[row]] for row in range(count)]

    def loop() -> None:
        for ids in removals[:looped]:
            retrain(run, ids, horizon=steps)

    def together() -> None:
        if stacked:
            replicas.retrained_players(run, removals, steps)
        else:  # larger than what gansift stacks of itself
            replicas._together(run, [without(run, ids) for ids in removals], steps)

    loop(), together()  # warm
    gains = []
    for _ in range(3):
        one, all_of_them = _seconds(loop) / looped, _seconds(together)
        gains.append(one * count / all_of_them)
    row["gain"] = sorted(gains)[1]
    return row


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--replicas", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cases = [
        ("MLP on 2-D points, width 16", *_points(16), arguments.replicas, True),
        ("MLP on digits, width 16", *_digits(16), arguments.replicas, True),
        ("MLP on digits, width 64", *_digits(64), arguments.replicas, True),
        ("DCGAN on MNIST, width 16", *_mnist(16), 8, False),
    ]
    columns = {"game": "game", "parameters": "parameters:,", "replicas": "replicas", "difference": "difference:.1e"}
    table = command_line.Table(columns | {"times as fast": "gain:.1f"}, arguments.out)
    for case in cases:
        table.add(measure(*case))


if __name__ == "__main__":
    main()
