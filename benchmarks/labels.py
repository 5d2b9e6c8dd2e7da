"""GANs that are told the class beside one that is not: are samples of their class, different, and as good?

    python benchmarks/labels.py [--data mnist] [--seeds 1] [--only NAME ...] [--out results.json]

Every row is a preset of `--game gan` or `--game acgan`, trained for as many steps, and judged on test data: FID with
the same features for all, and what the audit `classes` says. Means over the seeds.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from command_line import Table, parser

from gansift import data, training
from gansift.audit import Subject, run_audit
from gansift.systems import build

ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "not told": ("gan", {}),
    "AC-GAN": ("acgan", {}),
    "AC-GAN, --no-class-loss-on-fakes": ("acgan", {"class_loss_on_fakes": False}),
    "AC-GAN, --class-weight 0.3": ("acgan", {"class_weight": 0.3}),
    "--conditioning projection": ("acgan", {"conditioning": "projection"}),
    "--conditioning projection --width 128": ("acgan", {"conditioning": "projection", "width": 128}),
}
AUDITED = ("agreement", "classifier_accuracy", "duplicates", "diversity", "intra_fid")


def main() -> None:
    """Train and judge every arm."""
    made = parser(__doc__)
    made.add_argument("--data", default="mnist", help="a built-in data set with labels, or a path")
    made.add_argument("--seeds", type=int, default=1)
    made.add_argument("--steps", type=int, help="of each training; by default the preset's")
    made.add_argument("--only", nargs="+", default=list(ARMS)[:-1], choices=list(ARMS))
    arguments = made.parse_args()
    columns = {"which": "name", "FID": "fid:.2f", "intra-FID": "intra_fid:.2f"}
    columns |= {name.replace("_", " "): f"{name}:.3f" for name in AUDITED[:4]} | {"seconds": "seconds:.0f"}
    table = Table(columns, arguments.out)
    splits = data.load(arguments.data)
    for name in arguments.only:
        table.add({"name": name, **_arm(splits, *ARMS[name], arguments)})


def _arm(splits: data.Splits, game: str, settings: dict[str, Any], arguments: Any) -> dict[str, Any]:
    start = time.perf_counter()
    system = build(game, {"data": splits}, settings)
    runs = training.train_seeds(
        system.new_game, splits.train, list(range(arguments.seeds)),
        steps=arguments.steps or system.defaults["steps"], batch_size=system.defaults["batch"],
        optimizers=system.optimizers, ema=system.defaults["ema"],
    )  # fmt: skip
    fid = system.judges("fid").test
    row: dict[str, Any] = {
        "fid": float(np.mean([fid.value(run) for run in runs])),
        "floor": getattr(fid, "floor", None),
    }
    players = [run.trained() for run in runs]
    if players[0].game.conditional:
        numbers = run_audit("classes", Subject(splits.name, {"data": splits}, players), samples=2000).numbers
        row |= {key: numbers[key].value for key in AUDITED}
    return row | {"seconds": time.perf_counter() - start}


if __name__ == "__main__":
    main()
