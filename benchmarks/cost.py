"""What one backward sweep costs against training itself, way by way, in one process. Prints a table.

    python benchmarks/cost.py [dcgan perceptron] [--steps 24] [--repeats 3] [--r1 0] [--out results.json]

The DCGAN, and a perceptron GAN, on 28 x 28 images in batches of 64, Adam and an averaged generator. Times are of the
processor, the median over repeats, and every ratio is to training in the same repeat. Ways:

    all states kept      no step is run again (`checkpoint_every=1`)
    root of T            every root-of-T-th state is kept and the steps between are run again
    first-order          `products="central-difference"`
    10 metrics           ten of them in one sweep
    as published         every step's full state written to disk and read back, and one graph for each player, with
                         Adam's moments frozen, as the papers' code is described; re-implemented here

The floor of an exact sweep is, for each player's update, the gradient again (with its graph) and one backward pass
through that graph; where states were not kept, one more training. That of first-order ones is two gradients.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import command_line
import torch

from gansift import data, games, influence, metrics, models, training
from gansift.influence.gradients import ExactGradient, Update
from gansift.training.state import PARAMETERS

SHAPE = (1, 28, 28)


class Linear:
    """A metric without a cost of its own: a fixed direction in the generator's parameters."""

    direction = "lower"

    def __init__(self, seed: int) -> None:
        self.name = f"linear-{seed}"
        self._seed = seed

    def _vector(self, flat: torch.Tensor) -> torch.Tensor:
        return games.Draw("cost", self._seed).normal(len(flat))

    def value(self, source: games.Trained) -> float:
        """The product with the direction."""
        flat = (
            source.trained().parameters["generator"] if hasattr(source, "trained") else source.parameters["generator"]
        )
        return float(self._vector(flat) @ flat)

    def gradient(self, source: games.Trained) -> dict[str, torch.Tensor]:
        """The direction."""
        flat = source.trained().parameters["generator"]
        return {"generator": self._vector(flat)}


NETS = {
    "dcgan": (models.DCGANGenerator, models.DCGANDiscriminator, 32),
    "perceptron": (models.MLPGenerator, models.MLPDiscriminator, 16),
}


def trained(net: str, steps: int, r1: float, **arguments: object) -> training.Run:
    """A run on the training images of MNIST."""
    generator, discriminator, width = NETS[net]
    game = games.GAN(generator(latent=64, width=width, shape=SHAPE), discriminator(width=width, shape=SHAPE), r1=r1)
    return training.train(
        game, data.load("mnist", seed=0).train, steps=steps, batch_size=64, ema=0.99,
        optimizers=training.Adam(lr=5e-4, betas=(0.0, 0.99), eps=1e-3, eps_inside=True), **arguments,
    )  # fmt: skip


def as_published(run: training.Run, metric: metrics.Metric) -> None:
    """Record every step's full state on disk, then go back through the files with Adam's moments frozen."""
    step, weights = run.step, run.weights
    with tempfile.TemporaryDirectory() as folder:
        state = run.state(0)
        for number in range(run.steps):
            traced = step.trace(state, number, weights)
            batch = step.x["data"][step.rows(number, 0)["data"]]
            torch.save((traced.before, batch), Path(folder) / f"{number}.pt")
            state = traced.after
        adjoint = {player: torch.zeros_like(slots[PARAMETERS]) for player, slots in state.items()}
        adjoint |= metric.gradient(run)
        scores = torch.zeros(len(weights))
        for number in reversed(range(run.steps)):
            before, _ = torch.load(Path(folder) / f"{number}.pt")
            for move, at in zip(reversed(step.moves), reversed(before), strict=True):
                (player,) = move.players
                update = Update.of(step, number, player, 0, at, weights)
                gradient = ExactGradient(update)
                leaf = gradient.value.requires_grad_()
                slots = {name: value for name, value in at[player].items() if name != "average"}
                after = step.optimizer_update(player, slots, leaf, number, 0)[PARAMETERS]
                (direction,) = torch.autograd.grad(after, leaf, adjoint[player])
                *parts, share = gradient.pull(direction)
                adjoint = {name: adjoint[name] + part for name, part in zip(adjoint, parts, strict=True)}
                scores.index_add_(0, update.rows["data"], share)


def measure(net: str, steps: int, r1: float, repeats: int, wanted: str) -> list[dict[str, float | str]]:
    """One row for each way: its time over that of training, the median and the extremes over repeats."""
    sparse, every = trained(net, steps, r1), trained(net, steps, r1, checkpoint_every=1)
    one, ten = Linear(0), [Linear(seed) for seed in range(10)]
    first_order = {"products": "central-difference"}
    ways: dict[str, Callable[[], object]] = {
        "exact, all states kept": lambda: influence.itd(every, one),
        "exact, root of T": lambda: influence.itd(sparse, one),
        "first-order, all states kept": lambda: influence.itd(every, one, **first_order),
        "first-order, root of T": lambda: influence.itd(sparse, one, **first_order),
        "exact, root of T, 10 metrics": lambda: influence.itd_metrics(sparse, ten, [steps]),
        "as published, recording included": lambda: as_published(sparse, one),
    }
    ways = {name: way for name, way in ways.items() if wanted in name}
    ratios: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        # What is done once, before the first step, is in both.
        base = (_seconds(lambda: trained(net, steps, r1)) - _seconds(lambda: trained(net, 1, r1))) * steps / (steps - 1)
        for name, way in ways.items():
            ratios[name].append(_seconds(way) / base)
    return [
        {"net": net, "way": name, "r1": r1, "ratio": statistics.median(found), "least": min(found), "most": max(found)}
        for name, found in ratios.items()
    ]


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("nets", nargs="*", default=list(NETS), metavar="NET", help=f"of {', '.join(NETS)}")
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--r1", type=float, nargs="+", default=[0.0, 1.0])
    parser.add_argument("--ways", default="", help="only those whose name has this in it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    columns = {"network": "net", "R1": "r1:g", "way": "way", "times training": "ratio:.2f", "least": "least:.2f"}
    table = command_line.Table(columns | {"most": "most:.2f"}, arguments.out)
    for net, r1 in product(arguments.nets, arguments.r1):
        for row in measure(net, arguments.steps, r1, arguments.repeats, arguments.ways):
            table.add(row)


if __name__ == "__main__":
    main()
