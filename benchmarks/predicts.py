"""How well do summed scores predict real retraining? Prints and saves a table for the built-in digits.

    python benchmarks/predicts.py [--seed 0] [--removals 20] [--out benchmarks/results/predicts.json]

Two trainings: the README's short one over the whole run, and the preset of `gansift run digits` with scores and
retraining matched at 1, 5, 10 and 20 epochs. Truth is retraining with the same seeds without 2 % of the examples,
picked at random.
"""

from __future__ import annotations

import command_line
import numpy as np
import torch
from scipy.stats import spearmanr

from gansift import cleansing, data, games, influence, metrics, models, systems, training


def readme_run(splits: data.Splits, seed: int) -> training.Run:
    """The training of the README's snippet."""
    game = games.GAN(
        generator=models.MLPGenerator(latent=16, width=64, shape=(1, 8, 8)),
        discriminator=models.MLPDiscriminator(width=64, shape=(1, 8, 8)),
        loss="non-saturating",
        r1=1.0,
    )
    optimizer = training.Adam(lr=5e-4, betas=(0.0, 0.999), eps=1e-2, warmup=100)
    return training.train(game, splits.train, steps=300, batch_size=50, ema=0.98, seed=seed, optimizers=optimizer)


def preset_run(splits: data.Splits, seed: int) -> training.Run:
    """The training of `gansift run digits`."""
    system = systems.build("gan", {"data": splits})
    return training.train(
        system.new_game(seed),
        splits.train,
        steps=system.defaults["steps"],
        batch_size=system.defaults["batch"],
        ema=system.defaults["ema"],
        seed=seed,
        optimizers=system.optimizers,
    )


def correlation(run: training.Run, metric: metrics.Metric, horizon: int, removals: int) -> dict[str, float]:
    """Rank correlation and slope of the true change on the summed scores of random removals of 2 %."""
    scores = influence.itd(run, metric, horizon=horizon)
    random = np.random.default_rng(0)
    count = round(0.02 * len(run.ids))
    rows = [random.choice(len(run.ids), count, replace=False) for _ in range(removals)]
    players = cleansing.retrained_players(run, [[run.ids[row] for row in chosen] for chosen in rows], horizon)
    before = metric.value(run)
    true = [metric.value(trained) - before for trained in players]
    predicted = [scores.values[chosen].sum() for chosen in rows]
    return {
        "spearman": float(spearmanr(predicted, true).statistic),
        "slope": float(np.polyfit(predicted, true, 1)[0]),
        "growth": max(row[1] for row in scores.growth) / scores.growth[0][1],
    }


def main() -> None:
    """Measure and print."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--removals", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    splits = data.load("digits", seed=0)
    features = metrics.ClassifierFeatures.fit(splits.valid, seed=0)
    validation = metrics.FID(features, reference=splits.valid, latents=2000, seed=1)
    test = metrics.FID(features, reference=splits.test, latents=2000, seed=2)
    table = command_line.Table(
        {"training": "training", "test FID": "test:.3g", "untrained": "untrained:.3g", "K": "horizon",
         "epochs": "epochs:.0f", "Spearman": "spearman:.3f", "slope": "slope:.2f", "growth": "growth:.3g"},
        arguments.out,
    )  # fmt: skip
    for name, train in (("README", readme_run), ("preset", preset_run)):
        run = train(splits, arguments.seed)
        values = {"training": name, "test": test.value(run), "untrained": test.value(run.trained(0))}
        epochs = (1, 5, 10, 20) if name == "preset" else ()
        for horizon in [round(epoch * run.epoch) for epoch in epochs] or [run.steps]:
            found = correlation(run, validation, horizon, arguments.removals)
            table.add({**values, "horizon": horizon, "epochs": horizon / run.epoch, **found})


if __name__ == "__main__":
    main()
