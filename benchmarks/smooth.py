"""Whole-run scores against retraining where training is smooth, beside shortcuts and every baseline. Prints a table.

    python benchmarks/smooth.py [--seeds 5] [--singles 200] [--subsets 50] [--out benchmarks/results/smooth.json]

The README's training of the built-in digits, 300 steps, scored for validation FID over the whole run. Truth is
retraining with the same seeds, without each of some single examples (Kendall's tau) and without random subsets of 2 %
(LDS: Spearman). `frozen moments` is ITD with Adam's moments taken for constants, as in published code. The last column
says how much of the gain that the sum of scores promises for the 5 % most harmful is kept by retraining.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import command_line
import numpy as np
import torch
from predicts import readme_run

from gansift import cleansing, data, influence, metrics, training
from gansift.cleansing.agreement import agreement
from gansift.cleansing.retraining import changes
from gansift.cleansing.verify import random_removals
from gansift.influence import Scores
from gansift.influence.adjoint import step_adjoint
from gansift.training.state import AVERAGE, PARAMETERS


def frozen_moments(run: training.Run, metric: metrics.Metric) -> Scores:
    """ITD in which no step's update depends on the moments that earlier gradients left."""
    exact = influence.itd(run, metric, horizon=1)
    state = run.state(run.steps)
    adjoint = {name: {slot: torch.zeros_like(value) for slot, value in slots.items()} for name, slots in state.items()}
    for player, gradient in metric.gradient(run).items():
        adjoint[player][AVERAGE if AVERAGE in adjoint[player] else PARAMETERS] = gradient.to(run.step.dtype)
    by_weight = torch.zeros(len(run.ids), dtype=torch.float64)
    for record in run.reversed(run.start):
        adjoint = step_adjoint(run.step, record, run.weights, adjoint, by_weight)
        for slots in adjoint.values():
            for slot in slots:
                if slot not in (PARAMETERS, AVERAGE):
                    slots[slot] = torch.zeros_like(slots[slot])
    values = -(run.weights.double() * by_weight).numpy()
    return replace(exact, values=values, estimator="frozen moments", horizon=run.steps - run.start, growth=())


def measure(run: training.Run, metric: metrics.Metric, singles: int, subsets: int) -> list[dict[str, Any]]:
    """One row for each estimator: agreement with both truths, and the promise of the 5 % most harmful."""
    whole = run.steps
    scores = {"frozen moments": frozen_moments(run, metric)}
    for name in influence.ESTIMATORS:
        scores[name] = influence.estimate(name, run, metric, [whole])[whole]
    exact = scores["itd"]
    one = random_removals(run, exact.ids, singles, 1)
    many = random_removals(run, exact.ids, subsets, round(0.02 * len(run.ids)))
    truths = [np.array(changes(run, removals, whole, [metric]))[:, 0] for removals in (one, many)]
    extreme = round(0.05 * len(run.ids))
    harmful = [of_estimator.harmful(extreme).ids for of_estimator in scores.values()]
    kept = [change for (change,) in changes(run, harmful, whole, [metric])]
    rows = []
    for (name, of_estimator), change in zip(scores.items(), kept, strict=True):
        found = [
            agreement(
                np.array([sum(of_estimator.values[of_estimator.rows[i]] for i in ids) for ids in removals]), truth
            )
            for removals, truth in zip((one, many), truths, strict=True)
        ]
        rows.append(
            {
                "estimator": name,
                "seed": run.step.settings.seed,
                "kendall": found[0].kendall.value,
                "jaccard": found[0].jaccard.value if found[0].jaccard else None,
                "lds": found[1].spearman.value,
                "slope": found[1].slope.value,
                "promised": of_estimator.harmful(extreme).sum(),
                "kept": change,
            }
        )
    return rows


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--singles", type=int, default=200)
    parser.add_argument("--subsets", type=int, default=50)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    splits = data.load("digits", seed=0)
    features = metrics.ClassifierFeatures.fit(splits.valid, seed=0)
    metric = metrics.FID(features, reference=splits.valid, latents=2000, seed=1)
    rows: list[dict[str, Any]] = []
    for seed in range(arguments.seeds):
        rows += measure(readme_run(splits, seed), metric, arguments.singles, arguments.subsets)
        print(f"seed {seed} done", flush=True)
        command_line.save(arguments.out, rows)
    table = command_line.Table(
        {"estimator": "estimator", "Kendall tau, LOO": "kendall:.3g", "LDS": "lds:.3g", "slope": "slope:.3g",
         "5 % removed": "kept:.3g", "promise kept": "promise:.3g"}
    )  # fmt: skip
    for name in dict.fromkeys(row["estimator"] for row in rows):
        own = [row for row in rows if row["estimator"] == name]
        means = {key: cleansing.mean_interval([row[key] for row in own]) for key in ("kendall", "lds", "kept")}
        if name in ("itd", "frozen moments"):  # the units of rankings mean nothing
            means["slope"] = cleansing.mean_interval([row["slope"] for row in own])
            means["promise"] = cleansing.mean_interval([row["kept"] / row["promised"] for row in own])
        table.add({"estimator": name, **means})


if __name__ == "__main__":
    main()
