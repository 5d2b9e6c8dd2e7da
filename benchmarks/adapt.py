"""Do labels carry over to another data set? DANN between source alone and target's labels, one network for all three.

    python benchmarks/adapt.py mnist-m --photographs FOLDER [--seeds 3] [--first-seed 0] [--steps 1500] [--set most=1]
    python benchmarks/adapt.py mnist-digits
    python benchmarks/adapt.py digits-mnist

``mnist-m`` is MNIST beside other digits of MNIST on photographs, |patch - digit| in each channel as in the paper;
FOLDER holds the photographs, such as those that come with scikit-image. The others are MNIST and scikit-learn's digits,
either way. 2,500 examples of source are labelled, 2,000 of target are not (all there are of the digits), and 500 test.
Each row is a mean over training seeds of the share of test examples that are labelled right, with a 95 % interval;
the gain over source alone is paired by seed.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from command_line import Table, parser
from PIL import Image

from gansift import data, training
from gansift.cleansing import mean_interval
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.systems import build, manual, spec_of

_SOURCE, _TARGET, _TEST = 2500, 2000, 500


def main() -> None:
    """A row for each way of training."""
    arguments = _arguments()
    source, target = pair(arguments.case, arguments.photographs)
    given = _settings(arguments.set)
    columns = {"trained": "trained:<20", "right on target": "right:.3f", "gain": "gain:+.3f"}
    table = Table(columns, arguments.out)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    alone = [
        right({"source": source, "target": target}, given | {"most": 0.0}, seed, arguments.steps) for seed in seeds
    ]
    table.add({"trained": "on source alone", "right": mean_interval(alone)})
    adapted = [right({"source": source, "target": target}, given, seed, arguments.steps) for seed in seeds]
    gains = [one - other for one, other in zip(adapted, alone, strict=True)]
    table.add({"trained": "DANN", "right": mean_interval(adapted), "gain": mean_interval(gains)})
    bound = [
        right({"source": target, "target": target}, given | {"most": 0.0}, seed, arguments.steps) for seed in seeds
    ]
    table.add({"trained": "on target's labels", "right": mean_interval(bound)})
    closed = np.mean(gains) / (np.mean(bound) - np.mean(alone))
    print(f"{100 * closed:.0f} % of the way from source alone to target's labels")


def right(splits: dict[str, Splits], settings: dict[str, Any], seed: int, steps: int) -> float:
    """The share of target's test examples that a run labels right."""
    system = build("dann", splits, settings)
    run = training.train(
        system.new_game(seed), {name: part.train for name, part in splits.items()}, steps=steps,
        batch_size=64, optimizers=system.optimizers, seed=seed,
    )  # fmt: skip
    return 1 - system.judges("target-loss").test.reported.value(run.trained())


def pair(case: str, photographs: Path | None = None) -> tuple[Splits, Splits]:
    """Source and target of a case.

    Raises:
        UsageError: for mnist-m without photographs.
    """
    random = np.random.default_rng(0)
    mnist, digits = (_shuffled(name, random) for name in ("mnist", "digits"))
    if case == "mnist-digits":
        return _splits("mnist", mnist, _SOURCE), _splits("digits", digits, len(digits) - 2 * _TEST)
    if case == "digits-mnist":
        return _splits("digits", digits, len(digits) - 2 * _TEST), _splits("mnist", mnist, _TARGET)
    if photographs is None:
        raise UsageError("mnist-m needs photographs: give --photographs FOLDER, such as scikit-image's data folder")
    half = len(mnist) // 2
    return (
        _splits("mnist", mnist.subset(range(half)), _SOURCE),
        _splits("mnist-m", _on_photographs(mnist.subset(range(half, 2 * half)), photographs, random), _TARGET),
    )


def _shuffled(name: str, random: np.random.Generator) -> Examples:
    loaded = data.load(name, seed=0)
    whole = Examples.joined([loaded.train, loaded.valid, loaded.test])
    return whole.subset(random.permutation(len(whole)).tolist())


def _splits(name: str, examples: Examples, train: int) -> Splits:
    """So many to train on, and twice 500 held out."""
    bounds = (0, train, train + _TEST, train + 2 * _TEST)
    parts = [examples.subset(range(start, end)) for start, end in itertools.pairwise(bounds)]
    return Splits(name, *parts)


def _on_photographs(digits: Examples, folder: Path, random: np.random.Generator) -> Examples:
    """Digits blended with patches of photographs: the difference of both, as in the paper's MNIST-M."""
    names = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png", "ihc.png")
    pictures = [np.asarray(Image.open(folder / name).convert("RGB"), np.float32) / 255 for name in names]
    size = digits.shape[-1]
    patches = []
    for _ in range(len(digits)):
        picture = pictures[random.integers(len(pictures))]
        row, column = (random.integers(side - size) for side in picture.shape[:2])
        patches.append(picture[row : row + size, column : column + size].transpose(2, 0, 1))
    strokes = (digits.x + 1) / 2
    blended = (torch.from_numpy(np.stack(patches)) - strokes).abs()
    assert digits.class_names is not None
    assert digits.labels is not None
    label = [digits.class_names[one] for one in digits.labels.tolist()]
    return Examples.of((2 * blended - 1).numpy(), name="mnist-m", label=label)


def _settings(texts: list[str]) -> dict[str, Any]:
    known = {one.name: one for one in manual(spec_of("dann")).settings}
    pairs = [text.partition("=") for text in texts]
    return {name: known[name].parse(value) for name, _, value in pairs}


def _arguments() -> Any:
    made = parser(__doc__)
    made.add_argument("case", choices=("mnist-m", "mnist-digits", "digits-mnist"))
    made.add_argument("--photographs", type=Path)
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--first-seed", type=int, default=0, help="others than 0 had no part in finding the defaults")
    made.add_argument("--steps", type=int, default=1500)
    made.add_argument("--set", action="append", default=[], help="a setting of the system, name=value")
    return made.parse_args()


if __name__ == "__main__":
    main()
