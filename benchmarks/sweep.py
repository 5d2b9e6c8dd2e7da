"""What does one backward sweep cost in time and memory, against training, as runs get longer? Prints a table.

    python benchmarks/sweep.py [--steps 200 800 3200]

The README's GAN on the built-in digits, whole-run scores of all 890 examples, checkpoints on disk every 32 steps. Every
row is a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time

import torch

from gansift import data, games, influence, metrics, models, training


def measured(steps: int) -> tuple[float, float, float, float]:
    """Seconds of training and of the sweep, and peak memory in MiB before and after the sweep."""
    torch.set_num_threads(1)
    splits = data.load("digits", seed=0)
    game = games.GAN(
        models.MLPGenerator(latent=16, width=64, shape=(1, 8, 8)),
        models.MLPDiscriminator(width=64, shape=(1, 8, 8)),
        r1=1.0,
    )
    fid = metrics.FID(metrics.ClassifierFeatures.fit(splits.valid, seed=0), reference=splits.valid, latents=2000)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run = training.train(
            game, splits.train, steps=steps, batch_size=50, ema=0.98, outdir=folder, checkpoint_every=32,
            optimizers=training.Adam(lr=5e-4, betas=(0.0, 0.999), eps=1e-2, warmup=100),
        )  # fmt: skip
        trained = time.perf_counter()
        fid.value(run)
        before = _peak()
        scored = time.perf_counter()
        influence.itd(run, fid)
        return trained - start, time.perf_counter() - scored, before, _peak()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, nargs="+", default=[200, 800, 3200])
    for steps in parser.parse_args().steps:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            train, sweep, before, after = pool.apply(measured, (steps,))
        print(
            f"{steps:5d} steps: training {train:6.1f} s, sweep {sweep:6.1f} s ({sweep / train:.1f} times); "
            f"peak memory {before:.0f} MiB before the sweep, {after:.0f} MiB after",
            flush=True,
        )


if __name__ == "__main__":
    main()
