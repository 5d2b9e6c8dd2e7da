"""The gradient that a private discriminator follows, and what it is made of, against one example at a time."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from gansift import games, influence, metrics, models, training
from gansift.cleansing import retrain
from gansift.data import Examples
from gansift.errors import TrainingError, UsageError
from gansift.games import Draw
from gansift.training.private import PrivateStep
from gansift.training.state import PARAMETERS
from gansift.training.trajectory import Run

pytest.importorskip("dp_accounting")

R1, CLIP, BATCH, COUNT = 0.3, 0.4, 12, 60
PROMISE = training.Privacy(epsilon=3.0, delta=1e-3, clip=CLIP)


def examples(shift=0.0):
    return Examples.of(np.random.default_rng(0).normal(size=(COUNT, 2)) + shift, name="points")


def trained(outdir=None, x=None, steps=4, gradient_penalty=0.0, **changed):
    torch.manual_seed(0)
    game = games.GAN(models.FCGenerator(3, 8), models.FCDiscriminator(8), r1=R1, gradient_penalty=gradient_penalty)
    adam = training.Adam(lr=1e-2)
    optimizers = {"generator": adam, "discriminator": training.Adam(lr=1e-2, private=PROMISE)}
    arguments = {"steps": steps, "batch_size": BATCH, "optimizers": optimizers, "dtype": "float64", "outdir": outdir}
    return training.train(game, examples() if x is None else x, **arguments | changed)


def parameters_of(run, step):
    return {name: slots[PARAMETERS] for name, slots in run.state(step).items()}


def gradient_of_example(run, parameters, row, weight):
    """That of the non-saturating loss of one real example with its R1 penalty, by autograd alone."""
    own = parameters["discriminator"].clone().requires_grad_()
    x = run.step.x["data"][row : row + 1].clone().requires_grad_()
    logit = run.step.net({**parameters, "discriminator": own}).discriminator(x)
    (slope,) = torch.autograd.grad(logit.sum(), x, create_graph=True)
    loss = weight * (softplus(-logit).sum() + R1 / 2 * slope.square().sum())
    return torch.autograd.grad(loss, own)[0]


def test_clipped_gradients_are_those_of_one_example_at_a_time():
    run = trained()
    parameters, rows = parameters_of(run, 3), torch.arange(0, COUNT, 2)
    weights = torch.linspace(0, 1, len(rows), dtype=torch.float64)
    found = run.step.clipped_sum(3, 0, parameters, rows, weights)
    single = [
        gradient_of_example(run, parameters, row, weight) for row, weight in zip(rows.tolist(), weights, strict=True)
    ]
    norms = torch.stack([gradient.norm() for gradient in single])
    assert (norms > CLIP).any()
    assert (norms < CLIP).any()
    expected = sum(gradient * min(1.0, CLIP / float(gradient.norm().clamp(min=1e-300))) for gradient in single)
    assert float((found - expected).abs().max()) < 1e-10


def test_what_is_followed_is_the_rest_of_the_loss_the_clipped_sum_and_noise():
    run = trained()
    step, parameters, weights = run.step, parameters_of(run, 2), torch.ones(COUNT, dtype=torch.float64)
    followed, loss = step.followed(2, "discriminator", 0, parameters, weights)
    own = parameters["discriminator"].clone().requires_grad_()
    net = step.net({**parameters, "discriminator": own})
    fake = net.generator(step.draw(2, "discriminator", 0).normal(BATCH, 3))
    of_fakes = softplus(net.discriminator(fake)).mean()
    (rest,) = torch.autograd.grad(of_fakes, own)
    drawn = step.drawn(2, 0)
    noise = (followed - rest) * BATCH - step.clipped_sum(2, 0, parameters, drawn, weights[drawn])
    key = step.settings.noise_key
    expected = step.noise * CLIP * Draw(key, "noise", 2, 0, dtype=torch.float64).normal(len(noise))
    assert float((noise - expected).abs().max()) < 1e-10
    assert float(loss) == pytest.approx(float(of_fakes.detach()), rel=1e-12)


def test_examples_are_drawn_independently_as_often_as_is_accounted_for():
    step = trained().step
    assert (step.rate, step.moved) == (BATCH / COUNT, 4)
    seen = torch.zeros(3000, COUNT, dtype=torch.float64)
    for number in range(3000):
        seen[number, step.drawn(number, 0)] = 1
    each, sizes = seen.mean(0), seen.sum(1)
    assert float((each - step.rate).abs().max()) < 5 * math.sqrt(step.rate * (1 - step.rate) / 3000)
    assert float(sizes.mean()) == pytest.approx(BATCH, rel=0.02)
    assert float(sizes.var()) == pytest.approx(COUNT * step.rate * (1 - step.rate), rel=0.12)


def test_the_generator_and_the_recorded_losses_see_no_example():
    here, elsewhere = trained().step, trained(x=examples(shift=7.0)).step
    parameters = {name: slots[PARAMETERS] for name, slots in here.initial().items()}
    weights = torch.ones(COUNT, dtype=torch.float64)
    for player in ("generator", "discriminator"):
        one, other = (step.followed(0, player, 0, parameters, weights) for step in (here, elsewhere))
        assert torch.equal(one[1], other[1])
        assert torch.equal(one[0], other[0]) is (player == "generator")


def test_a_run_goes_on_with_its_own_noise_and_another_has_other_noise(tmp_path):
    whole = trained(tmp_path / "run", steps=6)
    key = (tmp_path / "run/noise-key").read_text().strip()
    assert (len(key), (tmp_path / "run/noise-key").stat().st_mode & 0o077) == (32, 0)
    assert key not in (tmp_path / "run/config.json").read_text()
    recorded = json.loads((tmp_path / "run/config.json").read_text())
    assert recorded["noise"] == whole.step.noise
    assert recorded["optimizers"]["discriminator"]["private"] == {"epsilon": 3.0, "delta": 1e-3, "clip": CLIP}
    for path in (tmp_path / "run/checkpoints").glob("*6*"):
        path.unlink()
    again = trained(tmp_path / "run", steps=6)
    assert again.step.settings.noise_key == key
    other = trained(tmp_path / "other", steps=6)
    for player in ("generator", "discriminator"):
        assert torch.equal(whole.state(6)[player][PARAMETERS], again.state(6)[player][PARAMETERS])
        assert not torch.equal(whole.state(6)[player][PARAMETERS], other.state(6)[player][PARAMETERS])
    (tmp_path / "run/noise-key").unlink()
    with pytest.raises(TrainingError, match="noise-key cannot be read"):
        trained(tmp_path / "run", steps=6)


def test_what_would_break_the_promise_is_refused():
    with pytest.raises(TrainingError, match="augmentation, mirroring or a gradient penalty"):
        trained(gradient_penalty=1.0)
    with pytest.raises(TrainingError, match="not there for the player generator, discriminator"):
        trained(optimizers=training.SGD(lr=0.1, private=PROMISE))
    for changed, said in (({"renormalise": True}, "sum of weights"), ({"micro_batches": 2}, "batches in parts")):
        with pytest.raises(TrainingError, match=said):
            trained(**changed)
    with pytest.raises(TrainingError, match=r"delta=1\.0 of a differentially private training makes no sense"):
        training.Privacy(epsilon=1.0, delta=1.0)


def test_a_private_run_is_neither_scored_nor_repeated():
    run = trained()
    assert isinstance(run, Run)
    assert isinstance(run.step, PrivateStep)
    metric = metrics.ALL(examples(shift=0.1).x)
    for score in (influence.itd, influence.aid, influence.rolling):
        with pytest.raises(UsageError, match="has no scores"):
            score(run, metric)
    with pytest.raises(TrainingError, match="not repeated on other examples"):
        retrain(run, run.ids[:2])
