"""AC-GAN and the projection discriminator: losses by hand, and scores that are those of the unrolled run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gansift import games, influence, metrics, models, training
from gansift.data.columns import Column
from gansift.data.examples import Examples
from gansift.errors import TrainingError, UsageError
from gansift.games import Draw
from gansift.games.batch import Batch, Batches
from gansift.games.parameters import Layout, Net
from toys import SHARES, MeanWave, Perceptron, Told, acgan, examples, labelled, unrolled

CLASSES = len(SHARES)


def game(kind=games.ACGAN, **settings):
    torch.manual_seed(0)
    return acgan(kind, **settings)


KINDS = {
    "acgan": lambda **more: game(class_weight=0.7, **more),
    "acgan without the class loss on fakes": lambda **more: game(class_loss_on_fakes=False, **more),
    "projection": lambda **more: game(games.ProjectionGAN, **more),
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def bound(made):
    modules = {name: module.double() for name, module in made.players.items()}
    layouts = {name: Layout(module) for name, module in modules.items()}
    return Net(modules, layouts, {name: layouts[name].flatten(module) for name, module in modules.items()})


def batches(count=6):
    x = Draw(1, "x", dtype=torch.float64).normal(count, 2)
    weight = torch.linspace(0.5, 1.5, count, dtype=torch.float64)
    return Batches({"data": Batch(x, weight, torch.arange(count) % CLASSES, 0)})


def draw():
    return Draw(5, "test", dtype=torch.float64)


def by_hand(made, batch):
    """Probabilities of the paper: (real, fake, class of real, class of fake), each (B,), and the weights."""
    numbers = draw()
    uniform, z = numbers.uniform(len(batch)), numbers.normal(len(batch), 2)
    asked = torch.tensor([0 if u < 0.5 else 1 if u < 0.8 else 2 for u in uniform.tolist()])
    generator, discriminator = made.players["generator"].double(), made.players["discriminator"].double()
    rows = torch.arange(len(batch))
    found = []
    for x, label in ((batch.x, batch.label), (generator(z, asked), asked)):
        logits = discriminator(x)
        score = logits[:, 0] + (logits[rows, 1 + label] if type(made) is games.ProjectionGAN else 0)
        classes = logits[:, 1:].exp() / logits[:, 1:].exp().sum(1, keepdim=True)
        found.append((1 / (1 + (-score).exp()), classes[rows, label]))
    (real, of_real), (fake, of_fake) = found
    return real, fake, of_real, of_fake


def test_the_discriminator_pays_for_the_source_and_for_the_class_of_real_and_generated_examples():
    batch = batches()
    real, fake, of_real, of_fake = by_hand(game(), batch)
    for settings, on_fakes in (({}, 1.0), ({"class_loss_on_fakes": False}, 0.0)):
        made = game(class_weight=0.7, **settings)
        expected = (batch.weight * -(real.log() + 0.7 * of_real.log())).mean()
        expected = expected - ((1 - fake).log() + on_fakes * 0.7 * of_fake.log()).mean()
        torch.testing.assert_close(made.discriminator_loss(bound(made), batch, draw()), expected)


def test_the_generator_pays_for_the_class_that_it_was_asked_for_in_both():
    batch = batches()
    _, fake, _, of_fake = by_hand(game(), batch)
    for settings in ({}, {"class_loss_on_fakes": False}):
        made = game(class_weight=0.7, **settings)
        expected = -(fake.log() + 0.7 * of_fake.log()).mean()
        torch.testing.assert_close(made.generator_loss(bound(made), batch, draw()), expected)
    zero_sum = game(loss="saturating")
    expected = ((1 - fake).log() - of_fake.log()).mean()
    torch.testing.assert_close(zero_sum.generator_loss(bound(zero_sum), batch, draw()), expected)


def test_the_projection_discriminator_is_told_the_class_and_pays_for_none():
    batch, made = batches(), KINDS["projection"]()
    real, fake, _, _ = by_hand(made, batch)
    expected = -(batch.weight * real.log()).mean() - (1 - fake).log().mean()
    torch.testing.assert_close(made.discriminator_loss(bound(made), batch, draw()), expected)
    torch.testing.assert_close(made.generator_loss(bound(made), batch, draw()), -fake.log().mean())


@every_kind
def test_the_gradient_penalty_is_of_the_source_at_each_examples_class(kind):
    batch, plain, made = batches(), kind(), kind(r1=0.6)
    net = bound(made)
    more = made.discriminator_loss(net, batch, draw()) - plain.discriminator_loss(bound(plain), batch, draw())
    x = batch.x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(made.confidence(net, replace(batch.data, x=x)).sum(), x)
    torch.testing.assert_close(more, 0.6 / 2 * (batch.weight * slope.square().sum(1)).mean())


def test_the_class_head_sees_logits():
    """Cross-entropy of softmax (applied twice) of a sure head is log(1 + 2 / e); on logits it is nearly 0."""
    sure = torch.tensor([[0.0, 50.0, 0.0, 0.0]])
    assert game().real_class_loss(sure, torch.tensor([0])).item() < 1e-9


def test_classes_come_as_often_as_their_shares_and_as_they_are_asked_for():
    made = game()
    counts = torch.bincount(made.classes(4000, draw()), minlength=CLASSES) / 4000
    torch.testing.assert_close(counts, torch.tensor(SHARES), atol=0.03, rtol=0)
    trained = games.Trained(made, {name: Layout(one.double()).flatten(one) for name, one in made.players.items()})
    label, z = torch.tensor([2, 0, 1]), draw().normal(3, 2)
    torch.testing.assert_close(trained.sample(3, draw(), label=label), made.players["generator"](z, label))


def train(made, weights=None, **more):
    return training.train(
        made, labelled(examples(11)), steps=6, batch_size=4, weights=weights, ema=0.7, dtype="float64",
        optimizers=training.SGD(lr=0.2), **more,
    )  # fmt: skip


def descent(parameters, slots, gradient, count, number):
    return parameters - 0.2 * gradient, []


@every_kind
@pytest.mark.parametrize("settings", [{"r1": 0.3}, {"gradient_penalty": 0.5, "schedule": "2:1"}], ids=str)
def test_scores_are_those_of_the_unrolled_run(kind, settings):
    run = train(kind(**settings), renormalise="schedule" in settings)
    scores = influence.itd(run, MeanWave())
    expected = -unrolled(run, MeanWave(), descent) * run.weights
    assert expected.abs().min() > 1e-7
    np.testing.assert_allclose(scores.values, expected.numpy(), rtol=1e-9, atol=1e-14)


def test_scores_on_held_out_classes_are_those_of_retraining():
    metric = metrics.class_loss(labelled(examples(12, seed=3, name="h")))
    run = train(game(r1=0.3))
    scores, values = influence.itd(run, metric), []
    for row in (0, 5, 10):
        for change in (-1e-4, 1e-4):
            weights = run.weights.clone()
            weights[row] += change
            values.append(metric.value(train(game(r1=0.3), weights)))
    expected = (np.array(values[::2]) - values[1::2]) / 2e-4
    assert np.abs(expected).min() > 1e-6
    np.testing.assert_allclose(scores.values[[0, 5, 10]], expected, rtol=1e-6)


@every_kind
def test_parts_of_a_batch_are_trained_like_the_whole(kind):
    whole, parts = train(kind(r1=0.3)), train(kind(r1=0.3), micro_batches=2)
    for player, flat in whole.trained().parameters.items():
        torch.testing.assert_close(parts.trained().parameters[player], flat, rtol=1e-9, atol=1e-11)
    found, expected = (influence.itd(run, MeanWave()).values for run in (parts, whole))
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("noise", [False, True])
def test_networks_of_styles_train_with_classes_and_have_exact_scores(noise):
    shape, count = (3, 32, 32), 6
    torch.manual_seed(0)
    architecture = models.Architecture("stylegan2", shape, 2, 1, 2, 1, "silu", noise=noise, classes=2)
    made = games.ACGAN(*architecture.build(), (0.5, 0.5), r1=0.2, r1_interval=2, augment=("translation",))
    x = Draw(0, "images").uniform(count, *shape) * 2 - 1
    ids = tuple(map(str, range(count)))
    data = Examples(ids, x, {"label": Column(torch.arange(count) % 2, ("a", "b"))}, ("",) * count, ids)

    def run(weights=None):
        return training.train(
            made, data, steps=3, batch_size=3, weights=weights, dtype="float64", optimizers=training.SGD(lr=0.05)
        )

    recorded, metric = run(), MeanWave()
    values = []
    for change in (-1e-4, 1e-4):
        weights = recorded.weights.clone()
        weights[1] += change
        values.append(metric.value(run(weights)))
    assert influence.itd(recorded, metric).values[1] == pytest.approx((values[0] - values[1]) / 2e-4, rel=1e-5)


@pytest.mark.parametrize(
    ("data", "discriminator", "message"),
    [
        (examples(8), Perceptron(2, 4), "ACGAN is told the class of every example, and these have none"),
        (labelled(examples(8)), Perceptron(2, 3), r"one for each of 3 classes, shape \(B, 4\); it returned \(2, 3\)"),
    ],
)
def test_examples_without_classes_and_heads_that_do_not_fit_are_refused(data, discriminator, message):
    with pytest.raises(TrainingError, match=message):
        train_on(games.ACGAN(Told(), discriminator, SHARES), data)


def train_on(made, data):
    return training.train(made, data, steps=2, batch_size=2, optimizers=training.SGD(lr=0.1))


def test_more_classes_than_the_game_knows_are_refused():
    with pytest.raises(TrainingError, match="ACGAN knows 2 classes, and there is the label 2"):
        train_on(games.ACGAN(Told(), Perceptron(2, 3), (0.5, 0.5)), labelled(examples(8)))


def test_shares_and_weights_that_make_no_sense_are_refused():
    with pytest.raises(TrainingError, match="add up to 1"):
        games.ProjectionGAN(Told(), Perceptron(2, 3), (0.5, 0.6))
    with pytest.raises(UsageError, match="above 0, not 0"):
        game(class_weight=0)


def test_what_decides_the_training_is_in_its_settings():
    settings = [made.settings() for made in (game(), game(class_weight=0.5), game(class_loss_on_fakes=False))]
    assert len({str(one) for one in settings}) == 3
    assert settings[0]["shares"] == list(SHARES)
