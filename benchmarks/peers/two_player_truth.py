"""Part G, first half: train the GAN of each seed, retrain it without every example, and score with gansift.

    python two_player_truth.py FOLDER --seeds 5 --steps 240 --examples 256

For each seed it writes ``task.npz`` (all that a peer or a rewritten training loop needs, as plain arrays),
``truth.npz`` (true changes by retraining) and one score file for each of gansift's estimators.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import plain
import torch
from own_question import true_loss_changes

import gansift
from gansift import cleansing, games, influence, metrics, models, training
from gansift.data.examples import Examples
from gansift.errors import GansiftError
from gansift.games import Draw
from gansift.influence.adjoint import step_adjoint
from gansift.influence.estimators import ESTIMATORS
from gansift.influence.scores import Scores
from gansift.training.state import AVERAGE, PARAMETERS

BATCH, LATENT, WIDTH, SAMPLES, DROPS, SHARE = 32, 4, 16, 512, 100, 0.05
ADAM = {"lr": 5e-4, "betas": (0.5, 0.99), "eps": 1e-3}  # eps^2 = 1e-6 is what stands in the root
CHECKPOINTS = 6

Estimator = Callable[[training.Run, metrics.Metric], Scores]


def points(count: int, seed: int, purpose: str, outliers: float = 0.0) -> torch.Tensor:
    """Correlated normal points in the plane, the last share of them from a tight cluster far off; float32."""
    draw = Draw(seed, "peers", purpose, dtype=torch.float64)
    x = draw.normal(count, 2) @ torch.tensor([[1.0, 0.5], [0.0, 0.8]], dtype=torch.float64)
    far = round(outliers * count)
    if far:
        x[-far:] = torch.tensor([3.0, -3.0], dtype=torch.float64) + 0.3 * draw.normal(far, 2)
    return x.float()


def examples(seed: int, count: int) -> Examples:
    """The training examples, a tenth of them far off."""
    ids = tuple(f"{row:03d}" for row in range(count))
    x = points(count, seed, "train", outliers=0.1)
    return Examples(ids=ids, x=x, columns={}, paths=("",) * count, hashes=ids)


def train(seed: int, steps: int, count: int) -> tuple[training.Run, metrics.FID]:
    """The micro-GAN and the Fréchet distance that judges it."""
    game = games.GAN(models.MLPGenerator(LATENT, WIDTH, (2,)), models.MLPDiscriminator(WIDTH, (2,)))
    optimizer = training.Adam(**ADAM, eps_inside=True)
    run = training.train(
        game, examples(seed, count), steps=steps, batch_size=BATCH, optimizers=optimizer, seed=seed, dtype="float64"
    )
    reference = points(SAMPLES, seed, "reference")
    return run, metrics.FID(identity, reference, latents=SAMPLES, seed=seed, chunk=SAMPLES)


def identity(x: torch.Tensor) -> torch.Tensor:
    """The points themselves as features: the Fréchet distance in the plane."""
    return x


def frozen(run: training.Run, metric: metrics.Metric) -> Scores:
    """ITD with Adam's moments held constant, as in the published code: what a step passes on to the moments is lost."""
    adjoint = {
        player: {name: torch.zeros_like(value) for name, value in slots.items()}
        for player, slots in run.state(run.steps).items()
    }
    for player, gradient in metric.gradient(run).items():
        adjoint[player][PARAMETERS] = gradient
    by_weight = torch.zeros(len(run.ids), dtype=torch.float64)
    for record in run.reversed(0):
        adjoint = step_adjoint(run.step, record, run.weights, adjoint, by_weight)
        adjoint = {
            player: {
                name: value if name in (PARAMETERS, AVERAGE) else torch.zeros_like(value)
                for name, value in slots.items()
            }
            for player, slots in adjoint.items()
        }
    return replace(influence.itd(run, metric), values=-by_weight.numpy(), estimator="itd-frozen-moments", growth=())


def one_epoch(run: training.Run, metric: metrics.Metric) -> Scores:
    """ITD over the last epoch only, judged here by removal from the whole run."""
    return influence.itd(run, metric, horizon=round(run.epoch))


def estimators() -> dict[str, Estimator]:
    """Everything scored in this process: gansift's estimators, and two cuts of ITD."""
    found: dict[str, Estimator] = {f"gansift {name}": estimator for name, estimator in ESTIMATORS.items()}
    with suppress(ImportError):  # for versions that have it but do not list it
        found.setdefault("gansift aid", importlib.import_module("gansift.influence.aid").aid)
    return found | {"itd, Adam's moments frozen": frozen, "itd, last epoch only": one_epoch}


def drops(count: int, seed: int) -> np.ndarray:
    """100 random removals of 5 %, boolean (100, N)."""
    random = np.random.default_rng([seed, 5])
    removed = np.zeros((DROPS, count), dtype=bool)
    for row in removed:
        row[random.choice(count, round(SHARE * count), replace=False)] = True
    return removed


def true_changes(run: training.Run, metric: metrics.FID, removed: np.ndarray) -> np.ndarray:
    """Change of the metric after retraining without each of these sets, (R,)."""
    sets = [[run.ids[row] for row in np.flatnonzero(mask)] for mask in removed]
    players = cleansing.retrained_players(run, sets, run.steps)
    if any(trained is None for trained in players):
        raise SystemExit("a retraining broke down; choose another seed")
    return np.array([metric.value(trained) for trained in players if trained is not None]) - metric.value(run)


def curvature(run: training.Run) -> list[float]:
    """Lowest and highest eigenvalue of the Hessian that the peers invert: of the loss on all real examples."""
    last = run.trained().parameters

    def loss(flat: torch.Tensor) -> torch.Tensor:
        logits = run.step.net(last | {"discriminator": flat}).discriminator(run.step.x["data"])
        return torch.nn.functional.softplus(-logits).mean()

    eigenvalues = torch.linalg.eigvalsh(torch.func.hessian(loss)(last["discriminator"]))
    return [float(eigenvalues[0]), float(eigenvalues[-1])]


def task(run: training.Run, metric: metrics.FID, fakes: torch.Tensor) -> dict[str, np.ndarray]:
    """The run as plain arrays: data, initial parameters, every batch and latent, and the discriminator on the way."""
    seed, steps = run.step.settings.seed, run.steps

    def latents(player: str) -> np.ndarray:
        draws = [Draw(seed, "step", number, player, 0, dtype=torch.float64) for number in range(steps)]
        return np.stack([draw.normal(BATCH, LATENT).numpy() for draw in draws])

    first, last = run.state(0), run.state(steps)
    kept = [round(steps * (part + 1) / CHECKPOINTS) for part in range(CHECKPOINTS)]
    return {
        "x": run.step.x["data"].numpy(),
        "rows": np.stack([run.step.rows(number, 0)["data"].numpy() for number in range(steps)]),
        "discriminator_latents": latents("discriminator"),
        "generator_latents": latents("generator"),
        "initial_discriminator": first["discriminator"][PARAMETERS].numpy(),
        "initial_generator": first["generator"][PARAMETERS].numpy(),
        "final_discriminator": last["discriminator"][PARAMETERS].numpy(),
        "checkpoints": np.stack([run.state(number)["discriminator"][PARAMETERS].numpy() for number in kept]),
        "metric_latents": Draw(metric.seed, "metric", dtype=torch.float64).normal(SAMPLES, LATENT).numpy(),
        "reference": points(SAMPLES, seed, "reference").double().numpy(),
        "fakes": fakes.numpy(),
        "lr": np.array(ADAM["lr"]),
        "betas": np.array(ADAM["betas"]),
        "eps": np.array(ADAM["eps"]),
    }


def check_truth(arrays: dict[str, np.ndarray], removed: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Retrain a handful one by one with code that shares nothing with gansift; stop unless it agrees.

    Returns:
        The largest relative difference, and the seconds of one retraining.
    """
    rows = [0, len(removed[0]) // 2, len(removed[0]) - 1, len(removed) - 2, len(removed) - 1]
    start = time.perf_counter()
    before = plain.retrained_distance(arrays, np.ones(len(arrays["x"])))
    seconds = time.perf_counter() - start
    alone = np.array([plain.retrained_distance(arrays, 1.0 - removed[row]) - before for row in rows])
    difference = float(np.abs(alone - true[rows]).max() / np.abs(true[rows]).max())
    if not difference < 1e-9:
        raise SystemExit(f"truth differs from one-by-one retraining in plain PyTorch by {difference:.1e}")
    return {"relative_difference": difference, "seconds_of_one": seconds, "checked": len(rows)}


def score(folder: Path, name: str, estimator: Estimator, run: training.Run, metric: metrics.Metric) -> None:
    """Write an estimator's scores and what they are, or why there are none."""
    stem = "".join(letter for letter in name.replace(" ", "-") if letter.isalnum() or letter == "-")
    about = {"name": name, "package": "gansift", "version": gansift.__version__}
    start = time.perf_counter()
    try:
        scores = estimator(run, metric)
    except GansiftError as error:
        (folder / f"{stem}.json").write_text(json.dumps(about | {"failed": str(error)}, indent=2))
        return
    about |= {"seconds": time.perf_counter() - start, "read": "change of the metric if removed", "settings": ""}
    scores.to_csv(folder / f"{stem}.csv")
    (folder / f"{stem}.json").write_text(json.dumps(about, indent=2))


def one_seed(folder: Path, seed: int, steps: int, count: int) -> None:
    """Everything of one seed."""
    run, metric = train(seed, steps, count)
    with torch.no_grad():
        fakes = run.trained().sample(SAMPLES, Draw(seed, "peers", "fakes", dtype=torch.float64))
    arrays = task(run, metric, fakes)
    np.savez(folder / "task.npz", **arrays)
    removed = np.concatenate([np.eye(count, dtype=bool), drops(count, seed)])
    start = time.perf_counter()
    true = true_changes(run, metric, removed)
    stacked = time.perf_counter() - start
    checked = check_truth(arrays, removed, true)
    own = true_loss_changes(run, examples(seed, count), fakes, removed)
    np.savez(folder / "truth.npz", removed=removed, true=true, own=own)
    facts: dict[str, Any] = {"seed": seed, "retrainings": len(removed), "seconds_stacked": stacked, **checked}
    facts |= {"metric": metric.value(run), "metric_untrained": metric.value(run.trained(0))}
    facts["curvature"] = curvature(run)
    (folder / "truth.json").write_text(json.dumps(facts, indent=2))
    for name, estimator in estimators().items():
        score(folder / "scores", name, estimator, run, metric)
    print(f"seed {seed}: {len(removed)} retrainings in {stacked:.0f} s, {checked}", flush=True)


def main() -> None:
    """Do every seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--examples", type=int, default=256)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for seed in range(arguments.seeds):
        folder = arguments.folder / f"seed-{seed}"
        (folder / "scores").mkdir(parents=True, exist_ok=True)
        one_seed(folder, seed, arguments.steps, arguments.examples)


if __name__ == "__main__":
    main()
