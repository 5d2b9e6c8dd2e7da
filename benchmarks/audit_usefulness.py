"""Does the audit of usefulness say what is so: of GANs on few images, and where synthetic data must help?

    python benchmarks/audit_usefulness.py DATA.npz [--classes 3,5,8] [--counts 53,64,65] [--splits 8] [--out FILE]

DATA.npz holds images as x_train (N, 28, 28) and y_train, such as MNIST or Fashion-MNIST. Every split draws training
images of the classes anew, by default as many as the lesions of Frid-Adar et al. (2018), without overlap, and 1,200
held-out ones; a GAN that is told the class is trained on each with the settings that gansift chooses. Then comes a
control in which synthetic data must help: points of three classes that overlap, two of each to train on, and the true
distribution as generator. Nothing is tuned for a verdict.
"""

from __future__ import annotations

import time
from pathlib import Path

import command_line
import numpy as np
import torch
from torch import Tensor

from gansift import data, systems, training
from gansift.audit import Subject, run_audit
from gansift.files import write_json
from gansift.report import Answer, answer_text

HELD = 1200
CENTRES = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])


def image_splits(path: Path, classes: list[int], counts: list[int], splits: int) -> list[data.Splits]:
    """Splits whose training images do not overlap."""
    with np.load(path) as arrays:
        x, labels = arrays["x_train"], arrays["y_train"]
    random = np.random.default_rng(0)
    rows = {one: random.permutation(np.flatnonzero(labels == one)) for one in classes}
    needed = {one: splits * count for one, count in zip(classes, counts, strict=True)}
    pool = np.concatenate([rows[one][needed[one] :] for one in classes])
    made = []
    for split in range(splits):
        train = [rows[one][split * count : (split + 1) * count] for one, count in zip(classes, counts, strict=True)]
        held = random.permutation(pool)[:HELD]
        parts = {"train": np.concatenate(train), "valid": held[: HELD // 2], "test": held[HELD // 2 :]}
        made.append(
            data.Splits(
                "images",
                **{
                    name: data.Examples.of(x[of_part], name=name, label=labels[of_part])
                    for name, of_part in parts.items()
                },
            )
        )
    return made


def told_the_class(splits: data.Splits, seed: int) -> training.Run:
    """A GAN with the settings that gansift chooses for such images."""
    system = systems.build("acgan", {"data": splits}, {})
    chosen = system.defaults
    return training.train(
        system.new_game(seed), splits.train, steps=chosen["steps"], batch_size=chosen["batch"],
        optimizers=system.optimizers, ema=chosen["ema"], seed=seed,
    )  # fmt: skip


class Truth:
    """Stands in for a trained generator: the true distribution of each class."""

    dtype, device = torch.float32, torch.device("cpu")

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def sample(self, count: int, draw: object, label: Tensor | None = None) -> Tensor:
        """Points of these classes."""
        labels = np.zeros(count, int) if label is None else label.numpy()
        return torch.from_numpy(CENTRES[labels] + self.random.normal(size=(count, 2))).float()


def point_splits(splits: int) -> list[data.Splits]:
    """Two points of each class to train on, and 300 of each held out."""
    made = []
    for split in range(splits):
        random = np.random.default_rng(split)
        parts = {}
        for name, count in {"train": 6, "valid": 450, "test": 450}.items():
            labels = np.arange(count) % 3
            x = CENTRES[labels] + random.normal(size=(count, 2))
            parts[name] = data.Examples.of(x, name=name, label=labels)
        made.append(data.Splits("points", **parts))
    return made


def audited(subjects: list[Subject], **settings: object) -> Answer:
    """The audit's answer about all splits together, and a look at it."""
    start = time.process_time()
    answer = run_audit("usefulness", *subjects, **settings)
    print(answer_text(answer), f"\n\n{time.process_time() - start:.0f} s of one core\n", flush=True)
    return answer


def main() -> None:
    """Train, audit and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--classes", default="3,5,8")
    parser.add_argument("--counts", default="53,64,65", help="training images of each class")
    parser.add_argument("--splits", type=int, default=8)
    parser.add_argument("--samples", type=int, default=1200)
    arguments = parser.parse_args()
    classes, counts = ([int(one) for one in text.split(",")] for text in (arguments.classes, arguments.counts))
    answers = {}
    points = [
        Subject(f"points {number}", {"data": one}, [Truth(1000 + number)])
        for number, one in enumerate(point_splits(arguments.splits))
    ]
    answers["control"] = audited(points, rounds=2 * arguments.splits, samples=arguments.samples).to_json()
    images = [
        Subject(f"split {number}", {"data": one}, [told_the_class(one, number).trained()])
        for number, one in enumerate(image_splits(arguments.data, classes, counts, arguments.splits))
    ]
    found = audited(images, rounds=2 * arguments.splits, samples=arguments.samples)
    answers["images"] = found.to_json()
    if arguments.out is not None:
        write_json(arguments.out, answers)


if __name__ == "__main__":
    main()
