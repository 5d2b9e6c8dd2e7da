"""What does differential privacy cost, and what does it buy? Quality of a GAN and the attack with its discriminator.

    python benchmarks/private.py SOURCE [--epsilons 50 8 2] [--members N] [--steps N] [--batch N] [--figure FILE.svg]

SOURCE is what `gansift run` takes, such as digits. First comes the GAN without differential privacy, then the same with
each epsilon; all with the settings that gansift chooses. FID is that of samples to the test data. The attack tells
members from test examples, as many of each class, by the discriminator (`gansift audit membership`). The figure has
both against epsilon.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from command_line import Table, parser

from gansift import data, systems, training
from gansift.audit import Subject, run_audit
from gansift.training.private import PrivateStep


def main() -> None:
    """A row for each seed and epsilon."""
    made = parser(__doc__)
    made.add_argument("source")
    made.add_argument("--epsilons", type=float, nargs="+", default=[50.0, 8.0, 2.0])
    made.add_argument("--members", type=int, help="training examples at most (default: all of the split)")
    made.add_argument("--seeds", type=int, default=1)
    made.add_argument("--steps", type=int)
    made.add_argument("--batch", type=int)
    made.add_argument("--clip", type=float, default=1.0)
    made.add_argument("--figure", type=Path, help="draw quality and attack against epsilon into this file")
    asked = made.parse_args()
    splits = data.load(asked.source, seed=0)
    if asked.members:
        splits = replace(splits, train=splits.train.subset(range(min(asked.members, len(splits.train)))))
    table = Table(
        {"epsilon": "epsilon:g", "noise": "noise:.2f", "seed": "seed", "attack with D": "area:.3f", "FID": "fid:.2f",
         "minutes": "minutes:.1f"},
        asked.out,
    )  # fmt: skip
    for seed in range(asked.seeds):
        for epsilon in (None, *asked.epsilons):
            private = {} if epsilon is None else {"dp_epsilon": epsilon, "dp_clip": asked.clip}
            settings = systems.settled("gan", {"data": splits}, private)
            system, start = systems.build("gan", {"data": splits}, settings), time.monotonic()
            usual = system.defaults
            run = training.train(
                system.new_game(seed), splits.train, steps=asked.steps or usual["steps"], 
                batch_size=asked.batch or usual["batch"], ema=usual["ema"], optimizers=system.optimizers, seed=seed,
            )  # fmt: skip
            minutes = (time.monotonic() - start) / 60
            answer = run_audit("membership", Subject("data", {"data": splits}, players=[run.trained()], seed=seed))
            attack = answer.numbers["area: discriminator"]
            table.add({
                "epsilon": epsilon, "noise": run.step.noise if isinstance(run.step, PrivateStep) else None,
                "seed": seed, "area": (attack.value, attack.ci95), "minutes": minutes,
                "fid": system.judges("fid", features="auto", latents=2000).test.value(run.trained()),
            })  # fmt: skip
    if asked.figure:
        draw(asked.figure, table.rows)


def draw(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """FID, and the area of the attack, against epsilon; dashed lines are those without differential privacy."""
    figure, (quality, leak) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    private = [row for row in rows if row["epsilon"] is not None]
    epsilons = [row["epsilon"] for row in private]
    quality.plot(epsilons, [row["fid"] for row in private], "o")
    leak.errorbar(
        epsilons, [row["area"][0] for row in private],
        np.abs(np.transpose([np.subtract(row["area"][1], row["area"][0]) for row in private])), fmt="o",
    )  # fmt: skip
    for row in rows:
        if row["epsilon"] is None:
            quality.axhline(row["fid"], linestyle="--")
            leak.axhline(row["area"][0], linestyle="--")
    leak.axhline(0.5, color="grey", linewidth=0.5)
    for axes, title in ((quality, "FID, lower is better"), (leak, "area of the attack with D, guessing is 0.5")):
        axes.set(title=title, xlabel="epsilon", xscale="log")
        axes.set_xticks(epsilons, [f"{epsilon:g}" for epsilon in epsilons])
        axes.minorticks_off()
    quality.set_yscale("log")
    figure.savefig(file, metadata={"Date": None})


if __name__ == "__main__":
    main()
