"""Seeds of `digits` trained and swept in one stack against one after the other. Prints and saves.

    OMP_NUM_THREADS=1 python benchmarks/stack.py [--seeds 8] [--repeats 3] [--out benchmarks/results/stack.json]
    OMP_NUM_THREADS=1 python benchmarks/stack.py --sizes 4,8,12,16,24,33,48
    OMP_NUM_THREADS=1 python benchmarks/stack.py --sizes 1,8 --source mnist --size 14 --game matching --set width=8

The built-in preset (an 8x8 perceptron, 1,440 steps), rolling scores by FID in windows as by default. Times are of one
process on one core, in processor seconds, which other work on the machine disturbs least; the ratio is that of the
medians of repeats that take turns.

With ``--sizes`` what one step takes of each seed in stacks of these sizes, 1 for alone: in training, in the sweep, and
in retrainings of one seed that differ in their weights. Least of several repeats that take turns. The operations of the
largest update are what decides whether `gansift` stacks at all.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import built_in
import command_line
import numpy as np
import torch
from smaller import smaller

from gansift import data, influence, training
from gansift.influence.adjoint import step_adjoint
from gansift.systems import manual, spec_of
from gansift.training import stacked
from gansift.training.trajectory import Recorded
from gansift.training.work import operations
from gansift.workflow.place import Place


def one_after_the_other(made: Place, seeds: range) -> list[np.ndarray]:
    """Scores of every window of every seed, each trained and swept alone."""
    runs = [built_in.train(made, seed) for seed in seeds]
    return [influence.rolling(run, made.validation).values for run in runs]


def together(made: Place, seeds: range) -> list[np.ndarray]:
    """The same in one stack."""
    settings: dict[str, Any] = made.training | {"steps": made.config.steps, "stack": len(seeds)}
    runs = training.train_seeds(made.game, made.data.only.train, seeds, **settings)
    return [looks.values for (looks,) in influence.rolling_seeds(runs, [[made.validation]] * len(runs))]


def milliseconds(made: Place, sizes: list[int], repeats: int) -> dict[int, tuple[float, float, float]]:
    """Of each seed in a step of training, of the sweep and of retraining, by the size of the stack."""
    settings: dict[str, Any] = made.training | {"steps": 4, "checkpoint_every": 4}
    stacked.replicas_together = lambda step, most: max(sizes)  # whatever is asked for
    work = {}
    for size in sizes:
        run = stacked.run_of(training.train_seeds(made.game, made.data.only.train, range(size), stack=size, **settings))
        alone = training.train(made.game(0), made.data.only.train, seed=0, **settings)
        work[size] = _work(run, alone, size)
    found: dict[int, list[list[float]]] = {size: [[] for _ in work[size]] for size in sizes}
    for _ in range(repeats):
        for size in sizes:
            for times, do in zip(found[size], work[size], strict=True):
                do()
                begun = time.process_time()
                for _ in range(4):
                    do()
                times.append((time.process_time() - begun) / 4 / size * 1000)
    return {size: (min(times[0]), min(times[1]), min(times[2])) for size, times in found.items()}


def _work(run: training.Run, alone: training.Run, size: int) -> list[Callable[[], Any]]:
    states, weights = run.state(0), torch.ones(*([size] if size > 1 else []), len(alone.ids))
    known = run.step.trace(states, 0, run.weights)
    record = Recorded(0, known.before, known.gradients)
    adjoint = {
        player: {name: torch.ones_like(value) for name, value in slots.items()} for player, slots in states.items()
    }
    by_weight = torch.zeros(run.weights.shape, dtype=torch.float64)
    copies = {
        player: {name: value.expand(size, -1).clone() if size > 1 else value for name, value in slots.items()}
        for player, slots in alone.state(0).items()
    }
    return [
        lambda: run.step(states, 1, run.weights),
        lambda: step_adjoint(run.step, record, run.weights, adjoint, by_weight),
        lambda: alone.step(copies, 1, weights),
    ]


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of each training; default those of the preset")
    parser.add_argument("--source", default="digits")
    parser.add_argument("--size", type=int, help="pixels a side, of larger images")
    parser.add_argument("--game", default="gan", help="one of the systems")
    parser.add_argument("--set", nargs="*", default=[], help="settings of `gansift run`, name=value")
    parser.add_argument("--sizes", help="of stacks to compare, such as 8,16")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    given = built_in.settings(arguments.set, manual(spec_of(arguments.game)).settings)
    if arguments.steps:
        given["steps"] = arguments.steps
    splits = smaller(data.load(arguments.source, seed=0), arguments.size)
    made = built_in.place(arguments.source, splits, game=arguments.game, **given)
    if arguments.sizes:
        step = training.train(made.game(0), made.data.only.train, steps=1, seed=0, **made.training).step
        count = sum(layout.size for layout in step.layouts.values())
        print(f"{count:,} parameters, {operations(step) / 1e6:.0f} million operations in the largest update")
        took = milliseconds(made, [int(size) for size in arguments.sizes.split(",")], arguments.repeats)
        for size, parts in took.items():
            print("{:3} seeds: training {:.2f} ms, sweep {:.2f} ms, retraining {:.2f} ms".format(size, *parts))
        command_line.save(arguments.out, took)
        return
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
