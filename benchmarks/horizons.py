"""How far back can scores be believed? Matched verification at several horizons, beside the growth of the adjoint.

    python benchmarks/horizons.py [REGIME ...] [--seeds 1] [--subsets 20] [--removed 2] [--out FILE] [--growth-only]

Each regime is a training (data, networks, optimizer); `--list` shows them. Scores of horizon K are compared with real
retraining of the last K steps without random subsets (2 % of the examples each): rank correlation (LDS), slope, and the
accumulated growth of the adjoint (the sum of its norms in units of that at the end) and the effect that scores predict
for a random 2 %, as a share of the metric. `auto` marks the longest horizon
that they let be believed, measured like the others. What limits a horizon: `spread` is the standard deviation of
the true changes over the subsets, and `rounding` what the metric changes if the same steps are redone in float64 with
nobody removed. Where rounding alone changes as much as a removal, nothing can predict that removal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import command_line
import torch
from built_in import place, settings, train
from command_line import Table

from gansift import cleansing, data, influence, training
from gansift.data.examples import Examples
from gansift.games.trained import Trained
from gansift.influence.horizon import accumulated_growth, trust
from gansift.systems import Setting
from gansift.training.state import State, readout
from gansift.training.step import Step
from gansift.workflow.config import parse_horizons
from gansift.workflow.place import Place

# The trainings of the project's numerical notes: 800 of the 8 x 8 digits, batch 50, EMA .98, 320 steps unless said.
_DIGITS: dict[str, Any] = {
    "source": "digits", "examples": 800, "steps": 320, "ema": 0.98, "beta1": 0.5, "beta2": 0.99, "r1": 0.0, "warmup": 0,
    "latent": 16, "horizons": "1.25,2.5,5,10,20",
}  # fmt: skip
_LONGER = "1.25,2.5,5,10,20,40"
_MNIST: dict[str, Any] = {
    "source": "mnist", "examples": 2000, "steps": 2000, "ema": 0.99, "beta2": 0.999, "eps": 1e-2, "r1": 1.0,
    "warmup": 100, "horizons": "1,5,10,20,all",
}  # fmt: skip
REGIMES: dict[str, dict[str, Any]] = {
    "A": _DIGITS | {"lr": 1e-3, "eps": 1e-8},
    "B": _DIGITS | {"lr": 3e-4, "eps": 1e-3},
    "C": _DIGITS | {"lr": 0.02, "optimizer": "sgd", "beta1": 0.0},
    "D": _DIGITS | {"lr": 5e-4, "beta2": 0.999, "eps": 1e-2, "warmup": 80},
    "E": _DIGITS | {"lr": 1e-3, "beta1": 0.0, "beta2": 0.999, "eps": 1e-2, "r1": 1.0, "warmup": 160},
    "F": _DIGITS | {"lr": 1e-3, "beta2": 0.999, "eps": 1e-2, "warmup": 160, "steps": 640, "horizons": _LONGER},
    "G": _DIGITS | {"lr": 5e-4, "beta1": 0.0, "eps": 1e-3, "r1": 1.0},
    "G-long": _DIGITS | {"lr": 5e-4, "beta1": 0.0, "eps": 1e-3, "r1": 1.0, "steps": 1280, "horizons": _LONGER + ",80"},
    "preset-digits": {"source": "digits", "horizons": "1,5,10,20,40,all"},
    "dcgan-240-5e-4": _MNIST | {"lr": 5e-4, "warmup": 120, "steps": 240, "horizons": "1,2,all"},
    "dcgan-240-1e-3": _MNIST | {"lr": 1e-3, "steps": 240, "horizons": "1,2,all"},
    "dcgan-5e-4": _MNIST | {"lr": 5e-4},
    "dcgan-1e-3": _MNIST | {"lr": 1e-3},
    "dcgan-cosine": _MNIST | {"lr": 8e-4, "decay": "cosine", "final": 0.1},
    "dcgan-cosine-fast": _MNIST | {"lr": 3e-3, "decay": "cosine", "final": 0.1},
}  # fmt: skip

COLUMNS = {
    "regime": "regime", "seed": "seed", "test": "test:.3g", "untrained": "untrained:.3g", "K": "horizon",
    "epochs": "epochs:.1f", "growth": "growth:.3g", "effect": "effect:.2g", "auto": "auto", "LDS": "spearman:.2f",
    "slope": "slope:.3g", "spread": "spread:.2g", "rounding": "rounding:.1g",
}  # fmt: skip


def prepare(regime: dict[str, Any]) -> Place:
    """Configuration, data and system, with as many training examples as the regime wants."""
    given = {key: value for key, value in regime.items() if key not in ("source", "examples")}
    splits = data.load(regime["source"], seed=0)
    if "examples" in regime:
        splits = replace(splits, train=splits.train.subset(range(regime["examples"])))
    return place(regime["source"], splits, **given)


def measure(
    name: str, regime: dict[str, Any], seed: int, subsets: int, percent: float, keep: Path | None
) -> Iterator[dict[str, Any]]:
    """One row for each horizon, compared with so many retrainings; with none of them nothing is retrained."""
    made = prepare(regime)
    validation, test = made.validation, made.test
    run = train(made, seed, keep and keep / f"{name}-{seed}")
    quality = {"test": test.value(run), "untrained": test.value(run.trained(0))}
    horizons = parse_horizons(made.config.horizons, run.epoch, run.steps)
    scores = influence.itd_horizons(run, validation, horizons)
    longest = scores[max(scores)]
    found = trust(longest.growth, run.epoch)
    if found.horizon not in scores:
        scores[found.horizon] = influence.itd(run, validation, horizon=found.horizon)
    for horizon in sorted(scores):
        row = {"regime": name, "seed": seed, "horizon": horizon, "epochs": horizon / run.epoch, **quality}
        row |= {"auto": horizon == found.horizon, "state": found.state, "swept": longest.horizon}
        row["growth"], row["effect"] = accumulated_growth(scores[horizon].growth), scores[horizon].growth[-1][2]
        ends = range(round(run.epoch), horizon + 1, round(run.epoch))
        row["growth_by_epoch"] = [accumulated_growth(scores[horizon].growth[:end]) for end in ends]
        if subsets:
            removed = round(percent / 100 * len(run.ids))
            verified = cleansing.verify(run, scores[horizon], validation, count=subsets, removed=removed)
            row |= {key: value for key, value in verified.agreement._asdict().items() if value is not None}
            row |= {"predicted": verified.predicted.tolist(), "true": verified.true.tolist()}
            rounding = validation.value(in_float64(run, made.data.only.train, horizon)) - validation.value(run)
            row |= {"spread": float(verified.true.std()), "rounding": rounding}
        yield row


def in_float64(run: training.Run, train: Examples, horizon: int) -> Trained:
    """The generator after redoing the last steps in float64 from the state that float32 had reached."""
    step, start = run.step, run.steps - horizon
    double = Step(step.game, {"data": train}, replace(step.settings, dtype="float64"))
    state: State = {
        player: {name: value.double() for name, value in slots.items()} for player, slots in run.state(start).items()
    }
    for number in range(start, run.steps):
        state = double(state, number, run.weights.double())
    return Trained(step.game, {player: value.float() for player, value in readout(state).items()})


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("regimes", nargs="*", default=["C", "D", "E", "G"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--subsets", type=int, default=20)
    parser.add_argument("--removed", type=float, default=2.0, help="per cent of the training examples in each subset")
    parser.add_argument("--growth-only", action="store_true", help="retrain nothing")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting of the regimes"
    )
    parser.add_argument("--list", action="store_true", help="show the regimes")
    parser.add_argument("--keep", type=Path, help="folder for the recorded runs, to go on from later")
    arguments = parser.parse_args()
    if arguments.list:
        for name, regime in REGIMES.items():
            print(f"{name:16} {regime}")
        return
    torch.set_num_threads(1)
    changed = settings(arguments.set, [Setting("source", str, ""), Setting("examples", int, 0)])
    table, subsets = Table(COLUMNS, arguments.out), 0 if arguments.growth_only else arguments.subsets
    for name in arguments.regimes:
        for seed in range(arguments.seeds):
            for row in measure(name, REGIMES[name] | changed, seed, subsets, arguments.removed, arguments.keep):
                table.add(row)


if __name__ == "__main__":
    main()
