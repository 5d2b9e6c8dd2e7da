"""A metric of players is its function: value, gradient and derivative in training weights, in any chunks."""

from __future__ import annotations

import pytest
import torch

from gansift import games, influence, training
from gansift.data.examples import Examples
from gansift.errors import GansiftError, UsageError
from gansift.games import Trained
from gansift.metrics import ALL, FID, IS, KID, Metric, NetMetric
from gansift.metrics.metric import reported_of, weight_gradient_of, words_of
from toys import examples, gan


def _scores(net, x):
    return net.discriminator(x).tanh().squeeze(-1)


def _certainty(game, net, batch):
    return _scores(net, net.generator(batch.x[:, :1].expand(-1, 4))).square().mean() + _scores(net, batch.x).mean()


def _weighted(game, net, batch, weights):
    """The discriminator's mean on training points with their weights, times what it says of held-out ones."""
    seen = _scores(net, torch.linspace(-1, 1, 3 * len(weights), dtype=torch.float64).view(-1, 3))
    return (weights * seen).sum() / weights.sum() * _scores(net, batch.x).mean()


def _central(function, x, direction, h=1e-3):
    """The derivative along a direction, by central differences of fourth order."""
    at = [function(x + step * h * direction) for step in (-2, -1, 1, 2)]
    return (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * h)


def _metric(function, reference, **options):
    return NetMetric(function, name="toy", direction="lower", examples=reference, **options)


def test_the_value_is_that_of_the_function_and_a_run_is_its_players(trained, reference):
    class Run:
        def trained(self):
            return trained

    metric = _metric(_certainty, reference)
    assert isinstance(metric, Metric)
    direct = _certainty(trained.game, trained.net(), games.batch.Batch(reference, torch.ones(40), None, 0))
    assert metric.value(trained) == metric.value(Run()) == pytest.approx(float(direct), rel=1e-14)


def test_without_examples_the_function_gets_game_and_players_alone(trained):
    metric = NetMetric(lambda game, net: net.generator(torch.ones(2, 4).double()).mean(), name="m", direction="lower")
    assert metric.value(trained) == float(trained.net().generator(torch.ones(2, 4).double()).mean())
    assert not metric.gradient(trained)["discriminator"].any()
    assert metric.weight_gradient(trained) is None


@pytest.mark.parametrize("chunk", [None, 7])
@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_the_gradient_is_that_of_finite_differences(trained, reference, player, chunk):
    metric = _metric(_certainty, reference, chunk=chunk)
    flat = trained.parameters[player]
    gradient = metric.gradient(trained)[player]
    for seed in range(3):
        direction = torch.randn(flat.shape, generator=torch.Generator().manual_seed(seed), dtype=flat.dtype)
        expected = _central(
            lambda moved: metric.value(Trained(trained.game, trained.parameters | {player: moved})), flat, direction
        )
        assert float(gradient @ direction) == pytest.approx(expected, rel=1e-7)


def test_chunks_are_bounded_and_their_values_averaged_by_size(trained, reference):
    sizes = []

    def function(game, net, batch):
        sizes.append(len(batch))
        return _certainty(game, net, batch)

    parts, whole = _metric(function, reference, chunk=16), _metric(_certainty, reference)
    assert parts.value(trained) == pytest.approx(whole.value(trained), rel=1e-13)
    assert sizes == [16, 16, 8]
    for name, gradient in whole.gradient(trained).items():
        torch.testing.assert_close(parts.gradient(trained)[name], gradient, rtol=1e-12, atol=1e-13)


def test_the_weight_gradient_is_that_of_finite_differences_at_fixed_players(trained, reference):
    weights = torch.rand(9, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    metric = _metric(_weighted, reference, chunk=15, reads_weights=True)
    given = Trained(trained.game, trained.parameters, weights)
    found = weight_gradient_of(metric, given)
    for row, direction in enumerate(torch.eye(9, dtype=torch.float64)):
        expected = _central(
            lambda moved: metric.value(Trained(trained.game, trained.parameters, moved)), weights, direction
        )
        assert float(found[row]) == pytest.approx(expected, rel=1e-7)
    assert set(metric.gradient(given)) == set(trained.parameters)


def test_single_precision_players_get_their_examples_and_their_gradient_in_it(trained, reference):
    for module in trained.game.players.values():
        module.float()
    single = Trained(trained.game, {name: flat.float() for name, flat in trained.parameters.items()})
    metric = _metric(_certainty, reference)
    gradient = metric.gradient(single)
    assert {flat.dtype for flat in gradient.values()} == {torch.float32}
    assert metric.value(single) == pytest.approx(metric.value(trained), rel=1e-5)


def test_labels_and_columns_of_held_out_examples_come_with_their_rows(trained, reference):
    held = Examples.of(reference.numpy(), label=list(range(40)), age=[row / 3 for row in range(40)])
    seen = []

    def function(game, net, batch):
        seen.append(torch.equal(batch.x, reference.float().double()[batch.label]) and bool((batch.weight == 1).all()))
        assert torch.equal(batch.rows, batch.label)
        assert batch.columns["age"].dtype == torch.float64
        torch.testing.assert_close(batch.columns["age"], batch.rows.double() / 3, rtol=1e-6, atol=0)
        return net.discriminator(batch.x).mean()

    _metric(function, held, chunk=15).value(trained)
    assert seen == [True] * 3


def test_players_of_a_run_carry_the_weights_they_were_trained_with():
    data = examples(6)
    weights = [1.0, 0.0, 1.0, 0.5, 1.0, 1.0]
    run = training.train(gan(), data, steps=2, batch_size=3, optimizers=training.SGD(lr=0.1), weights=weights)
    metric = NetMetric(
        lambda game, net, weights: weights.sum() + net.generator(torch.ones(1, 2)).sum() * 0,
        name="sum",
        direction="lower",
        reads_weights=True,
    )
    assert metric.value(run) == metric.value(run.trained(0)) == 4.5
    assert metric.weight_gradient(run).tolist() == [1.0] * 6
    assert influence.itd(run, metric).values.tolist() == [-weight for weight in weights]


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda game, net, batch: net.discriminator(batch.x), UsageError, "toy must return a tensor without dim.*40"),
        (lambda game, net, batch: 1.0, UsageError, "toy must return a tensor without dimensions, not float"),
        (lambda game, net, batch: net.discriminator(batch.x).mean() / 0, GansiftError, "toy cannot be computed: it is"),
    ],
)
def test_a_value_that_is_no_number_is_refused(trained, reference, function, error, message):
    with pytest.raises(error, match=message):
        _metric(function, reference).value(trained)


def test_a_function_that_is_cut_off_from_the_players_has_a_value_but_no_gradient(trained, reference):
    metric = _metric(lambda game, net, batch: (net.discriminator(batch.x) > 0).double().mean(), reference)
    assert 0 <= metric.value(trained) <= 1
    with pytest.raises(GansiftError, match="toy has no gradient: its value is cut off"):
        metric.gradient(trained)


def test_players_without_weights_cannot_be_judged_by_a_metric_that_reads_them(trained, reference):
    metric = _metric(_weighted, reference, reads_weights=True)
    with pytest.raises(UsageError, match="toy reads the training weights, and these players do not carry any"):
        metric.value(trained)


@pytest.mark.parametrize(
    "options", [{"direction": "down"}, {"chunk": 0}, {"examples": None, "chunk": 5}, {"scale": 0.0}]
)
def test_arguments_that_make_no_sense_are_refused(reference, options):
    with pytest.raises(UsageError, match="toy"):
        NetMetric(_certainty, **({"name": "toy", "direction": "lower", "examples": reference} | options))
    with pytest.raises(UsageError, match="needs held-out examples"):
        _metric(_certainty, reference[:0])


def test_a_metric_reports_its_twin_or_itself(reference):
    hard = _metric(_certainty, reference)
    assert reported_of(_metric(_certainty, reference, reported=hard)) is hard
    assert reported_of(hard) is hard


def test_a_metric_brings_its_own_words(features, reference):
    fid = words_of(FID(features, reference))
    assert fid.label == "FID"
    assert fid.meaning == "the Fréchet distance between the features of held-out data and of generated samples"
    assert fid.caution == "It is not the published FID, which has the features of Inception."
    assert words_of(KID(features, reference)).caution.startswith("It is not the published KID")
    assert words_of(IS(features)).label == "IS"
    assert words_of(IS(features, log=True)).meaning.startswith("the logarithm of the inception score")
    assert words_of(ALL(reference)) == (
        "ALL", "the average log-likelihood of held-out data under a smooth density laid over generated samples", ""
    )  # fmt: skip
    features.published = True
    assert words_of(FID(features, reference)).caution == ""


def test_a_metric_without_words_is_called_by_its_name(reference):
    class Bare:
        name = "bare"
        direction = "lower"

    assert words_of(Bare()) == ("bare", "", "")
    assert words_of(_metric(_certainty, reference, label="Gap", meaning="how far", caution="Beware.")) == (
        "Gap",
        "how far",
        "Beware.",
    )
