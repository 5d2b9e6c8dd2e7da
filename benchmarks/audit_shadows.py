"""How much do shadow models add to attacks on a classifier, and how much is found as members become more?

    python benchmarks/audit_shadows.py DATA.npz [--members 200 500] [--seeds 3] [--shadows 64] [--out FILE]

DATA.npz holds MNIST as x_train (N, 28, 28) and y_train; digits are made smaller, to 12x12 pixels. Each seed draws
members, as many others, and 1,000 for reference anew. The classifier has a hidden layer of 256 and is trained for 100
epochs by plain Adam, which is long enough to get all members right.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from command_line import Table, parser
from torch import nn
from torch.nn import functional

from gansift import training
from gansift.audit import Subject, run_audit
from gansift.data import Examples, Splits
from gansift.games import Classifier, Trained

BATCH, EPOCHS, REFERENCE = 25, 100, 1000
SIDE, HIDDEN = 12, 256
ATTACKS = ("confidence", "true label", "LiRA", "LiRA, fixed variance", "LiRA, offline", "RMIA", "RMIA, 4 models")


def main() -> None:
    """Two rows for each number of members and seed: areas, and what is found at 1 % of false alarms."""
    made = parser(__doc__)
    made.add_argument("data", type=Path)
    made.add_argument("--members", type=int, nargs="+", default=[200, 500])
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--shadows", type=int, default=64)
    asked = made.parse_args()
    columns = {"members": "members", "seed": "seed", "test error": "error:.3f", "number": "number"}
    table = Table(columns | {name: f"{name}:.3f" for name in ATTACKS}, asked.out)
    for members in asked.members:
        for seed in range(asked.seeds):
            splits = split(asked.data, members, seed)
            (players,) = trained(splits.train, [seed])
            subject = Subject("digits", {"data": splits}, [players], train=trained, seed=seed)
            answer = run_audit("membership", subject, shadows=asked.shadows)
            start = {"members": members, "seed": seed, "error": _error(players, splits.test)}
            areas = {name: answer.numbers[f"area: {name}"] for name in ATTACKS}
            table.add(start | {"number": "area"} | {name: (one.value, one.ci95) for name, one in areas.items()})
            found = {row[0]: float(row[3].split()[0]) for row in answer.tables["Attacks"].rows}
            table.add(start | {"number": "found at 1 %"} | {name: found[name] for name in ATTACKS})


def split(path: Path, members: int, seed: int) -> Splits:
    """Members, reference and others, drawn anew for each seed: rows of 144 numbers in [-1, 1]."""
    with np.load(path) as arrays:
        x = torch.from_numpy(arrays["x_train"]).float()[:, None] / 127.5 - 1
        labels = arrays["y_train"]
    x = functional.adaptive_avg_pool2d(x, SIDE).flatten(1).numpy()
    order = np.random.default_rng(seed).permutation(len(x))
    ends = (0, members, members + REFERENCE, 2 * members + REFERENCE)
    parts = [
        Examples.of(x[rows], name=name, label=labels[rows].tolist())
        for name, rows in zip("mro", (order[low:high] for low, high in pairwise(ends)), strict=True)
    ]
    return Splits("digits", *parts)


def trained(
    examples: Examples, seeds: Sequence[int], weights: Sequence[np.ndarray] | None = None
) -> list[Trained | None]:
    """Classifiers of these examples, or of those with weight 1."""
    count = len(examples) if weights is None else float(np.mean([own.sum() for own in weights]))
    return training.players_of_seeds(
        partial(_game, len(examples.class_names or ())), examples, seeds, weights=weights, renormalise=True,
        steps=EPOCHS * int(count // BATCH), batch_size=round(BATCH * len(examples) / count),
        optimizers=training.Adam(lr=3e-3),
    )  # fmt: skip


def _game(classes: int, seed: int) -> Classifier:
    torch.manual_seed(seed)
    return Classifier(nn.Sequential(nn.Linear(SIDE**2, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, classes)))


def _error(players: Trained, examples: Examples) -> float:
    assert examples.labels is not None
    return float((players.game.predict(players.net(), examples.x).argmax(1) != examples.labels).double().mean())


if __name__ == "__main__":
    main()
