"""What ranks removals best where training is chaotic? Variants of the sweep against the expected effect over seeds.

    python benchmarks/chaos.py [REGIME ...] [--seeds 8] [--subsets 40] [--removed 2] [--out FILE]

Regimes as in `horizons.py`: by default A and F, chaotic over the whole run, and G, which is not. Truth is the
mean over seeds of retraining the whole run without random 2 %; its split-half reliability is the ceiling.
All variants but the first are biased. Most change the adjoint after every step of the backward sweep:

    clip c     its norm is cut to c times that at the end of the run
    damp d     it is multiplied by 1 - d
    stop       it is set to zero beyond a growth of 15
    perturbed  scores averaged over four copies of the run whose initial parameters were disturbed by 0.1 %

`one seed` is the mean over seeds of a single seed's rank correlation with that truth, `mean of seeds` that of the
averaged scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import command_line
import numpy as np
import torch
from built_in import train
from horizons import REGIMES, prepare

from gansift import cleansing, metrics, training
from gansift.cleansing.agreement import agreement
from gansift.cleansing.retraining import changes
from gansift.cleansing.verify import Verification, random_removals
from gansift.games.draw import Draw
from gansift.influence.adjoint import step_adjoint
from gansift.influence.derivative import derivative
from gansift.influence.itd import _end, _norms
from gansift.training.checkpoints import MemoryCheckpoints
from gansift.training.state import AVERAGE, PARAMETERS, State
from gansift.training.train import record

#: From the growth so far to the factor that the adjoint is multiplied by.
Variant = Callable[[float], float]

VARIANTS: dict[str, Variant] = {
    "exact": lambda growth: 1.0,
    "clip 1": lambda growth: min(1.0, 1.0 / growth),
    "clip 3": lambda growth: min(1.0, 3.0 / growth),
    "clip 15": lambda growth: min(1.0, 15 / growth),
    "damp 0.01": lambda growth: 0.99,
    "damp 0.03": lambda growth: 0.97,
    "stop": lambda growth: float(growth <= 15),
}


_COPIES, _DISTURBANCE = 4, 1e-3


def scores(run: training.Run, metric: metrics.Metric, variant: Variant, horizon: int | None = None) -> np.ndarray:
    """Scores of the last steps with an adjoint that is changed after every step, shape (N,)."""
    adjoint: State = _end(run, derivative(metric, run).by_player)
    by_weight = torch.zeros(len(run.ids), dtype=torch.float64)
    first = 0.0
    for step in run.reversed(run.start if horizon is None else run.steps - horizon):
        adjoint = step_adjoint(run.step, step, run.weights, adjoint, by_weight)
        (norm,) = _norms(adjoint)
        if not np.isfinite(norm):
            return np.full(len(run.ids), np.nan)
        first = first or norm
        factor = variant(max(norm / first, 1e-12))
        if factor == 0:
            break
        adjoint = {player: {slot: factor * value for slot, value in slots.items()} for player, slots in adjoint.items()}
    return -(run.weights.double() * by_weight).numpy()


def perturbed(run: training.Run, metric: metrics.Metric, horizon: int | None = None) -> np.ndarray:
    """Exact scores averaged over copies of the run's last steps that start from disturbed parameters, shape (N,)."""
    start = run.start if horizon is None else run.steps - horizon
    found = []
    for number in range(_COPIES):
        state = {player: dict(slots) for player, slots in run.state(start).items()}
        for slots in state.values():
            for name in {PARAMETERS, AVERAGE} & slots.keys():
                size = _DISTURBANCE * slots[name].square().mean().sqrt()
                slots[name] = slots[name] + size * Draw("perturbed", number, name).normal(*slots[name].shape)
        stride = max(1, math.isqrt(run.steps - start))
        copy = record(run.step, run.weights, start, MemoryCheckpoints(), stride, initial=state)
        found.append(scores(copy, metric, VARIANTS["exact"], run.steps - start))
    return np.mean(found, axis=0)


COLUMNS = {
    "regime": "regime", "truth varies by": "spread:.3g", "reliability of its mean": "ceiling:.2f",
    "variant": "variant", "own truth": "own_truth:.2f", "one seed": "one_seed:.2f",
    "mean of seeds": "mean_of_seeds:.2f", "of their ranks": "mean_of_ranks:.2f",
}  # fmt: skip


def measure(name: str, seeds: int, subsets: int, percent: float) -> Iterator[dict[str, Any]]:
    """One row for each variant."""
    made = prepare(REGIMES[name])
    metric = made.validation
    runs = [train(made, seed) for seed in range(seeds)]
    removals = random_removals(runs[0], runs[0].ids, subsets, round(percent / 100 * len(runs[0].ids)))
    rows_of = {identity: row for row, identity in enumerate(runs[0].ids)}
    chosen = [[rows_of[identity] for identity in ids] for ids in removals]
    true = np.array([changes(run, removals, run.steps, [metric]) for run in runs])[:, :, 0]
    truth = true.mean(axis=0)
    ceiling = Verification("", metric.name, runs[0].steps, tuple(removals), truth, true).ceiling
    spread = float(np.mean([true_of_seed.std() for true_of_seed in true]))
    ways = {variant: partial(scores, variant=change) for variant, change in VARIANTS.items()} | {"perturbed": perturbed}
    for variant, way in ways.items():
        predicted = np.array([[of_run[row].sum() for row in chosen] for of_run in (way(run, metric) for run in runs)])
        alone = [agreement(of_run, truth).spearman.value for of_run in predicted]
        own = [agreement(of_run, of_truth).spearman.value for of_run, of_truth in zip(predicted, true, strict=True)]
        mean = agreement(predicted.mean(axis=0), truth).spearman
        ranks = predicted.argsort(axis=1).argsort(axis=1).mean(axis=0)
        yield {
            "regime": name, "removed": percent, "variant": variant, "seeds": seeds, "ceiling": ceiling,
            "spread": spread, "mean_of_seeds": mean, "mean_of_ranks": agreement(ranks, truth).spearman,
            "one_seed": cleansing.mean_interval(alone), "own_truth": cleansing.mean_interval(own),
        }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("regimes", nargs="*", default=["A", "F", "G"])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--subsets", type=int, default=40)
    parser.add_argument("--removed", type=float, default=2.0, help="per cent of the training examples in each subset")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = command_line.Table(COLUMNS, arguments.out)
    for name in arguments.regimes:
        for row in measure(name, arguments.seeds, arguments.subsets, arguments.removed):
            table.add(row)


if __name__ == "__main__":
    main()
