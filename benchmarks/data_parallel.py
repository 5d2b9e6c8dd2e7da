"""Do two processes train and sweep faster than one, to the same scores? Prints both times and the largest difference.

    python benchmarks/data_parallel.py [--processes 2] [--steps 24] [--batch 64] [--repeats 3]

The DCGAN on 28 x 28 images with R1, one thread in each process, gloo between them, on the clock: give it free cores.
"""

from __future__ import annotations

import socket
import statistics
import tempfile
import time
from pathlib import Path

import command_line
import numpy as np
import torch
from cost import SHAPE, Linear
from torch import distributed, multiprocessing

from gansift import data, games, influence, models, training


def measured(steps: int, batch: int, data_parallel: bool) -> tuple[float, float, np.ndarray]:
    """Seconds of training from its first step on, and of the sweep, and the scores."""
    torch.set_num_threads(1)
    splits = data.load("mnist", seed=0)
    game = games.GAN(
        models.DCGANGenerator(latent=64, width=32, shape=SHAPE),
        models.DCGANDiscriminator(width=32, shape=SHAPE),
        r1=1.0,
    )
    steps_done: list[float] = []
    run = training.train(
        game, splits.train, steps=steps, batch_size=batch, ema=0.99, data_parallel=data_parallel,
        progress=lambda number, losses: steps_done.append(time.perf_counter()),
        optimizers=training.Adam(lr=5e-4, betas=(0.0, 0.99), eps=1e-3, eps_inside=True),
    )  # fmt: skip
    trained = time.perf_counter()
    scores = influence.itd(run, Linear(0))
    return steps_done[-1] - steps_done[0], time.perf_counter() - trained, scores.values


def _process(rank: int, processes: int, port: int, steps: int, batch: int, folder: Path) -> None:
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=processes)
    train, sweep, scores = measured(steps, batch, processes > 1)
    if rank == 0:
        np.savez(folder / "found.npz", train=train, sweep=sweep, scores=scores)
    distributed.destroy_process_group()


def spread(processes: int, steps: int, batch: int) -> tuple[float, float, np.ndarray]:
    """`measured` in that many processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        given = (processes, port, steps, batch, Path(folder))
        multiprocessing.start_processes(_process, given, nprocs=processes, start_method="spawn")
        found = np.load(Path(folder) / "found.npz")
        return float(found["train"]), float(found["sweep"]), found["scores"]


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__, saves=False)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    ratios = []
    for _ in range(arguments.repeats):
        alone = spread(1, arguments.steps, arguments.batch)
        shared = spread(arguments.processes, arguments.steps, arguments.batch)
        ratios.append((alone[0] / shared[0], alone[1] / shared[1]))
        apart = np.abs(alone[2] - shared[2]).max() / np.abs(alone[2]).max()
        print(
            f"training {alone[0]:.1f} s alone, {shared[0]:.1f} s in {arguments.processes} processes "
            f"({ratios[-1][0]:.2f} times as fast); sweep {alone[1]:.1f} s, {shared[1]:.1f} s ({ratios[-1][1]:.2f}); "
            f"scores differ by {apart:.0e} of the largest",
            flush=True,
        )
    train, sweep = (statistics.median(column) for column in zip(*ratios, strict=True))
    print(f"median: training {train:.2f} times as fast, sweep {sweep:.2f}")


if __name__ == "__main__":
    main()
