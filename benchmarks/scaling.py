"""How time and memory of training and of one backward sweep grow. Prints a table, and draws it.

    python benchmarks/scaling.py [steps width batch examples] [--out results.json] [--figure docs/cost.svg]

    steps      a perceptron GAN on points over 1,000, 10,000 and 100,000 steps, with 64 MiB for states
    width      the DCGAN on 28 x 28 images, by the width of its layers
    batch      the same, by the images in a batch
    examples   the same, by the training images

Checkpoints on disk, every root-of-T-th state; the sweep covers the whole run. Times are of the processor, one thread.
Training and sweep are processes of their own, so that the peak memory (RSS) of each is its own.
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import command_line
import torch
from cost import SHAPE, Linear

from gansift import data, games, influence, models, training
from gansift.files import read_json


@dataclass(frozen=True)
class Case:
    """One training, all but ``steps`` of the DCGAN.

    Attributes:
        axis: what is varied.
        steps: of training.
        width: of the layers.
        batch: examples in a batch.
        examples: that are trained on.
        memory: for states that are brought back.
    """

    axis: str
    steps: int = 24
    width: int = 32
    batch: int = 64
    examples: int = 640
    memory: str = "256MiB"

    @property
    def value(self) -> int:
        """What is varied, in this case."""
        return getattr(self, self.axis)


_POINTS = Case("steps", width=16, batch=16, examples=800, memory="64MiB")
COLUMNS = {
    "axis": "axis", "": "value:,", "ms, a step of training": "train_ms:.1f", "of the sweep": "sweep_ms:.1f",
    "MiB, training": "train_mib:.0f", "sweep": "sweep_mib:.0f", "of it for states": "memory",
}  # fmt: skip
CASES = [
    *(replace(_POINTS, steps=steps) for steps in (1_000, 10_000, 100_000)),
    *(Case("width", width=width) for width in (8, 16, 32, 64)),
    *(Case("batch", batch=batch) for batch in (16, 64, 256)),
    *(Case("examples", examples=examples) for examples in (640, 2_500, 6_000)),
]


def opened(case: Case, folder: Path, progress: Callable[..., None] | None = None) -> training.Run:
    """The run of a case, trained unless it is there."""
    if case.axis == "steps":
        name = "normal-2d"
        game = games.GAN(
            models.MLPGenerator(latent=4, width=case.width, shape=(2,)),
            models.MLPDiscriminator(width=case.width, shape=(2,)),
            r1=0.1,
        )
    else:
        name = "mnist"
        game = games.GAN(
            models.DCGANGenerator(latent=64, width=case.width, shape=SHAPE),
            models.DCGANDiscriminator(width=case.width, shape=SHAPE),
            r1=1.0,
        )
    examples = data.load(name, seed=0).train
    return training.train(
        game, examples.subset(range(min(case.examples, len(examples)))), steps=case.steps, batch_size=case.batch,
        ema=0.99, outdir=folder, memory=case.memory, progress=progress,
        optimizers=training.Adam(lr=5e-4, betas=(0.0, 0.99), eps=1e-2, eps_inside=True),
    )  # fmt: skip


def measured(case: Case, folder: Path, stage: str) -> tuple[float, float]:
    """Processor seconds of a step of training or of the sweep, and the peak memory of this process in MiB."""
    torch.set_num_threads(1)
    ticks: list[float] = []
    run = opened(case, folder, lambda number, losses: ticks.append(time.process_time()))
    if stage == "sweep":
        influence.itd(run, Linear(0), progress=lambda number: ticks.append(time.process_time()))
    seconds = (ticks[-1] - ticks[0]) / (len(ticks) - 1)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def row_of(case: Case) -> dict[str, float | int | str]:
    """Measure a case."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for stage in ("train", "sweep"):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                found[stage] = pool.apply(measured, (case, Path(folder), stage))
    (train, before), (sweep, after) = found["train"], found["sweep"]
    return {
        **asdict(case),
        "value": case.value,
        "train_ms": 1e3 * train,
        "sweep_ms": 1e3 * sweep,
        "train_mib": before,
        "sweep_mib": after,
    }


def draw(rows: list[dict[str, float | int | str]], path: Path) -> None:
    """Time of a step and peak memory against each axis."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.fonttype"] = "none"
    axes_of = list(dict.fromkeys(row["axis"] for row in rows))
    figure, grid = plt.subplots(2, len(axes_of), figsize=(3 * len(axes_of), 5), layout="constrained", squeeze=False)
    for column, axis in enumerate(axes_of):
        shown = [row for row in rows if row["axis"] == axis]
        for row, (unit, label) in enumerate((("ms", "ms a step"), ("mib", "peak memory, MiB"))):
            axes = grid[row][column]
            for stage, colour, marker in (("train", "#6b7280", "o"), ("sweep", "#1d6fb8", "s")):
                ends = [one["value"] for one in shown], [one[f"{stage}_{unit}"] for one in shown]
                axes.plot(*ends, marker + "-", color=colour, label="training" if stage == "train" else "sweep")
            axes.set_xscale("log")
            axes.set_xticks([one["value"] for one in shown], [f"{one['value']:,}" for one in shown])
            axes.minorticks_off()
            axes.set_ylim(0, 1.15 * max(one[f"{stage}_{unit}"] for one in shown for stage in ("train", "sweep")))
            axes.spines[["top", "right"]].set_visible(False)
            axes.set_xlabel(axis)
            if column == 0:
                axes.set_ylabel(label)
    grid[0][0].legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure, print and draw."""
    parser = command_line.parser(__doc__, saves=False)
    names = list(dict.fromkeys(case.axis for case in CASES))
    parser.add_argument("axes", nargs="*", default=names, metavar="AXIS", help=f"of {', '.join(names)}")
    parser.add_argument("--out", type=Path, help="keep the rows here; rows of other axes that are there stay")
    parser.add_argument("--figure", type=Path, help="draw all rows here (SVG or PNG)")
    arguments = parser.parse_args()
    rows = read_json(arguments.out) if arguments.out and arguments.out.exists() else []
    rows = [row for row in rows if row["axis"] not in arguments.axes]
    table = command_line.Table(COLUMNS)
    for case in CASES:
        if case.axis in arguments.axes:
            table.add(row_of(case))
            command_line.save(arguments.out, rows + table.rows)
    if arguments.figure:
        draw(sorted(rows + table.rows, key=lambda row: names.index(row["axis"])), arguments.figure)


if __name__ == "__main__":
    main()
