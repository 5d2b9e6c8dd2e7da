"""The paper's toy: LQGAN on the 1-D normal, scored for ALL, against true removal over the whole run.

The truth is computed here by a second implementation, in closed form with NumPy, for all removals at once.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import kendalltau

from gansift import data, games, influence, metrics, models, training
from gansift.games.draw import Draw

N, BATCH, RATE, EPOCHS, REMOVED = 1000, 100, 0.1, 50, 100
PER_EPOCH = N // BATCH


def _normal(seed, count, name):
    x = (1 + 1.5 * Draw(seed, "lq", name, dtype=torch.float64).normal(count, 1)).float()
    ids = tuple(f"{name}/{row}" for row in range(count))
    return data.Examples(ids=ids, x=x, columns={}, paths=("",) * count, hashes=ids)


def _true_generators(run, x, seed):
    """Final (a, b) of the generator a z + b for the run itself and for each of the first removals, shape (101, 2)."""
    flat = run.state(0)
    a, b = (np.full(REMOVED + 1, value) for value in flat["generator"]["parameters"].tolist())
    w = np.tile(flat["discriminator"]["parameters"].numpy(), (REMOVED + 1, 1))
    assert [*run.step.layouts["generator"].names] == ["scale", "shift"]
    assert [*run.step.layouts["discriminator"].names] == ["quadratic", "linear", "constant"]
    for number in range(run.steps):
        rows = run.step.rows(number, 0)["data"].numpy()
        weight = np.ones((REMOVED + 1, BATCH))
        for removal in range(REMOVED):
            weight[removal + 1, rows == removal] = 0
        draws = [
            Draw(seed, "step", number, player, 0, dtype=torch.float64).normal(BATCH, 1).numpy()[:, 0]
            for player in ("discriminator", "generator")
        ]
        real = x[rows][None]
        fake, fake_g = (a[:, None] * z + b[:, None] for z in draws)

        def logits(y, w=w):
            return w[:, :1] * y**2 + w[:, 1:2] * y + w[:, 2:]

        def powers(y):
            return np.stack([y**2, y, np.ones_like(y)], axis=-1)

        slope_real = -expit(-logits(real)) * weight / BATCH
        slope_fake = expit(logits(fake)) / BATCH
        slope_g = -expit(-logits(fake_g)) / BATCH * (2 * w[:, :1] * fake_g + w[:, 1:2])
        step_w = np.einsum("rb,rbk->rk", slope_real, powers(np.broadcast_to(real, weight.shape)))
        step_w += np.einsum("rb,rbk->rk", slope_fake, powers(fake))
        a, b = a - RATE * (slope_g * draws[1]).sum(1), b - RATE * slope_g.sum(1)
        w = w - RATE * step_w
    return np.stack([a, b], axis=1)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_rank_correlation_rises_with_the_horizon_to_nearly_one(seed):
    train, valid = _normal(seed, N, "train"), _normal(seed, N, "valid")
    game = games.GAN(models.LQGenerator(), models.LQDiscriminator(), schedule="simultaneous")
    run = training.train(
        game, train, steps=EPOCHS * PER_EPOCH, batch_size=BATCH, optimizers=training.SGD(lr=RATE), seed=seed,
        dtype="float64",
    )  # fmt: skip
    generators = _true_generators(run, train.x.double().numpy()[:, 0], seed)
    np.testing.assert_allclose(generators[0], run.state(run.steps)["generator"]["parameters"].numpy(), rtol=1e-9)

    metric = metrics.ALL(valid, latents=N, seed=5)
    latents = Draw(5, "metric", dtype=torch.float64).normal(N, 1)
    values = np.array([metric.value(a * latents + b) for a, b in generators])
    assert values[0] == pytest.approx(metric.value(run), rel=1e-9)
    truth = values[1:] - values[0]

    horizons = {epochs: epochs * PER_EPOCH for epochs in (1, 5, 10, 20, 50)}
    scores = influence.itd_horizons(run, metric, list(horizons.values()))
    tau = {
        epochs: kendalltau(scores[horizon].values[:REMOVED], truth).statistic for epochs, horizon in horizons.items()
    }
    assert tau[50] >= 0.98
    assert tau[20] >= 0.97
    assert 0.2 < tau[1] < 0.8
    assert tau[1] < tau[5] < tau[20]
