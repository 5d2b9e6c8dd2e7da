"""Metrics of samples of requested classes: against formulas, other libraries and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from sklearn.linear_model import Ridge

from gansift import games, metrics
from gansift.data import Examples
from gansift.errors import UsageError
from gansift.games import Draw
from gansift.games.parameters import Layout
from gansift.metrics.metric import reported_of
from toys import Critic, Perceptron, acgan

CLASSES = 3
KINDS = {"intra-fid": metrics.IntraFID, "tstr": metrics.TSTR}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def square(points):
    return torch.cat([points, points[:, :1] * points[:, 1:]], 1)


def held_out(count=40, seed=0) -> Examples:
    label = torch.arange(count) % CLASSES
    x = Draw(seed, "held out", dtype=torch.float64).normal(count, 2) + label[:, None]
    return Examples.of(x, label=["abc"[row] for row in label])


def trained(made=None) -> games.Trained:
    torch.manual_seed(0)
    game = made or acgan(games.ProjectionGAN)
    return games.Trained(game, {name: Layout(one.double()).flatten(one) for name, one in game.players.items()})


def samples(count, seed=5):
    return Draw(seed, "samples", dtype=torch.float64).normal(count, 2) * 1.5 + 0.5


def fid(one, other):
    """By the textbook, with a matrix square root."""
    shift = one.mean(0) - other.mean(0)
    covariances = [np.cov(x, rowvar=False) for x in (one, other)]
    return shift @ shift + np.trace(sum(covariances) - 2 * sqrtm(covariances[0] @ covariances[1]).real)


def test_intra_fid_is_the_mean_of_the_classes_own():
    reference, x = held_out(), samples(31)
    asked = np.array([0] * 11 + [1] * 10 + [2] * 10)
    features, theirs = square(x).numpy(), square(reference.x).double().numpy()
    each = [fid(features[asked == row], theirs[reference.labels.numpy() == row]) for row in range(CLASSES)]
    metric = metrics.IntraFID(square, reference, latents=31)
    assert metric.value(x) == pytest.approx(np.mean(each), rel=1e-8)
    assert metric.of_classes(square(x)) == pytest.approx(each, rel=1e-8)


def test_tstr_is_that_of_another_librarys_ridge():
    reference, x = held_out(), samples(31)
    asked = np.array([0] * 11 + [1] * 10 + [2] * 10)
    seen, theirs = square(x).numpy(), square(reference.x).double().numpy()
    mean, spread = theirs.mean(0), theirs.std(0, ddof=1)
    ridge = Ridge(alpha=0.01 * 31).fit((seen - mean) / spread, np.eye(CLASSES)[asked])
    found, truth = ridge.predict((theirs - mean) / spread), reference.labels.numpy()
    metric = metrics.TSTR(square, reference, latents=31)
    assert metric.value(x) == pytest.approx(((found - np.eye(CLASSES)[truth]) ** 2).sum(1).mean(), rel=1e-9)
    assert reported_of(metric).value(x) == pytest.approx((found.argmax(1) != truth).mean())


@every_kind
def test_the_derivative_in_every_sample_is_that_of_finite_differences(kind):
    metric, features = kind(square, held_out(), latents=13), square(samples(13))
    derivative, direction = metric.evaluate(features)[1], torch.randn(13, 3, dtype=torch.float64)
    ahead, behind = (metric.evaluate(features + change * direction)[0] for change in (1e-5, -1e-5))
    assert float((derivative * direction).sum()) == pytest.approx((ahead - behind) / 2e-5, rel=1e-7)


@every_kind
def test_the_gradient_in_the_players_is_that_of_finite_differences(kind):
    metric, players = kind(square, held_out(), latents=12, chunk=5), trained()
    gradient = metric.gradient(players)
    direction = torch.randn_like(players.parameters["generator"])

    def moved(change):
        parameters = players.parameters | {"generator": players.parameters["generator"] + change * direction}
        return metric.value(games.Trained(players.game, parameters))

    slope = (moved(1e-5) - moved(-1e-5)) / 2e-5
    assert abs(slope) > 1e-4
    assert float(gradient["generator"] @ direction) == pytest.approx(slope, rel=1e-6)
    assert not gradient["discriminator"].any()


@every_kind
def test_the_game_is_asked_for_as_many_of_each_class_whatever_the_chunk(kind):
    values, asked = [], []

    class Noting(games.ProjectionGAN):
        averaged = ("generator",)

        def sample(self, net, count, draw, label=None):
            asked.append(label)
            return super().sample(net, count, draw, label)

    players = trained(acgan(Noting))
    for chunk in (3, 100):
        asked.clear()
        values.append(kind(square, held_out(), latents=12, chunk=chunk).value(players))
        assert torch.cat(asked).tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert values[0] == pytest.approx(values[1], rel=1e-12)


@every_kind
def test_without_a_block_samples_and_examples_keep_their_classes(kind):
    reference, x = held_out(), samples(30)
    metric = kind(square, reference, latents=30)
    (without, *_), (fewer, *_) = metric.without_latents(square(x), 5), metric.without_examples(square(x), 5)
    rows = torch.tensor([row for row in range(30) if row % 5])
    assert without == pytest.approx(kind(square, reference, latents=24).value(x[rows]), rel=1e-12)
    kept = torch.tensor([row for row in range(40) if row % 5])
    assert fewer == pytest.approx(kind(square, reference.subset(kept), latents=30).value(x), rel=1e-12)


@every_kind
def test_a_part_of_the_examples_is_taken_only_if_it_has_every_class(kind):
    reference, x = held_out(), samples(30)
    metric = kind(square, reference, latents=30)
    rows = torch.arange(0, 40, 2)
    assert metric.among(rows).value(x) == pytest.approx(kind(square, reference.subset(rows), latents=30).value(x))
    assert metric.among(torch.arange(0, 40, 3)) is None, "all are of one class"


@every_kind
def test_the_floor_is_the_value_of_real_examples_of_the_same_classes(kind):
    others = held_out(36, seed=1)
    order = torch.argsort(others.labels, stable=True)
    metric = kind(square, held_out(), others=others, latents=36)
    assert metric.floor == pytest.approx(metric.value(others.x[order]), rel=1e-12)
    assert metric.floor < metric.value(others.x), "with the classes mixed up"


def test_requested_classes_need_labels_enough_examples_and_a_game_that_takes_them():
    with pytest.raises(UsageError, match=r"intra-fid compares samples of a class .* these have no labels"):
        metrics.IntraFID(square, Examples.of(samples(8)))
    with pytest.raises(
        UsageError, match="needs 2 held-out examples of every class or more, and of 'c' there are fewer"
    ):
        metrics.TSTR(square, held_out(5))
    with pytest.raises(UsageError, match="2 samples of each of 3 classes or more, not 5"):
        metrics.TSTR(square, held_out(), latents=5)
    plain = trained(games.GAN(Perceptron(2, 2), Critic(2)))
    with pytest.raises(UsageError, match=r"GAN\.sample has no parameter `label`"):
        metrics.IntraFID(square, held_out(), latents=9).value(plain)
