"""Does the audit of copies find copies, and how often does it find some where there are none?

    python benchmarks/audit_copies.py DATA.npz [--short 40 --long 4 --simulated 40] [--out FILE]

DATA.npz holds MNIST as x_train (N, 28, 28) and y_train. Digits are made smaller, to 14x14 pixels, and every case draws
250 to train on and 500 held-out ones anew; ten narrow GANs share them. Cases that should be found: a generator that
emits training images with noise, and a wide GAN trained for long. Cases that should not: the same GAN after a quarter
of the steps; narrow GANs; new digits; a generator that has collapsed onto a few digits that it was never shown; and one
whose samples are smooth, means of two new digits. Every case is audited in pixels and in features with 2,000 samples.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import command_line
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gansift import data, systems, training
from gansift.audit import Subject, run_audit
from gansift.audit.intervals import share_interval
from gansift.report import Answer
from gansift.systems.judges import features_of

TRAIN, HELD = 250, 500
# Plain Adam without a penalty, as in most scripts: it memorises.
GAN = {
    "model": "mlp", "latent": 64, "r1": 0.0, "lr": 2e-4, "beta1": 0.5, "beta2": 0.999, "eps": 1e-8,
    "eps_inside": False,
}  # fmt: skip
SHORT, LONG, BATCH = 3000, 12_000, 64
TOGETHER = 10  # GANs of one split


@dataclass(frozen=True)
class Digits:
    """All digits (N, 1, 14, 14) in [-1, 1], and their labels."""

    x: Tensor
    labels: np.ndarray

    @classmethod
    def of(cls, path: Path) -> Digits:
        """Read them."""
        with np.load(path) as arrays:
            x = torch.from_numpy(arrays["x_train"]).float()[:, None] / 127.5 - 1
            return cls(functional.avg_pool2d(x, 2), arrays["y_train"])


class Emitter:
    """Stands in for trained players: samples are what a function makes of a number of them and random numbers."""

    dtype, device = torch.float32, torch.device("cpu")

    def __init__(self, emit: Callable[[int, np.random.Generator], Tensor], seed: int) -> None:
        self._emit, self._random = emit, np.random.default_rng(seed)

    def sample(self, count: int, draw: object) -> Tensor:
        """``count`` more samples."""
        return self._emit(count, self._random)


def split(digits: Digits, seed: int) -> tuple[data.Splits, np.ndarray]:
    """Training and held-out digits of a seed, and the rows of all others."""
    rows = np.random.default_rng(seed).permutation(len(digits.x))
    names, ends = ("train", "valid", "test"), (0, TRAIN, TRAIN + HELD // 2, TRAIN + HELD)
    parts = {
        name: data.Examples.of(digits.x[rows[first:last]], name=name, label=digits.labels[rows[first:last]])
        for name, first, last in zip(names, ends, ends[1:], strict=False)
    }
    return data.Splits("digits", **parts), rows[TRAIN + HELD :]


def audited(splits: data.Splits, player: object, seed: int) -> Answer:
    """The audit's answer about a generator."""
    return run_audit(
        "copies", Subject("digits", {"data": splits}, [player], features=features_of(splits, "classifier"), seed=seed)
    )


def emitters(digits: Digits, splits: data.Splits, others: np.ndarray, seed: int) -> dict[str, Emitter]:
    """Generators that are known to copy, or not to."""
    real, random = splits.train.x, np.random.default_rng(1000 + seed)
    fresh = digits.x[random.choice(others, 4000, replace=False)]

    def noisy(spread: float) -> Callable[[int, np.random.Generator], Tensor]:
        def emit(count: int, rng: np.random.Generator) -> Tensor:
            images = real[rng.integers(len(real), size=count)]
            return images + spread * torch.from_numpy(rng.normal(size=images.shape)).float()

        return emit

    def collapsed(modes: int) -> Callable[[int, np.random.Generator], Tensor]:
        def emit(count: int, rng: np.random.Generator) -> Tensor:
            images = fresh[rng.integers(modes, size=count)]
            return images + 0.05 * torch.from_numpy(rng.normal(size=images.shape)).float()

        return emit

    def smooth(count: int, rng: np.random.Generator) -> Tensor:
        one, other = (fresh[rng.integers(len(fresh), size=count)] for _ in range(2))
        return (one + other) / 2

    kinds = {
        "training images, noise .1": noisy(0.1),
        "training images, noise .3": noisy(0.3),
        "new digits": lambda count, rng: fresh[rng.integers(len(fresh), size=count)],
        "collapsed onto 3": collapsed(3),
        "collapsed onto 20": collapsed(20),
        "smooth": smooth,
    }
    return {name: Emitter(emit, seed) for name, emit in kinds.items()}


def gans(splits: data.Splits, width: int, steps: int, seeds: Sequence[int]) -> list[training.Run]:
    """GANs of one split, trained side by side."""
    system = systems.build("gan", {"data": splits}, GAN | {"width": width})
    return training.train_seeds(
        system.new_game, splits.train, seeds, steps=steps, batch_size=BATCH, optimizers=system.optimizers, ema=0.0
    )


def main() -> None:
    """Audit every case, and count."""
    parser = command_line.parser(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--short", type=int, default=40, help="narrow GANs, trained for a short time")
    parser.add_argument("--long", type=int, default=4, help="wide GANs, trained for a long time")
    parser.add_argument("--simulated", type=int, default=40, help="cases of every simulated generator")
    arguments = parser.parse_args()
    digits = Digits.of(arguments.data)
    answers: dict[str, list[Answer]] = defaultdict(list)
    table = command_line.Table(
        {
            "generator": "generator", "cases": "cases", "found": "found", "95 % interval": "interval",
            "nearer to training (expected .5)": "nearer_share", "of close samples": "training_share", "C_T": "c_t",
            "likelihood gap": "likelihood_gap", "gap's interval above 0": "likelihood_above",
        },
        arguments.out,
    )  # fmt: skip
    for seed in range(arguments.simulated):
        splits, others = split(digits, seed)
        for name, player in emitters(digits, splits, others, seed).items():
            answers[name].append(audited(splits, player, seed))
    for name, found in answers.items():
        table.add(row(name, found))
    for width, count, readings in ((64, arguments.short, (SHORT,)), (256, arguments.long, (SHORT, LONG))):
        trained: dict[int, list[Answer]] = {steps: [] for steps in readings}
        together = TOGETHER if width == 64 else 1
        for first in range(0, count, together):
            splits, _ = split(digits, first)
            seeds = range(first, min(count, first + together))
            for run, seed in zip(gans(splits, width, max(readings), seeds), seeds, strict=True):
                for steps, found in trained.items():
                    found.append(audited(splits, run.trained(steps), seed))
        for steps, found in trained.items():
            if found:
                table.add(row(f"GAN of width {width} after {steps:,} steps", found))


def row(name: str, answers: list[Answer]) -> dict[str, object]:
    """Counts and means of one generator's cases."""
    found = sum(bool(answer.finding) for answer in answers)
    low, high = share_interval(found, len(answers))

    def mean(number: str) -> str:
        spaces = [
            [one.numbers[f"{number}_{space}"].value for one in answers if f"{number}_{space}" in one.numbers]
            for space in _SPACES
        ]
        return " / ".join(f"{np.mean(values):.2f}" if values else "" for values in spaces)

    above = [sum(one.numbers[f"likelihood_gap_{space}"].ci95[0] > 0 for one in answers) for space in _SPACES]
    return {
        "generator": name, "cases": len(answers), "found": found, "interval": f"{low:.3f} to {high:.3f}",
        **{number: mean(number) for number in ("nearer_share", "training_share", "c_t", "likelihood_gap")},
        "likelihood_above": " / ".join(map(str, above)),
    }  # fmt: skip


_SPACES = ("pixels", "features")


if __name__ == "__main__":
    main()
