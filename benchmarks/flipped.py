"""Flipped labels in an AC-GAN's training data: who finds them, and what does removing them do to new models?

    python benchmarks/flipped.py [--data digits] [--count 1000] [--steps 400] [--seeds 4] [--first-seed 0]
        [--judges 4] [--trainings 4] [--out FILE]

For each seed the data are split anew, a share of the training labels is flipped, and a GAN that is told the class
(`--game acgan`, all else as it is) is trained on them. The first table is the AUC of the flipped ones among those that
each way of scoring calls harmful. Then as many examples as were flipped are removed by each way, new models are trained
with seeds that were never scored, and the second table is how much better (below 0) or worse they are on clean test
data than new models with all examples: means over the seeds, with their standard errors.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from command_line import parser, save
from dirty.summary import auc

from gansift import data, influence, training
from gansift.data import Examples, Splits
from gansift.data.columns import LABEL, Column
from gansift.games import Draw
from gansift.influence import Scores
from gansift.metrics.metric import Metric, reported_of
from gansift.systems import System, build

METRICS = ("class-loss", "tstr", "intra-fid", "fid")
#: By which examples are scored in windows all through a training, too.
ROLLING = ("class-loss", "fid")
#: What new models are judged by, beside those.
REPORTED = ("class-loss", "tstr")
#: By whom examples are removed; ``flipped`` are the flipped ones themselves.
REMOVED_BY = ("flipped", "class-loss rolling", "class-loss whole run", "own-loss", "fid rolling", "random")


def main() -> None:
    """Measure, and print both tables."""
    made = parser(__doc__)
    made.add_argument("--data", default="digits", help="a built-in data set with labels")
    made.add_argument("--seeds", type=int, default=4)
    made.add_argument("--first-seed", type=int, default=0, help="the first split's")
    made.add_argument("--judges", type=int, default=4, help="new models for each seed and way; 0 for the AUC alone")
    made.add_argument("--trainings", type=int, default=4, help="trainings whose rolling scores are averaged, too")
    made.add_argument("--share", type=float, default=0.05, help="of the training labels that are flipped")
    made.add_argument("--steps", type=int, help="of each training; by default the preset's")
    made.add_argument("--count", type=int, help="training examples; by default all")
    arguments = made.parse_args()
    found: list[dict[str, Any]] = []
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        start = time.perf_counter()
        found.append(_measured(seed, arguments))
        areas = ", ".join(f"{way} {value:.3f}" for way, value in found[-1]["auc"].items())
        print(f"seed {seed}, {time.perf_counter() - start:.0f} s: {areas}", flush=True)
        save(arguments.out, found)
    print("\n| who | AUC of the flipped | by seed |\n|---|---|---|")
    for way in found[0]["auc"]:
        values = [one["auc"][way] for one in found]
        print(f"| {way} | {np.mean(values):.3f} | {' '.join(f'{value:.3f}' for value in values)} |")
    names = list(found[0]["base"])
    if not names:
        return
    print(f"\n| removed by | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    print(f"| nobody: the values | {' | '.join(_mean([one['base'][name] for one in found], '') for name in names)} |")
    for way in found[0]["change"]:
        cells = [_mean([one["change"][way][name] for one in found], "+") for name in names]
        print(f"| {way} | {' | '.join(cells)} |")


def _mean(values: list[float], sign: str) -> str:
    error = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{np.mean(values):{sign}.3g} ± {error:.2g}"


def _measured(seed: int, arguments: Any) -> dict[str, Any]:
    """One split, its flips, and what comes of them."""
    clean = data.load(arguments.data, seed=seed)
    if arguments.count is not None:
        clean = replace(clean, train=clean.train.subset(range(arguments.count)))
    splits, wrong = flipped(clean, arguments.share, seed)
    system = build("acgan", {"data": splits})
    steps = arguments.steps or system.defaults["steps"]
    settings = {
        "steps": steps, "batch_size": system.defaults["batch"], "optimizers": system.optimizers,
        "ema": system.defaults["ema"],
    }  # fmt: skip
    numbers = [seed + 100 * number for number in range(arguments.trainings)]
    run, *others = training.train_seeds(system.new_game, splits.train, numbers, **settings)
    ways = dict(_ways(run, others, system))
    ways["random"] = influence.estimate("random", run, system.judges("class-loss").validation, [steps])[steps]
    planted = np.isin(np.arange(len(splits.train)), wrong)
    removed = {"flipped": tuple(np.array(run.ids)[wrong])}
    removed |= {way: scores.harmful(len(wrong)).ids for way, scores in ways.items() if way in REMOVED_BY}
    areas = {way: auc(scores.harm, planted) for way, scores in ways.items()}
    if not arguments.judges:
        return {"auc": areas, "base": {}, "change": {}}
    values = _judged(system, splits.train, removed, seed, arguments.judges, settings)
    base = values.pop("nobody")
    return {
        "auc": areas,
        "base": {name: float(base[name].mean()) for name in base},
        "change": {
            way: {name: float((of_way[name] - base[name]).mean()) for name in base} for way, of_way in values.items()
        },
    }


def flipped(splits: Splits, share: float, seed: int) -> tuple[Splits, np.ndarray]:
    """Splits whose training labels are wrong for a share of the examples, and the rows of these."""
    train, draw = splits.train, Draw(seed, "flipped labels")
    assert train.labels is not None
    assert train.class_names is not None
    rows = draw.permutation(len(train))[: round(share * len(train))]
    labels, classes = train.labels.clone(), len(train.class_names)
    labels[rows] = (labels[rows] + 1 + (draw.uniform(len(rows)) * (classes - 1)).long()) % classes
    wrong = replace(train, columns={**train.columns, LABEL: Column(labels, train.class_names)})
    return replace(splits, train=wrong), rows.numpy()


def _ways(run: training.Run, others: list[training.Run], system: System) -> Iterator[tuple[str, Scores]]:
    """Every way of scoring one training, by name, and the rolling scores of several trainings together."""
    judges: list[Metric] = [system.judges(name).validation for name in METRICS]
    horizons = {"last 50 steps": 50, "whole run": run.steps}
    for name, scores in zip(METRICS, influence.itd_metrics(run, judges, list(horizons.values())), strict=True):
        for title, horizon in horizons.items():
            if horizon in scores:  # else the sweep overflowed
                yield f"{name} {title}", scores[horizon]
    several = f"{1 + len(others)} trainings"
    for name in ROLLING:
        metric = judges[METRICS.index(name)]
        looks = [of_run for (of_run,) in influence.rolling_seeds([run, *others], [[metric]] * (1 + len(others)))]
        yield f"{name} rolling", influence.combine(looks[:1])
        yield f"{name} rolling, {several}", influence.combine(looks)
    yield "own-loss", influence.estimate("own-loss", run, judges[0], [run.steps])[run.steps]


def _judged(
    system: System,
    train: Examples,
    removed: Mapping[str, tuple[str, ...]],
    seed: int,
    judges: int,
    settings: Mapping[str, Any],
) -> dict[str, dict[str, np.ndarray]]:
    """Test values of new models by whose examples were removed, and by metric: one for each fresh seed."""
    seeds = [1000 + judges * seed + number for number in range(judges)]
    weights = {"nobody": torch.ones(len(train), dtype=torch.float64)}
    for way, ids in removed.items():
        gone = set(ids)
        weights[way] = torch.tensor([float(identity not in gone) for identity in train.ids], dtype=torch.float64)
    metrics: dict[str, Metric] = {name: system.judges(name).test for name in METRICS}
    metrics |= {f"{name}, wrong": reported_of(metrics[name]) for name in REPORTED}
    values = {}
    for way, own in weights.items():
        runs = training.train_seeds(system.new_game, train, seeds, weights=[own] * judges, **settings)
        values[way] = {name: np.array([metric.value(run) for run in runs]) for name, metric in metrics.items()}
    return values


if __name__ == "__main__":
    main()
