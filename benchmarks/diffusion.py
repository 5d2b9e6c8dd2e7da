"""How far scores of diffusion, flow matching and VAEs can be believed: random removals of five sizes, and the cost.

    python benchmarks/diffusion.py matching digits [--seeds 5] [--removals 24] [--shares 0 0.01 0.05 0.2 0.5]
        [--size 14] [--examples 1000] [--classes 3,8] [--horizons 50 all] [--midpoint]
        [--set sampling_steps=8 width=64] [--out results.json]

Every seed is trained by the preset for such data, and the last steps or all of them are scored for FID. Then as many
random removals of each size are retrained over the same steps with the same seed; the size 0 leaves one example out. A
row is a horizon and a size: the rank correlation of predicted and true changes (over random subsets: LDS), the slope of
truth on prediction, by which factor the adjoint's norm grew over the horizon, and the seconds of processor that
training, scoring and retraining took. Without any size the training and its sweep alone are shown.

With ``--midpoint`` each removal is predicted a second time, by scores of a training of its own in which the images
weigh one half: exact to second order in the weights, and four times as dear as to look.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import built_in
import numpy as np
from command_line import Table, parser
from smaller import names, smaller

from gansift import cleansing, data, influence, training
from gansift.cleansing.retrain import without
from gansift.metrics import Metric
from gansift.systems import manual, spec_of
from gansift.training.train import redo


def main() -> None:
    """A row for each seed and size, and their means."""
    arguments = _arguments()
    settings = built_in.settings(arguments.set, manual(spec_of(arguments.system)).settings)
    splits = smaller(data.load(arguments.source, seed=0), arguments.size, arguments.examples, arguments.classes)
    made = built_in.place(arguments.source, splits, game=arguments.system, **settings)
    horizons = [made.config.steps if text == "all" else int(text) for text in arguments.horizons]
    metric = made.system.judges(arguments.metric or made.config.metrics[0], **made.config.judging).validation
    at_half = {"Spearman at half": "half_spearman:.3f", "slope at half": "half_slope:.2f"}
    table = Table(
        {"seed": "seed", "horizon": "horizon", "removed": "removed", "metric": "value:.3g", "of real data": "floor:.3g",
         "Spearman": "spearman:.3f", "slope": "slope:.2f", "spread of the truth": "spread:.2g",
         "growth": "growth:.3g", "training (s)": "training:.1f", "sweep / training": "sweep:.1f",
         "retraining (s)": "retraining:.1f",
         **(at_half if arguments.midpoint else {})},
        arguments.out,
    )  # fmt: skip
    for seed in range(arguments.seeds):
        start = time.process_time()
        run = built_in.train(made, seed)
        trained = time.process_time()
        by_horizon = influence.itd_horizons(run, metric, horizons)
        row = {
            "seed": seed, "value": metric.value(run), "floor": getattr(metric, "floor", None), "metric": metric.name,
            "training": trained - start, "sweep": (time.process_time() - trained) / (trained - start),
        }  # fmt: skip
        grown = {horizon: scores.growth[-1][1] / scores.growth[0][1] for horizon, scores in by_horizon.items()}
        if not arguments.shares:
            table.add({**row, "growth": grown[max(grown)]})
        for (horizon, scores), share in itertools.product(by_horizon.items(), arguments.shares):
            removed, before = max(1, round(share * len(run.ids))), time.process_time()
            found = cleansing.verify(run, scores, metric, count=arguments.removals, removed=removed)
            row["retraining"] = time.process_time() - before
            if arguments.midpoint:
                half = replace(found, predicted=_at_half(run, metric, horizon, found.removals)).agreement
                row |= {"half_spearman": half.spearman, "half_slope": half.slope}
            table.add(
                {**row, "horizon": horizon, "removed": removed, "growth": grown[horizon],
                 "spearman": found.agreement.spearman, "slope": found.agreement.slope,
                 "spread": float(found.true.std()),
                 "predicted": found.predicted.tolist(),
                 "true": found.true.tolist()}
            )  # fmt: skip
    for horizon, share in itertools.product(horizons, arguments.shares):
        removed = max(1, round(share * len(made.data.only.train)))
        rows = [row for row in table.rows if (row["horizon"], row["removed"]) == (horizon, removed)]
        if not rows:  # the sweep overflowed in every seed
            continue
        means = {key: float(np.mean([row[key] for row in rows])) for key in ("value", "spread", "training", "sweep")}
        told = [key for key in ("spearman", "slope", "half_spearman", "half_slope") if key in rows[0]]
        of = {key: float(np.mean([row[key].value for row in rows])) for key in told}
        table.add({"seed": "mean", "horizon": horizon, "removed": removed, **means, **of})


def _at_half(run: training.Run, metric: Metric, horizon: int, removals: Sequence[Sequence[str]]) -> np.ndarray:
    """The changes by removals as derivatives half way there predict them, (M,)."""
    predicted = []
    for ids in removals:
        weights = (run.weights + without(run, ids)) / 2
        scores = influence.itd(redo(run, weights, horizon), metric, horizon)
        # Scores are derivatives times weights, which are one half.
        predicted.append(2 * sum(scores.values[scores.ids.index(identity)] for identity in ids))
    return np.array(predicted)


def _arguments() -> Any:
    made = parser(__doc__)
    made.add_argument("system", choices=["matching", "diffusion", "vae"])
    made.add_argument("source", nargs="?", default="digits")
    made.add_argument("--metric", help="by default the preset's")
    made.add_argument("--seeds", type=int, default=5)
    made.add_argument("--removals", type=int, default=24)
    made.add_argument("--shares", type=float, nargs="*", default=[0, 0.01, 0.05, 0.2, 0.5])
    made.add_argument("--horizons", nargs="+", default=["all"], help="last steps, or all")
    made.add_argument("--size", type=int, help="pixels a side, of larger images")
    made.add_argument("--examples", type=int, help="training images, of more")
    made.add_argument("--classes", type=names, default=[], help="the classes that stay, such as 3,8; default all")
    made.add_argument("--midpoint", action="store_true", help="also predict by scores with half of the weights")
    made.add_argument("--set", nargs="*", default=[], help="settings of `gansift run`, name=value")
    return made.parse_args()


if __name__ == "__main__":
    main()
