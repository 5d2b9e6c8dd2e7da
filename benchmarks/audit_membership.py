"""Who can be told to have been trained on? Membership attacks on GANs that were trained for long and for short.

    python benchmarks/audit_membership.py DATA.npz [--seeds 3] [--steps 3000 12000] [--width 256] [--own-gan 3000]

DATA.npz holds MNIST as x_train (N, 28, 28) and y_train; digits are made smaller, to 14x14 pixels. Each seed draws 250
members, 250 others and 500 for reference anew. The GANs are those of `audit_copies.py`, wider. The positive control
emits members with noise.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from audit_copies import BATCH, GAN, Digits
from command_line import Table, parser

from gansift import data, systems, training
from gansift.audit import Subject, run_audit
from gansift.data import Splits
from gansift.games import Draw


class Emitter:
    """Stands in for players: members with noise."""

    dtype, device = torch.float32, torch.device("cpu")
    game = SimpleNamespace(players={}, offers=lambda name: name == "sample")

    def __init__(self, members: torch.Tensor, noise: float) -> None:
        self._members, self._noise = members, noise

    def sample(self, count: int, draw: Draw) -> torch.Tensor:
        """``count`` of them."""
        rows = draw.permutation(len(self._members)).repeat(count // len(self._members) + 1)[:count]
        return self._members[rows] + self._noise * draw.normal(count, *self._members.shape[1:])


def main() -> None:
    """A row for each seed and training."""
    made = parser(__doc__)
    made.add_argument("data", type=Path)
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--steps", type=int, nargs="+", default=[3000, 12_000])
    made.add_argument("--width", type=int, default=256, help="of the layers of both players")
    made.add_argument("--own-gan", type=int, default=0, help="steps of an attacker's own GAN; 0 leaves it out")
    asked = made.parse_args()
    digits = Digits.of(asked.data)
    table = Table(
        {
            "trained": "trained", "seed": "seed", "discriminator": "discriminator:.3f", "nearest": "nearest sample:.3f",
            "calibrated": "nearest sample, calibrated:.3f", "near": "share of near samples:.3f",
            "detector": "detector of samples:.3f", "density": "density ratio:.3f", "own GAN": "own GAN on samples:.3f",
        },
        asked.out,
    )  # fmt: skip
    for seed in range(asked.seeds):
        splits = _splits(digits, seed)
        for noise in (0.1, 0.3):
            table.add(_row(f"members + {noise:g}", seed, splits, Emitter(splits.train.x, noise), asked.own_gan))
        system = systems.build("gan", {"data": splits}, {**GAN, "width": asked.width})
        run = training.train(
            system.new_game(seed), splits.train, steps=max(asked.steps), batch_size=BATCH,
            optimizers=system.optimizers, seed=seed,
        )  # fmt: skip
        for steps in asked.steps:
            table.add(_row(f"{steps} steps", seed, splits, run.trained(steps), asked.own_gan))


def _row(trained: str, seed: int, splits: Splits, players: object, own_gan: int) -> dict[str, object]:
    subject = Subject("digits", {"data": splits}, players=[players], seed=seed)  # type: ignore[list-item]
    answer = run_audit("membership", subject, own_gan=own_gan)
    areas = {name.removeprefix("area: "): (one.value, one.ci95) for name, one in answer.numbers.items()}
    return {"trained": trained, "seed": seed, "finding": answer.finding} | areas


def _splits(digits: Digits, seed: int) -> Splits:
    order = np.random.default_rng(seed).permutation(len(digits.x))
    parts = [
        data.Examples.of(digits.x[order[rows]].numpy(), name=name, label=digits.labels[order[rows]].tolist())
        for name, rows in (("m", slice(0, 250)), ("r", slice(250, 750)), ("o", slice(750, 1000)))
    ]
    return Splits("digits", *parts)


if __name__ == "__main__":
    main()
