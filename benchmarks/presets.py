"""What smoothness costs: sample quality of the built-in presets beside usual Adam settings, at equal steps.

    python benchmarks/presets.py [normal-2d digits mnist] [--seeds 3] [--out benchmarks/results/presets.json]

The same networks, data, steps and average; `usual` is Adam with lr 2e-4, betas (0.5, 0.999), eps 1e-8 outside the
root and no penalty (Radford et al. 2016), `usual, faster` has five times its learning rate. Prints the test metric and
how far back scores could be believed, from the growth of the adjoint over the last `--reach` of the run.
"""

from __future__ import annotations

from typing import Any

import command_line
import torch
from built_in import place, train

from gansift import cleansing, influence
from gansift.influence.horizon import trust

_USUAL: dict[str, Any] = {
    "lr": 2e-4, "beta1": 0.5, "beta2": 0.999, "eps": 1e-8, "eps_inside": False, "r1": 0.0, "warmup": 0,
    "decay": "constant",
}  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {"preset": {}, "usual": _USUAL, "usual, faster": _USUAL | {"lr": 1e-3}}


def measure(source: str, name: str, seed: int, reach: float) -> dict[str, Any]:
    """Test metric of one training and its longest believable horizon."""
    made = place(source, **SETTINGS[name])
    validation, test, steps = made.validation, made.test, made.config.steps
    run = train(made, seed)
    scores = influence.itd_horizons(run, validation, [max(1, round(reach * steps))])
    found = trust(scores[max(scores)].growth, run.epoch)
    return {
        "source": source, "settings": name, "seed": seed, "untrained": test.value(run.trained(0)),
        "test": test.value(run), "believable": found.horizon, "epochs": found.horizon / run.epoch,
        "swept": max(scores) / run.epoch,
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("sources", nargs="*", default=["normal-2d", "digits", "mnist"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--reach", type=float, default=1.0, help="share of the run that is swept back")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = command_line.Table(
        {"data": "source", "settings": "settings", "test metric": "test:.4g", "untrained": "untrained:.4g",
         "epochs believable": "believable", "of": "swept:.3g"}
    )  # fmt: skip
    rows = []
    for source in arguments.sources:
        for name in SETTINGS:
            own = [measure(source, name, seed, arguments.reach) for seed in range(arguments.seeds)]
            test = cleansing.mean_interval([row["test"] for row in own])
            table.add(own[0] | {"test": test, "believable": ", ".join(f"{row['epochs']:.3g}" for row in own)})
            rows += own
            command_line.save(arguments.out, rows)


if __name__ == "__main__":
    main()
