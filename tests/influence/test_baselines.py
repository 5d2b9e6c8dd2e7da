"""Every baseline against a computation of its own: by scikit-learn, scipy, numpy, or autodiff of what it claims."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import import_module

import numpy as np
import pytest
import torch
from scipy.special import log_expit
from scipy.stats import multivariate_normal
from sklearn.ensemble import IsolationForest

from gansift import games, influence, training
from gansift.data.columns import Column, labelled
from gansift.errors import GansiftError, UsageError
from gansift.games.batch import Batch, weighted_mean
from gansift.games.draw import Draw
from gansift.games.parameters import Layout, Net
from gansift.influence.baselines.density import density, rarity
from gansift.influence.baselines.discriminator_loss import DiscriminatorLoss, discriminator_loss
from gansift.influence.baselines.discriminator_score import discriminator_score
from gansift.influence.baselines.isolation_forest import isolation_forest
from gansift.influence.baselines.nearest_samples import nearest_samples
from gansift.influence.baselines.random import random_ranking
from gansift.influence.baselines.without_propagation import without_propagation
from gansift.metrics import ALL, FID, IS
from toys import Critic, MeanWave, Perceptron, examples, gan

STEPS, COUNT = 7, 24
SGD = training.SGD(lr=0.1)
RANKINGS = {
    "random": random_ranking,
    "isolation-forest": isolation_forest,
    "discriminator-score": discriminator_score,
    "density": density,
    "nearest-samples": nearest_samples,
}
ALL_OF_THEM = RANKINGS | {
    "discriminator-loss": discriminator_loss,
    "without-propagation": without_propagation,
}
every_ranking = pytest.mark.parametrize(("name", "baseline"), RANKINGS.items(), ids=RANKINGS)
every_baseline = pytest.mark.parametrize(("name", "baseline"), ALL_OF_THEM.items(), ids=ALL_OF_THEM)

nearest_module = import_module("gansift.influence.baselines.nearest_samples")
loss_module = import_module("gansift.influence.baselines.discriminator_loss")


class Bent:
    """Three smooth features of points in the plane."""

    name = "bent"
    weight = torch.tensor([[1.0, 0.5, -0.3], [0.2, -1.0, 0.7]], dtype=torch.float64)

    def __call__(self, x):
        return (x @ self.weight.to(x)).tanh() + 0.3 * x[:, :1]

    logits = __call__


class RisingFID(FID):
    """The same features with the other sign."""

    direction = "higher"


@cache
def _train(data=None, game=None, optimizer=SGD, **arguments):
    arguments = {"steps": STEPS, "batch_size": 6, "dtype": "float64", **arguments}
    return training.train(game or gan(), data or examples(COUNT), optimizers=optimizer, **arguments)


def _fid(kind=FID, **arguments):
    return kind(Bent(), examples(30, seed=3, name="held-out"), **{"latents": 40, "seed": 5, **arguments})


def _all(**arguments):
    return ALL(examples(30, seed=3, name="held-out"), **{"latents": 40, "seed": 5, **arguments})


def _seen(metric, x):
    """The metric's features of points, by numpy."""
    x = x.double().numpy()
    return np.tanh(x @ Bent.weight.numpy()) + 0.3 * x[:, :1] if isinstance(metric, FID) else x


def _counted_from_least(harm):
    return harm - harm.min()


# Every baseline


@every_baseline
@pytest.mark.parametrize(("metric", "horizon"), [(_fid(), 3), (_all(), None)], ids=["lower", "higher"])
def test_scores_are_noted_down_like_those_of_itd(name, baseline, metric, horizon):
    run = _train(renormalise=True)
    exact, scores = influence.itd(run, metric, horizon), baseline(run, metric, horizon)
    assert scores.estimator == name
    for noted in ("ids", "metric", "direction", "horizon", "steps", "removal", "run"):
        assert getattr(scores, noted) == getattr(exact, noted)
    assert scores.values.dtype == np.float64
    assert np.isfinite(scores.values).all()
    assert len(np.unique(scores.values)) > COUNT // 2


@every_baseline
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_call_gives_the_same_bits(name, baseline, dtype):
    run = _train(dtype=dtype, ema=0.5)
    first, second = (baseline(run, _fid()).values for _ in range(2))
    assert np.array_equal(first, second)
    assert np.isfinite(first).all()


@every_baseline
def test_single_precision_gives_nearly_the_same_harm(name, baseline):
    single, double = (baseline(_train(dtype=dtype), _fid()).harm for dtype in ("float32", "float64"))
    # A forest's splits jump where rounding moves a feature across them.
    tolerance = 0.05 if name == "isolation-forest" else 1e-3
    np.testing.assert_allclose(single, double, rtol=0, atol=tolerance * np.ptp(double))


@every_baseline
@pytest.mark.parametrize("horizon", [0, STEPS + 1])
def test_a_horizon_outside_the_run_is_refused(name, baseline, horizon):
    with pytest.raises(UsageError, match="horizon"):
        baseline(_train(), _fid(), horizon)


@pytest.mark.parametrize("name", [name for name in ALL_OF_THEM if name != "without-propagation"])
def test_the_direction_of_the_metric_turns_the_scores_and_not_the_harm(name):
    run = _train()
    falling, rising = (ALL_OF_THEM[name](run, _fid(kind)) for kind in (FID, RisingFID))
    assert (falling.direction, rising.direction) == ("lower", "higher")
    assert np.array_equal(falling.harm, rising.harm)
    assert np.array_equal(falling.values, -rising.values)


@every_baseline
def test_an_example_that_the_run_was_trained_without_has_score_zero(name, baseline):
    weights = torch.ones(COUNT)
    weights[[3, 8]] = 0
    scores = baseline(_train(weights=weights), _fid())
    assert not scores.values[[3, 8]].any()
    assert np.count_nonzero(scores.values) >= COUNT - 3


@every_ranking
@pytest.mark.parametrize("metric", [_fid(), _all()], ids=["lower", "higher"])
def test_no_example_ranks_below_those_that_the_run_was_trained_without(name, baseline, metric):
    weights = torch.ones(COUNT)
    weights[[3, 8]] = 0
    scores = baseline(_train(weights=weights), metric)
    assert scores.harm.min() == scores.harm[3] == scores.harm[8] == 0


@every_ranking
def test_examples_that_the_run_was_trained_without_take_no_part_in_the_ranking(name, baseline):
    """Wherever they lie, the others' scores are the same."""
    weights = torch.ones(COUNT)
    weights[[3, 8]] = 0
    near, far = examples(COUNT), examples(COUNT)
    far.x[[3, 8]] = 5.0
    values = [baseline(_train(data, weights=weights), _fid()).values for data in (near, far)]
    assert np.array_equal(*values)


@every_ranking
def test_a_run_without_examples_cannot_be_ranked(name, baseline):
    with pytest.raises(UsageError, match="nothing to rank"):
        baseline(_train(weights=torch.zeros(COUNT)), _fid())


class TwoSets(games.Game):
    """A GAN whose discriminator sees two data sets."""

    def __init__(self):
        super().__init__(generator=Perceptron(2, 2), discriminator=Critic(2))

    def discriminator_loss(self, net, batch, draw):
        parts = [weighted_mean(net.discriminator(part.x).tanh(), part.weight) for part in map(batch.__getitem__, batch)]
        return sum(parts) - net.discriminator(self.sample(net, 3, draw)).tanh().mean()

    def generator_loss(self, net, batch, draw):
        return net.discriminator(self.sample(net, 3, draw)).mean()

    def sample(self, net, count, draw):
        return net.generator(draw.normal(count, 2))


@cache
def _of_two_sets():
    data = {"simulated": examples(10, seed=1, name="s"), "real": examples(14, seed=2, name="r")}
    return training.train(TwoSets(), data, steps=4, batch_size=3, optimizers=SGD, dtype="float64")


@pytest.mark.parametrize("name", ["discriminator-loss", "discriminator-score", "nearest-samples"])
def test_several_data_sets_are_refused_by_name_where_one_is_needed(name):
    with pytest.raises(UsageError, match=rf"{name} compares one set of training examples.* several: simulated, real"):
        ALL_OF_THEM[name](_of_two_sets(), _fid())


@pytest.mark.parametrize("name", ["isolation-forest", "density"])
def test_every_data_set_is_ranked_among_its_own(name):
    def train(data):
        return training.train(Critics(), data, steps=1, batch_size=2, optimizers=SGD, dtype="float64", weights=weights)

    sets = {"simulated": examples(10, seed=1, name="s"), "real": examples(14, seed=2, name="r")}
    weights = [0.0, *[1.0] * 23]
    together = ALL_OF_THEM[name](train(sets), MeanWave())
    weights = [0.0, *[1.0] * 9]
    one = ALL_OF_THEM[name](train({"simulated": sets["simulated"]}), MeanWave())
    weights = None
    other = ALL_OF_THEM[name](train({"real": sets["real"]}), MeanWave())
    for alone, data_set in ((one, "simulated"), (other, "real")):
        own = together.of(data_set).values
        # Scores are counted from the least harmful of all, so they agree up to an offset; one that was left out has 0.
        kept = slice(1 if data_set == "simulated" else 0, None)
        np.testing.assert_allclose(np.diff(own[kept]), np.diff(alone.values[kept]), rtol=1e-9, atol=1e-12)
    assert together.values[0] == 0


@pytest.mark.parametrize("name", ["random", "without-propagation"])
def test_several_data_sets_are_scored_together_where_it_does_not_matter(name):
    scores = ALL_OF_THEM[name](_of_two_sets(), _fid())
    assert (scores.ids[0], scores.ids[-1]) == ("simulated:s/000", "real:r/013")
    assert scores.values[:10].any()
    assert scores.values[10:].any()


@pytest.mark.parametrize("name", ["isolation-forest", "density", "nearest-samples"])
def test_features_that_are_not_finite_are_counted_in_the_error(name):
    class Broken(Bent):
        def __call__(self, x):
            return torch.where(x > 1.9, torch.nan, x)

    data = examples(COUNT)
    data.x[:, :] = data.x.clamp(max=1.0)
    data.x[[2, 5]] = 2.0
    metric = FID(Broken(), torch.zeros(4, 2), latents=40)
    with pytest.raises(GansiftError, match=rf"{name}.* 2 of {COUNT} features of training examples"):
        ALL_OF_THEM[name](_train(data), metric)


@pytest.mark.parametrize("name", ["isolation-forest", "density", "nearest-samples"])
@pytest.mark.parametrize("metric", [FID(Bent(), torch.randn(9, 2), latents=300), ALL(torch.randn(9, 2), latents=300)])
def test_planted_outliers_are_the_most_harmful(name, metric):
    """The other examples are the generator's own samples, so that what is far from them is far from it, too."""
    data = examples(40)
    data.x[:] = _train(dtype="float32").trained(0).sample(40, Draw(1, "like the generator"))
    outliers = [4, 17, 30]
    data.x[outliers] = torch.tensor([[9.0, 9.0], [-9.0, 8.0], [10.0, -7.0]])
    run = _train(data, optimizer=training.SGD(lr=1e-3))
    assert set(ALL_OF_THEM[name](run, metric).harmful(3).ids) == {data.ids[row] for row in outliers}


@pytest.mark.parametrize("name", ["isolation-forest", "density", "nearest-samples"])
def test_a_metric_without_features_sees_all_numbers_of_an_example(name):
    data, reference = examples(COUNT), examples(COUNT, seed=9)
    run = _train(data)
    plain = ALL_OF_THEM[name](run, MeanWave())
    # ALL's features are the numbers themselves, its latents here as many as there are examples.
    assert np.array_equal(plain.harm, ALL_OF_THEM[name](run, ALL(reference, latents=COUNT)).harm)


# Random


def test_random_scores_are_uniform_and_decided_by_the_seed_of_the_run():
    data = examples(500)
    first, second = (random_ranking(_train(data, steps=1, seed=seed), _fid()).harm for seed in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.15
    np.testing.assert_allclose(np.quantile(first, [0.1, 0.25, 0.5, 0.75, 0.9]), [0.1, 0.25, 0.5, 0.75, 0.9], atol=0.07)


# Isolation forest


@pytest.mark.parametrize("metric", [_fid(), _all()], ids=["features", "numbers"])
def test_isolation_forest_is_that_of_scikit_learn_on_what_the_metric_sees(metric):
    data = examples(COUNT)
    seen = _seen(metric, data.x)
    forest = IsolationForest(random_state=Draw(4, "isolation forest").seed()).fit(seen)
    harm = isolation_forest(_train(data, seed=4), metric).harm
    np.testing.assert_allclose(harm, _counted_from_least(-forest.score_samples(seen)), rtol=1e-12)


# Density


@pytest.mark.parametrize("metric", [_fid(), _all(), MeanWave()], ids=["features", "numbers", "no features"])
def test_density_is_that_of_a_normal_distribution_fitted_by_numpy(metric):
    data = examples(COUNT)
    weights = torch.ones(COUNT)
    weights[[3, 8]] = 0
    seen = _seen(metric, data.x)[weights.numpy() > 0]
    normal = multivariate_normal(seen.mean(axis=0), np.cov(seen.T, bias=True))
    harm = density(_train(data, weights=weights), metric).harm[weights.numpy() > 0]
    np.testing.assert_allclose(harm, _counted_from_least(-normal.logpdf(seen)), rtol=1e-4, atol=1e-5)


def test_density_does_not_depend_on_the_units_of_the_features():
    rows = torch.randn(30, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    scaled = rows * torch.tensor([1e-4, 1.0, 1e3, 50.0], dtype=torch.float64) + 7.0
    torch.testing.assert_close(rarity(scaled), rarity(rows), rtol=1e-7, atol=0)


def test_density_of_degenerate_features_is_that_without_them():
    rows = torch.randn(30, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    constant = torch.full((30, 1), 2.0, dtype=torch.float64)
    expected = rarity(rows)
    torch.testing.assert_close(rarity(torch.cat([rows, constant], dim=1)), expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(rarity(torch.cat([rows, rows[:, :1]], dim=1)), expected, rtol=1e-4, atol=1e-5)
    assert not rarity(constant).any()


# Discriminator score


@pytest.mark.parametrize("ema", [0.0, 0.8])
def test_discriminator_score_is_minus_the_logit_at_the_end(ema):
    data = examples(COUNT)
    run = _train(data, ema=ema)
    flat = run.state(STEPS)["discriminator"]["parameters"]
    views = {name: value.numpy() for name, value in run.step.layouts["discriminator"].views(flat).items()}
    hidden = np.tanh(data.x.double().numpy() @ views["first.weight"].T + views["first.bias"])
    logits = (hidden @ views["second.weight"].T + views["second.bias"])[:, 0]
    harm = discriminator_score(run, _fid(chunk=5)).harm
    np.testing.assert_allclose(harm, _counted_from_least(-logits), rtol=1e-9, atol=1e-12)


class ByWeight(games.Game):
    """A discriminator that cannot be called with examples alone."""

    class Network(Critic):
        def forward(self, x, weight):
            return super().forward(x * weight)

    def __init__(self, network=Network):
        super().__init__(generator=Perceptron(2, 2), discriminator=network(2))

    def discriminator_loss(self, net, batch, draw):
        return weighted_mean(net.discriminator(batch.x, 2.0), batch.weight)

    def generator_loss(self, net, batch, draw):
        return -net.discriminator(self.sample(net, len(batch), draw), 2.0).mean()

    def sample(self, net, count, draw):
        return net.generator(draw.normal(count, 2))


def test_a_discriminator_that_needs_more_than_examples_is_refused():
    with pytest.raises(
        UsageError, match=r"discriminator-score needs a discriminator that takes examples alone.*weight"
    ):
        discriminator_score(_train(game=ByWeight()), _fid())


def test_a_discriminator_of_many_logits_is_refused():
    class Column(Critic):
        """Logits of shape (B, 1) when called with examples alone."""

        def forward(self, x, weight=None):
            logits = super().forward(x)
            return logits.unsqueeze(1) if weight is None else weight * logits

    with pytest.raises(UsageError, match=r"one logit per example, shape \(24,\), not \(24, 1\)"):
        discriminator_score(_train(game=ByWeight(Column)), _fid())


@pytest.mark.parametrize("name", ["discriminator-score", "discriminator-loss"])
def test_a_game_without_a_discriminator_is_refused(name):
    class Renamed(games.Game):
        def __init__(self):
            super().__init__(generator=Perceptron(2, 2), judge=Critic(2))

        def judge_loss(self, net, batch, draw):
            return weighted_mean(net.judge(batch.x), batch.weight) - net.judge(net.generator(draw.normal(6, 2))).mean()

        def generator_loss(self, net, batch, draw):
            return net.judge(net.generator(draw.normal(6, 2))).mean()

    with pytest.raises(UsageError, match=rf"{name} needs a player called discriminator.* has generator, judge"):
        ALL_OF_THEM[name](_train(game=Renamed()), _fid())


class Critics(games.Game):
    """A game without samples, of one or several data sets."""

    def __init__(self):
        super().__init__(critic=Critic(2))

    def critic_loss(self, net, batch, draw):
        parts = [batch[name] for name in batch]
        return sum(weighted_mean(net.critic(part.x).square(), part.weight) for part in parts)


# Nearest samples


def test_a_game_without_samples_is_refused_by_name():
    run = training.train(Critics(), examples(8), steps=1, batch_size=4, optimizers=SGD, dtype="float64")
    with pytest.raises(UsageError, match=r"nearest-samples needs generated samples, and Critics has no method sample"):
        nearest_samples(run, MeanWave())


def test_samples_of_another_shape_than_the_examples_are_refused():
    class Wide(games.GAN):
        times = 1

        def sample(self, net, count, draw):
            return super().sample(net, count, draw).repeat(1, self.times)

    run = _train(game=Wide(Perceptron(2, 2), Critic(2)))
    run.step.game.times = 3
    with pytest.raises(UsageError, match=r"different shapes: \(6,\) and \(2,\). Use another estimator"):
        nearest_samples(run, MeanWave())


def _credit_by_hand(samples, seen):
    credit = np.zeros(len(seen))
    for sample in samples:
        distance = np.sqrt(((seen - sample) ** 2).sum(axis=1))
        nearest = np.argsort(distance)[:10]
        share = np.exp(-distance[nearest] / distance[nearest].mean())
        credit[nearest] += share / share.sum()
    return credit


@pytest.mark.parametrize("metric", [_fid(), _all(), _fid(chunk=7), _all(chunk=1)], ids=lambda metric: metric.chunk)
@pytest.mark.parametrize("block", [1, 3 * COUNT, 2**22])
def test_every_sample_gives_its_credit_to_its_ten_nearest_examples(metric, block, monkeypatch):
    monkeypatch.setattr(nearest_module, "_BLOCK", block)
    data = examples(COUNT)
    run = _train(data, ema=0.5, seed=4)
    samples = run.trained().sample(40, Draw(4, "nearest samples", dtype=torch.float64))
    expected = _credit_by_hand(_seen(metric, samples), _seen(metric, data.x))
    assert expected.sum() == pytest.approx(40)
    harm = nearest_samples(run, metric).harm
    np.testing.assert_allclose(harm, _counted_from_least(-expected), rtol=1e-9, atol=1e-12)


def test_samples_equal_to_all_of_few_examples_give_them_the_same():
    rows, shares = nearest_module.credit(torch.zeros(2, 3), torch.zeros(4, 3))
    assert sorted(rows[0].tolist()) == [0, 1, 2, 3]
    assert (shares == 0.25).all()


# Discriminator loss


def _loss_by_hand(run, reference, ema):
    """Non-saturating loss on the held-out examples and as many samples, by numpy."""
    state = run.state(STEPS)
    read = {"generator": "average" if ema else "parameters", "discriminator": "parameters"}
    views = {
        player: {
            name: value.numpy() for name, value in run.step.layouts[player].views(state[player][slot]).items()
        }
        for player, slot in read.items()
    }  # fmt: skip

    def through(player, x):
        hidden = np.tanh(x @ views[player]["first.weight"].T + views[player]["first.bias"])
        return hidden @ views[player]["second.weight"].T + views[player]["second.bias"]

    latents = Draw(0, "discriminator-loss", dtype=torch.float64).normal(len(reference), 2).numpy()
    real, fake = through("discriminator", reference), through("discriminator", through("generator", latents))
    return -log_expit(real).mean() - log_expit(-fake).mean()


@pytest.mark.parametrize("ema", [0.0, 0.8])
@pytest.mark.parametrize("chunk", [500, 4])
def test_the_discriminators_loss_is_that_on_held_out_examples_and_as_many_samples(ema, chunk, monkeypatch):
    monkeypatch.setattr(loss_module, "_CHUNK", chunk)
    run, reference = _train(ema=ema), examples(30, seed=3)
    value = DiscriminatorLoss(run.step, reference).value(run)
    assert value == pytest.approx(_loss_by_hand(run, reference.x.double().numpy(), ema), rel=1e-12)
    assert value == DiscriminatorLoss(run.step, reference.x).value(run.trained())


@pytest.mark.parametrize("r1", [0.0, 0.7])
def test_the_gradient_of_the_discriminators_loss_is_that_of_finite_differences_in_both_players(r1):
    run = _train(game=gan(r1=r1))
    loss, trained = DiscriminatorLoss(run.step, examples(9, seed=3)), run.trained()
    gradient = loss.gradient(run)
    for player, flat in trained.parameters.items():
        for row in range(0, len(flat), 6):
            values = []
            for move in (1e-5, -1e-5):
                moved = flat.clone()
                moved[row] += move
                values.append(loss.value(games.Trained(run.step.game, trained.parameters | {player: moved})))
            assert float(gradient[player][row]) == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("metric", [_fid(), _all()], ids=["lower", "higher"])
def test_harmful_for_the_discriminators_loss_is_what_retraining_lowers_it_without(metric):
    game = gan(r1=0.5)
    run = _train(game=game, ema=0.8)
    loss, h = DiscriminatorLoss(run.step, metric.reference), 1e-4
    harm = discriminator_loss(run, metric).harm
    for row in (0, 7, 20):
        values = []
        for move in (h, -h):
            weights = run.weights.clone()
            weights[row] += move
            values.append(loss.value(_train(game=game, ema=0.8, weights=weights)))
        assert harm[row] == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-5, abs=1e-9)
    assert (harm > 0).any()
    assert (harm < 0).any()


def test_the_held_out_labels_reach_the_discriminators_loss():
    class Labelled(games.GAN):
        def discriminator_loss(self, net, batch, draw):
            return weighted_mean(net.discriminator(batch.x) * batch.label, batch.weight)

    data = replace(examples(COUNT), columns=labelled(torch.arange(COUNT)))
    run = _train(data, Labelled(Perceptron(2, 2), Critic(2)), optimizer=training.SGD(lr=1e-4))
    logits = run.step.net(run.trained().parameters).discriminator(data.x.double())
    expected = float((logits * data.labels).mean().detach())
    assert DiscriminatorLoss(run.step, data).value(run) == pytest.approx(expected, rel=1e-12)


def test_held_out_examples_come_by_the_name_of_the_data_set_with_their_columns():
    class ByAge(games.GAN):
        def discriminator_loss(self, net, batch, draw):
            photos = batch.photos
            return weighted_mean(net.discriminator(photos.x) * photos.columns["age"], photos.weight)

    data = replace(examples(COUNT), columns={"age": Column(torch.arange(COUNT) / 3)})
    game, settings = ByAge(Perceptron(2, 2), Critic(2)), {"optimizers": training.SGD(lr=1e-4), "dtype": "float64"}
    run = training.train(game, {"photos": data}, steps=2, batch_size=4, **settings)
    logits = run.step.net(run.trained().parameters).discriminator(data.x.double())
    expected = float((logits * (torch.arange(COUNT) / 3)).mean().detach())
    assert DiscriminatorLoss(run.step, data).value(run) == pytest.approx(expected, rel=1e-12)


def test_a_metric_without_held_out_examples_is_refused_for_the_discriminators_loss():
    with pytest.raises(UsageError, match=r"discriminator-loss needs held-out examples.*is-bent.*FID or ALL"):
        discriminator_loss(_train(), IS(Bent(), latents=10))


# Without propagation


ADAM = training.Adam(lr=0.05, betas=(0.5, 0.9), eps=1e-2)


def _adam(parameters, slots, gradient, count):
    m = 0.5 * slots[0] + 0.5 * gradient
    v = 0.9 * slots[1] + 0.1 * gradient**2
    return parameters - 0.05 * (m / (1 - 0.5**count)) / ((v / (1 - 0.9**count)) ** 0.5 + 1e-2), [m, v]


def _step_by_hand(run, number, parameters, own, weights):
    """One step of a two-player game from its losses alone, differentiable in the weights and what was before."""
    step, game = run.step, run.step.game
    layouts = {name: Layout(module) for name, module in game.players.items()}
    turns, per_step = dict.fromkeys(parameters, 0), dict.fromkeys(parameters, 0)
    for names, times in game.schedule:
        for name in names:
            per_step[name] += times
    for names, times in game.schedule:
        for _ in range(times):
            moved = {}
            for name in names:
                rows = step.rows(number, turns[name])["data"]
                alias = parameters[name].clone().requires_grad_()
                draw = Draw(step.settings.seed, "step", number, name, turns[name], dtype=step.dtype)
                batch = Batch(step.x["data"][rows], weights[rows], None, number)
                loss = game.loss(name, Net(game.players, layouts, parameters | {name: alias}), batch, draw)
                (gradient,) = torch.autograd.grad(loss, alias, create_graph=True)
                count = number * per_step[name] + turns[name] + 1
                moved[name] = _adam(parameters[name], own[name], gradient, count)
            for name, (new, slots) in moved.items():
                parameters, own = parameters | {name: new}, own | {name: slots}
                turns[name] += 1
    return parameters, own


def _local_by_hand(run, metric, reach):
    """-w_j d <g, parameters ``reach`` steps after t> / d w_j, w_j acting in step t alone, by autograd; (steps, N)."""
    end, shares = metric.gradient(run), []
    for first in range(run.steps):
        weights, state = run.weights.clone().requires_grad_(), run.state(first)
        parameters = {name: slots["parameters"] for name, slots in state.items()}
        own = {
            name: [value for slot, value in slots.items() if slot not in ("parameters", "average")]
            for name, slots in state.items()
        }
        for number in range(first, min(first + reach, run.steps)):
            acting = weights if number == first else run.weights
            parameters, own = _step_by_hand(run, number, parameters, own, acting)
        felt = sum(end[name] @ parameters[name] for name in parameters)
        (share,) = torch.autograd.grad(felt, weights, allow_unused=True, materialize_grads=True)
        shares.append(-(run.weights * share).numpy())
    return np.array(shares)


# Schedules, and the steps in which a weight reaches the generator: it moves last, at once with the other, or first.
REACH = {
    "alternating": ("alternating", 1),
    "2:1": ("2:1", 1),
    "simultaneous": ("simultaneous", 2),
    "generator first": ([("generator", 1), ("discriminator", 2)], 2),
}
every_schedule = pytest.mark.parametrize(("schedule", "reach"), REACH.values(), ids=REACH)


@every_schedule
def test_without_propagation_is_the_sum_of_what_each_step_does_by_itself(schedule, reach):
    run, metric = _train(game=gan(schedule=schedule), optimizer=ADAM, ema=0.8), _fid()
    shares = _local_by_hand(run, metric, reach)
    for horizon in (1, 4, STEPS):
        expected = shares[STEPS - horizon :].sum(axis=0)
        assert expected.any() == (horizon >= reach)
        scores = without_propagation(run, metric, horizon)
        np.testing.assert_allclose(scores.values, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


@every_schedule
def test_without_propagation_is_exact_up_to_the_horizon_in_which_a_weight_is_felt(schedule, reach):
    run, metric = _train(game=gan(schedule=schedule), optimizer=ADAM), _all()
    for horizon in range(1, reach + 1):
        exact = influence.itd(run, metric, horizon)
        assert np.array_equal(without_propagation(run, metric, horizon).values, exact.values)
    assert exact.values.any()
    longer = influence.itd(run, metric, reach + 1).values
    assert np.abs(without_propagation(run, metric, reach + 1).values - longer).max() > 1e-3 * longer.max()
