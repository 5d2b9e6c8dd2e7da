"""Seeds of `digits` trained and swept in one stack against one after the other. Prints and saves.

    OMP_NUM_THREADS=1 python benchmarks/stack.py [--seeds 8] [--repeats 3] [--out benchmarks/results/stack.json]

The built-in preset (an 8x8 perceptron, 1,440 steps), rolling scores by FID in windows as by default. Times are of one
process on one core, in processor seconds, which other work on the machine disturbs least; the ratio is that of the
medians of repeats that take turns.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import built_in
import command_line
import numpy as np
import torch

from gansift import influence, training
from gansift.workflow.place import Place


def one_after_the_other(made: Place, seeds: range) -> list[np.ndarray]:
    """Scores of every window of every seed, each trained and swept alone."""
    runs = [built_in.train(made, seed) for seed in seeds]
    return [influence.rolling(run, made.validation).values for run in runs]


def together(made: Place, seeds: range) -> list[np.ndarray]:
    """The same in one stack."""
    settings: dict[str, Any] = made.training | {"steps": made.config.steps, "stack": len(seeds)}
    runs = training.train_seeds(made.game, made.data.only.train, seeds, **settings)
    return [looks.values for (looks,) in influence.rolling_seeds(runs, [made.validation])]


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of each training; default those of the preset")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    made = built_in.place("digits", **({"steps": arguments.steps} if arguments.steps else {}))
    ways = {"alone": one_after_the_other, "stack": together}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.repeats):
        values = {}
        for name, way in ways.items():
            begun = time.process_time()
            values[name] = way(made, range(arguments.seeds))
            seconds[name].append(time.process_time() - begun)
            print(f"{name}: {seconds[name][-1]:.1f} s", flush=True)
        row = {name: statistics.median(of_way) for name, of_way in seconds.items()}
        correlations = [
            np.corrcoef(*pair)[0, 1] for pair in zip(*(map(_mean, of) for of in values.values()), strict=True)
        ]
        row |= {"seeds": arguments.seeds, "ratio": row["alone"] / row["stack"], "correlation": min(correlations)}
        print("{seeds} seeds: {ratio:.2f} times as fast; least correlation of scores {correlation:.4f}".format(**row))
        command_line.save(arguments.out, row | {"repeats": seconds})


def _mean(looks: np.ndarray) -> np.ndarray:
    return looks.mean(0)


if __name__ == "__main__":
    main()
