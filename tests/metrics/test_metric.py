"""What all metrics share: the same number from samples and players, in chunks of any size, and a right gradient."""

from types import SimpleNamespace

import pytest
import torch

from gansift.errors import GansiftError, UsageError
from gansift.games import Draw, Game, Trained
from gansift.metrics import ALL, FID, IS, KID, Metric, SampleMetric

METRICS = {
    "all": lambda features, reference, **options: ALL(reference, bandwidth=0.7, **options),
    "fid": lambda features, reference, **options: FID(features, reference, **options),
    "kid": lambda features, reference, **options: KID(features, reference, **options),
    "is": lambda features, reference, **options: IS(features, **options),
    "log-is": lambda features, reference, **options: IS(features, log=True, **options),
}
every_metric = pytest.mark.parametrize("build", METRICS.values(), ids=METRICS)


@every_metric
def test_a_metric_has_a_direction_and_a_file_safe_name(build, features, reference):
    metric = build(features, reference, latents=20)
    assert isinstance(metric, Metric)
    assert metric.direction == ("lower" if isinstance(metric, (FID, KID)) else "higher")
    assert metric.name.endswith("@20")
    assert "/" not in metric.name
    assert " " not in metric.name


@every_metric
def test_samples_and_their_players_and_their_run_have_the_same_value(build, features, reference, trained):
    class Run:
        def trained(self):
            return trained

    metric = build(features, reference, latents=20, seed=3)
    samples = trained.sample(20, Draw(3, "metric", dtype=torch.float64))
    assert metric.value(samples) == metric.value(trained) == metric.value(Run())
    other = build(features, reference, latents=20, seed=4)
    assert other.value(trained) != metric.value(trained)


@every_metric
def test_the_chunk_changes_the_memory_and_nothing_else(build, features, reference, trained):
    whole = build(features, reference, latents=20, seed=3, chunk=100)
    parts = build(features, reference, latents=20, seed=3, chunk=7)
    assert parts.value(trained) == pytest.approx(whole.value(trained), rel=1e-12, abs=1e-12)
    gradient = whole.gradient(trained)
    features.largest_batch = 0
    for name, part in parts.gradient(trained).items():
        torch.testing.assert_close(part, gradient[name], rtol=1e-12, atol=1e-12)
    assert features.largest_batch <= 7


@every_metric
def test_the_gradient_is_that_of_finite_differences(build, features, reference, trained):
    metric = build(features, reference, latents=20, chunk=8)
    gradient = metric.gradient(trained)
    assert gradient["discriminator"].shape == trained.parameters["discriminator"].shape
    assert not gradient["discriminator"].any()
    flat = trained.parameters["generator"]
    for seed in range(3):
        direction = torch.randn(flat.shape, generator=torch.Generator().manual_seed(seed), dtype=flat.dtype)

        def at(t, direction=direction):
            moved = trained.parameters | {"generator": flat + t * direction}
            return metric.value(Trained(trained.game, moved))

        h = 1e-3
        expected = (at(-2 * h) - 8 * at(-h) + 8 * at(h) - at(2 * h)) / (12 * h)
        assert float(gradient["generator"] @ direction) == pytest.approx(expected, rel=1e-7)


@every_metric
def test_single_precision_gives_the_gradient_in_single_precision(build, features, reference, trained):
    metric = build(features, reference, latents=20)
    for module in trained.game.players.values():
        module.float()
    single = Trained(trained.game, {name: flat.float() for name, flat in trained.parameters.items()})
    gradient = metric.gradient(single)["generator"]
    assert gradient.dtype == torch.float32
    expected = metric.gradient(trained)["generator"]
    torch.testing.assert_close(gradient.double(), expected, rtol=1e-3, atol=1e-4)


@every_metric
def test_samples_that_are_not_finite_are_an_error_that_counts_them(build, features, reference):
    samples = reference.clone()
    samples[[3, 5]] = float("nan")
    with pytest.raises(GansiftError, match="2 of 40 samples are NaN"):
        build(features, reference).value(samples)


@pytest.mark.parametrize("name", ["all", "fid", "kid"])
def test_samples_of_another_shape_than_the_reference_are_refused(name, features, reference):
    with pytest.raises(UsageError, match=r"\(4,\).*\(3,\)"):
        METRICS[name](features, reference).value(torch.zeros(5, 4))


@pytest.mark.parametrize("name", ["all", "fid", "kid"])
def test_examples_serve_as_reference_like_their_tensor(name, features, reference, trained):
    examples = SimpleNamespace(x=reference)
    assert METRICS[name](features, examples).value(trained) == METRICS[name](features, reference).value(trained)


@pytest.mark.parametrize("name", ["all", "fid", "kid"])
def test_the_reference_can_be_had_back_as_it_was_given(name, features, reference):
    examples = SimpleNamespace(x=reference)
    assert METRICS[name](features, examples).reference is examples


def test_features_without_a_derivative_are_an_error(reference, trained):
    metric = FID(lambda samples: samples.detach(), reference, latents=10)
    with pytest.raises(GansiftError, match="no gradient"):
        metric.gradient(trained)


def test_what_has_no_trained_players_is_refused(features, reference):
    with pytest.raises(TypeError, match="list"):
        FID(features, reference).value([1.0])


@every_metric
def test_a_game_without_samples_is_refused_by_name(build, features, reference, trained):
    class Silent(Game):
        def critic_loss(self, net, batch, draw): ...

    critic = trained.game.players["discriminator"]
    silent = Trained(Silent(critic=critic), {"critic": trained.parameters["discriminator"]})
    metric = build(features, reference, latents=20)
    for ask in (metric.value, metric.gradient):
        with pytest.raises(UsageError, match="is a metric of samples, and Silent has no method sample"):
            ask(silent)


def test_features_that_are_not_finite_are_not_blamed_on_the_training():
    class Root(SampleMetric):
        name, direction = "root", "lower"

        def features(self, samples):
            return samples.sqrt()

        def evaluate(self, features):
            return float(features.mean()), torch.full_like(features, 1 / features.numel())

    with pytest.raises(GansiftError, match=r"features are NaN or infinite for 1 of 3 samples whose own numbers are"):
        Root(latents=3, seed=0).value(torch.tensor([[1.0], [-1.0], [4.0]]))
    with pytest.raises(GansiftError, match=r"1 of 3 samples are NaN or infinite. The training has diverged"):
        Root(latents=3, seed=0).value(torch.tensor([[1.0], [float("nan")], [4.0]]))
