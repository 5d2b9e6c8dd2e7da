"""How good are the scores of AID, and what do its solvers cost? Prints three tables and saves them.

    python benchmarks/aid.py [--tables 1 2 3] [--seeds 3] [--out benchmarks/results/aid.json]

1. The papers' toy, LQGAN on the 1-D normal: Kendall's tau of the scores of 100 of 1000 examples with their removal from
   the whole run, and the relative residual of the linear system. Beside `aid` are the papers' series with fresh batches
   at the papers' rate, from the last epoch or from the whole run, also where `aid` would refuse their residual.
2. Jacobian products to a residual: GMRES, and the Neumann series at the best of several rates, whose search is not
   counted. On LQGAN, and on a small GAN of two perceptrons on the 2-D normal.
3. The perceptrons' GAN: Spearman's correlation of the summed scores of random removals of 5 % with retraining.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, product
from typing import Any

import command_line
import numpy as np
import torch
from scipy.stats import kendalltau, spearmanr

from gansift import cleansing, data, games, influence, metrics, models, training
from gansift.errors import GansiftError
from gansift.games.draw import Draw
from gansift.influence.aid import aid
from gansift.influence.jacobian import MeanGradient, last_batches
from gansift.influence.linear_solvers import gmres, neumann
from gansift.training.state import PARAMETERS

#: Of the Neumann series in table 2.
RATES = (8.0, 6.0, 5.0, 4.0, 3.0, 2.5, 2.0, 1.5, 1.0, 0.5, 0.2, 0.13, 0.1, 0.05, 0.02, 0.01)


def normal(seed: int, count: int, name: str, dimension: int) -> data.Examples:
    """Points of a normal distribution with mean 1 and standard deviation 1.5."""
    x = 1 + 1.5 * Draw(seed, "lq", name).normal(count, dimension)
    ids = tuple(f"{name}/{row}" for row in range(count))
    return data.Examples(ids=ids, x=x, columns={}, paths=("",) * count, hashes=ids)


def lqgan_run(seed: int) -> tuple[training.Run, metrics.Metric]:
    """The papers' toy after 50 epochs, and the average log-likelihood of held-out points."""
    game = games.GAN(models.LQGenerator(), models.LQDiscriminator(), schedule="simultaneous")
    run = training.train(
        game, normal(seed, 1000, "train", 1), steps=500, batch_size=100, optimizers=training.SGD(lr=0.1), seed=seed,
        dtype="float64",
    )  # fmt: skip
    return run, metrics.ALL(normal(seed, 1000, "valid", 1), latents=1000, seed=5)


def perceptrons_run(seed: int) -> tuple[training.Run, metrics.Metric]:
    """Two perceptrons of width 8 with R1 and weight decay, until their learning rate is 0."""
    game = games.GAN(
        models.FCGenerator(latent=2, width=8), models.FCDiscriminator(width=8), r1=0.5, schedule="simultaneous"
    )
    run = training.train(
        game, normal(seed, 400, "train", 2), steps=8000, batch_size=100, seed=seed, dtype="float64",
        optimizers=training.SGD(lr=0.2, weight_decay=0.01, decay="cosine"),
    )  # fmt: skip
    return run, metrics.ALL(normal(seed, 500, "valid", 2), latents=500, seed=5)


def true_changes(run: training.Run, metric: metrics.Metric, count: int) -> np.ndarray:
    """Change of the metric when each of the first examples is removed from the whole run."""
    players = cleansing.retrained_players(run, [[identity] for identity in run.ids[:count]], run.steps)
    return np.array([metric.value(trained) for trained in players]) - metric.value(run)


def game_and_gradient(
    run: training.Run, metric: metrics.Metric
) -> tuple[Callable[[range], MeanGradient], torch.Tensor]:
    """The players' gradients over given batches, and the metric's gradient g (P,)."""
    parameters = {player: slots[PARAMETERS] for player, slots in run.state(run.steps).items()}
    gradient = metric.gradient(games.Trained(run.step.game, parameters))
    return partial(MeanGradient, run.step, run.weights, parameters), torch.cat([gradient[name] for name in parameters])


def papers_series(
    run: training.Run, metric: metrics.Metric, iterations: int, batches: int, rate: float
) -> tuple[np.ndarray, float]:
    """Values of the Neumann series with a fresh batch in each product, whatever its residual; and the residual."""
    game, g = game_and_gradient(run, metric)
    fresh = cycle(last_batches(run.step, batches))

    def operator(u: torch.Tensor) -> torch.Tensor:
        batch = next(fresh)
        return game(range(batch, batch + 1)).pull_back(u).by_parameters

    u = neumann(operator, g, iterations, None, rate)
    pulled = game(last_batches(run.step)).pull_back(u)
    return pulled.by_weight.numpy(), float((g - pulled.by_parameters).norm() / g.norm())


#: Name, iterations, values and residual, the last not of ITD.
Estimate = tuple[str, int, np.ndarray, float | None]


def lqgan_estimates(run: training.Run, metric: metrics.Metric) -> Iterator[Estimate]:
    """What table 1 compares."""
    for epochs in (1, 50):
        yield f"itd, {epochs} epochs", 0, influence.itd(run, metric, epochs * 10).values, None
    for solver, iterations, options in (
        ("gmres", 100, {}),
        *(("neumann", iterations, {"rate": 0.1}) for iterations in (10, 100, 1000)),
    ):
        scores = aid(run, metric, solver=solver, iterations=iterations, tolerance=1e-14, **options)
        yield solver, iterations, scores.values, scores.residual
    for name, batches in (("last epoch", 10), ("whole run", 500)):
        for iterations in (10, 100, 1000):
            yield f"fresh batches, {name}", iterations, *papers_series(run, metric, iterations, batches, 0.1)


def lqgan_table(seeds: int) -> list[dict[str, Any]]:
    """Table 1."""
    table = command_line.Table(
        {"seed": "seed", "solver": "solver", "M": "iterations", "residual": "residual:.2g", "tau": "tau:.3f"}
    )
    for seed in range(seeds):
        run, metric = lqgan_run(seed)
        truth = true_changes(run, metric, 100)
        for name, iterations, values, residual in lqgan_estimates(run, metric):
            tau = float(kendalltau(values[:100], truth).statistic)
            table.add({"seed": seed, "solver": name, "iterations": iterations, "tau": tau, "residual": residual})
    return table.rows


def system(run: training.Run, metric: metrics.Metric) -> tuple[torch.Tensor, torch.Tensor]:
    """J^T, formed so that thousands of products with it cost nothing here, and g."""
    game, g = game_and_gradient(run, metric)
    rows = [game(last_batches(run.step)).pull_back(unit).by_parameters for unit in torch.eye(len(g), dtype=g.dtype)]
    return torch.stack(rows, dim=1), g


def products(
    solver: Callable[..., torch.Tensor], matrix: torch.Tensor, g: torch.Tensor, *arguments: float
) -> int | None:
    """Products until a relative residual, the first of the arguments; None if they do not get there."""
    count = 0

    def operator(u: torch.Tensor) -> torch.Tensor:
        nonlocal count
        count += 1
        return matrix @ u

    tolerance, *others = arguments
    try:
        u = solver(operator, g, 10_000, tolerance, *others)
    except GansiftError:
        return None
    return count if (g - matrix @ u).norm() <= 1.01 * tolerance * g.norm() else None


def products_table() -> list[dict[str, Any]]:
    """Table 2."""
    table = command_line.Table(
        {"game": "game", "damping": "damping:.2f", "residual": "tolerance:.0e", "GMRES": "gmres",
         "Neumann, at its best rate": "neumann", "rate": "rate:g", "times as many": "times:.1f"}
    )  # fmt: skip
    for name, train, dampings in (("LQGAN", lqgan_run, (0.0,)), ("perceptrons", perceptrons_run, (0.0, 0.02, 0.05))):
        matrix, g = system(*train(0))
        for damping, tolerance in product(dampings, (1e-1, 1e-2, 1e-3)):
            damped = matrix + damping * torch.eye(len(g), dtype=g.dtype)
            krylov = products(gmres, damped, g, tolerance)
            series = {rate: products(neumann, damped, g, tolerance, rate) for rate in RATES}
            best = min((count, rate) for rate, count in series.items() if count) if any(series.values()) else None
            found = {"game": name, "damping": damping, "tolerance": tolerance, "gmres": krylov}
            times = best[0] / krylov if best and krylov else None
            table.add(found | {"neumann": best and best[0], "rate": best and best[1], "times": times})
    return table.rows


def perceptrons_table(removals: int = 20) -> list[dict[str, Any]]:
    """Table 3."""
    run, metric = perceptrons_run(0)
    random = np.random.default_rng(0)
    chosen = [random.choice(len(run.ids), len(run.ids) // 20, replace=False) for _ in range(removals)]
    players = cleansing.retrained_players(run, [[run.ids[row] for row in rows] for rows in chosen], run.steps)
    truth = np.array([metric.value(trained) for trained in players]) - metric.value(run)
    columns = {"damping": "damping:.2f", "residual": "residual:.3g", "Spearman": "spearman:.3g", "slope": "slope:.3g"}
    table = command_line.Table(columns)
    for damping in (0.0, 0.02, 0.05):
        scores = aid(run, metric, damping=damping)
        predicted = [scores.values[rows].sum() for rows in chosen]
        correlation, slope = spearmanr(predicted, truth).statistic, np.polyfit(predicted, truth, 1)[0]
        table.add(
            {"damping": damping, "residual": scores.residual, "spearman": float(correlation), "slope": float(slope)}
        )
    return table.rows


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--tables", type=int, nargs="+", default=[1, 2, 3], choices=[1, 2, 3])
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("gansift").setLevel(logging.ERROR)
    tables = {1: lambda: lqgan_table(arguments.seeds), 2: products_table, 3: perceptrons_table}
    found = {str(number): tables[number]() for number in arguments.tables}
    command_line.save(arguments.out, found)


if __name__ == "__main__":
    main()
