"""Do first-order products rank the examples as exact ones do? Prints their rank correlation for every built-in model.

    python benchmarks/first_order.py [lq fc mlp dcgan] [--epochs 1 5 20] [--out benchmarks/results/first-order.json]

The built-in presets (the LQGAN of the literature for `lq`; `dcgan` for 300 steps), float32, scores for the preset's
metric over the last epochs of training. Differences are relative to the largest exact score.
"""

from __future__ import annotations

import time
from typing import Any

import command_line
import numpy as np
import torch
from built_in import place, train
from scipy.stats import spearmanr

from gansift import games, influence, models

SOURCES = {"lq": "normal-1d", "fc": "normal-2d", "mlp": "digits", "dcgan": "mnist"}
_SHORTER: dict[str, dict[str, Any]] = {"dcgan": {"steps": 300}}


def measure(name: str, epochs: list[int]) -> list[dict[str, Any]]:
    """One row for each horizon that is no longer than the run."""
    made = place(SOURCES[name], **_SHORTER.get(name, {}))
    validation = made.validation
    lq = games.GAN(models.LQGenerator(), models.LQDiscriminator())
    run = train(made, game=lq if name == "lq" else None)
    horizons = [round(number * run.epoch) for number in epochs if number * run.epoch <= run.steps]
    found, seconds = {}, {}
    for products in ("exact", "central-difference"):
        begun = time.process_time()
        found[products] = influence.itd_horizons(run, validation, horizons, products=products)
        seconds[products] = time.process_time() - begun
    return [
        {"model": name, "epochs": horizon / run.epoch, "spearman": float(spearmanr(exact.values, other.values)[0]),
         "apart": float(np.abs(exact.values - other.values).max() / np.abs(exact.values).max()), **seconds}
        for horizon in horizons
        for exact, other in [(found["exact"][horizon], found["central-difference"][horizon])]
    ]  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("models", nargs="*", default=list(SOURCES), metavar="MODEL", help=f"of {', '.join(SOURCES)}")
    parser.add_argument("--epochs", type=int, nargs="+", default=[1, 5, 20])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    columns = {
        "model": "model",
        "epochs": "epochs:.0f",
        "Spearman": "spearman:.6f",
        "apart, of the largest": "apart:.0e",
    }
    table = command_line.Table(columns, arguments.out)
    for name in arguments.models:
        for row in measure(name, arguments.epochs):
            table.add(row)


if __name__ == "__main__":
    main()
