"""Pairs of metrics: made together, on data and latents of their own, with shared features that are fitted once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gansift import data, games, metrics
from gansift.data.examples import Splits
from gansift.errors import UsageError
from gansift.systems import build, judges, maker_of
from gansift.systems.gan import gan

OWN = str(Path(__file__).parents[2] / "examples/own_judges.py")


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


@pytest.fixture(scope="module")
def points():
    return data.load("normal-2d")


def trained(splits):
    game = gan({"data": splits}, width=4).new_game(1)
    return games.Trained(game, {name: games.parameters.Layout(net).flatten(net) for name, net in game.players.items()})


def made_by_hand(metric, splits, latents=60):
    """Each metric twice, as `gansift run` has always made it: latents of seeds 1 and 2, features of validation data."""
    if metric == "all":
        return metrics.ALL(splits.valid, latents=latents, seed=1), metrics.ALL(splits.test, latents=latents, seed=2)
    features = metrics.ClassifierFeatures.fit(splits.valid, seed=0)
    if metric == "is":
        reporter = metrics.ClassifierFeatures.fit(splits.test, seed=0)
        return metrics.IS(features, latents=latents, seed=1), metrics.IS(reporter, latents=latents, seed=2)
    kind = {"fid": metrics.FID, "kid": metrics.KID}[metric]
    return (
        kind(features, splits.valid, others=splits.test, latents=latents, seed=1),
        kind(features, splits.test, others=splits.valid, latents=latents, seed=2),
    )


@pytest.mark.parametrize("metric", ["fid", "kid", "is", "all"])
def test_the_pair_is_the_metric_on_validation_and_on_test_data_with_other_latents(digits, points, metric):
    splits = points if metric == "all" else digits
    pair = maker_of(gan({"data": splits}, width=4), {"data": splits}, metric, latents=60)()
    player = trained(splits)
    for mine, theirs in zip((pair.validation, pair.test), made_by_hand(metric, splits), strict=True):
        assert (mine.name, mine.direction) == (theirs.name, theirs.direction)
        assert mine.value(player) == theirs.value(player)


def test_a_persons_own_metric_is_made_for_both_splits(digits):
    spec = f"{OWN}:InkError"
    pair = maker_of(gan({"data": digits}, width=4), {"data": digits}, spec, latents=60)()
    player = trained(digits)
    for mine, part, seed in ((pair.validation, digits.valid, 1), (pair.test, digits.test, 2)):
        features = metrics.ClassifierFeatures.fit(digits.valid, seed=0)
        theirs = metrics.load_metric(spec, reference=part, features=features, latents=60, seed=seed)
        assert mine.value(player) == theirs.value(player)


def test_the_floor_of_digits_stays(digits):
    """Features fitted on validation data alone, the other split as other data: fitted twice it would be another one."""
    floor = gan({"data": digits}).judges("fid").test.floor
    assert floor == made_by_hand("fid", digits, 2000)[1].floor
    assert floor == pytest.approx(0.7788104753004745, rel=1e-6)


def test_features_are_fitted_once_for_all_metrics_of_a_run_and_only_if_asked_for(digits, points, monkeypatch):
    fits = []
    fit = metrics.ClassifierFeatures.fit.__func__

    def counted(cls, examples, **options):
        fits.append(examples)
        return fit(cls, examples, **options)

    judges._features.cache_clear()
    monkeypatch.setattr(metrics.ClassifierFeatures, "fit", classmethod(counted))
    small = Splits("digits", *(part.subset(range(60)) for part in (digits.train, digits.valid, digits.test)))
    system = gan({"data": small})
    assert fits == []
    first, second = system.judges("fid", latents=20), system.judges("kid", latents=20)
    assert fits == [small.valid], "on validation data, never on training or test data"
    assert first.validation._features is first.test._features is second.test._features
    assert judges.own(f"{OWN}:InkError", {"data": small}, latents=20)
    assert len(fits) == 1


def test_a_metric_of_ones_own_that_takes_no_features_fits_none(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(judges, "features_of", lambda *given: pytest.fail("features were fitted"))
    source = Path(OWN).read_text().replace("reference, features, latents", "reference, latents")
    (tmp_path / "mine.py").write_text(source)
    assert judges.own(f"{tmp_path}/mine.py:InkError", {"data": digits}, latents=20).test.name == "ink-error"


def test_a_metric_of_several_data_sets_gets_all_references_by_name(digits, points, tmp_path):
    (tmp_path / "mine.py").write_text(
        "class Gap:\n"
        "    name, direction = 'gap', 'lower'\n"
        "    def __init__(self, reference, latents, seed): self.reference, self.seed = reference, seed\n"
        "    def value(self, source): return 0.0\n"
        "    def gradient(self, source): return {}\n"
    )
    pair = judges.own(f"{tmp_path}/mine.py:Gap", {"a": digits, "b": points})
    assert pair.validation.reference == {"a": digits.valid, "b": points.valid}
    assert pair.test.reference == {"a": digits.test, "b": points.test}
    assert pair.validation.seed != pair.test.seed


def test_features_that_do_not_fit_the_data_are_refused(points):
    for metric, features in (("fid", "classifier"), ("is", "autoencoder")):
        with pytest.raises(UsageError):
            gan({"data": points}).judges(metric, features=features)


def test_settings_of_features_do_not_go_with_a_metric_that_has_none(points):
    with pytest.raises(UsageError, match="--features: --metric all has no such setting"):
        gan({"data": points}).judges("all", features="autoencoder")


def test_a_game_that_can_be_asked_for_classes_has_metrics_of_them(digits, points):
    spec = str(Path(OWN).with_name("conditional_gan.py"))
    system = build(f"{spec}:build", {"data": digits})
    assert {"fid", "intra-fid", "tstr"} <= set(system.metrics)
    game = system.new_game(0)
    player = games.Trained(
        game, {name: games.parameters.Layout(net).flatten(net) for name, net in game.players.items()}
    )
    pair = system.judges("tstr", latents=60)
    assert pair.validation.value(player) != pair.test.value(player)
    assert "tstr" not in build(OWN.replace("own_judges", "own_game") + ":build", {"data": digits}).metrics


def test_latents_of_the_two_are_never_the_same(points):
    pair = gan({"data": points}).judges("all", latents=20)
    samples = [next(metric._samples(trained(points))) for metric in (pair.validation, pair.test)]
    assert not torch.equal(*samples)


def test_held_out_examples_of_one_class_get_an_autoencoder_and_a_classifier_is_refused_by_flags(digits):
    one = digits.valid.subset((digits.valid.labels == 3).nonzero().flatten())
    splits = Splits("one", digits.train, one, one)
    assert judges.features_of(splits, "auto").name == "autoencoder16"
    with pytest.raises(UsageError, match=r"all are of one; .* or use --features autoencoder"):
        judges.check_features(splits, "classifier")
    with pytest.raises(UsageError, match="test examples of several classes"):
        judges.inception_score(Splits("test", digits.train, digits.valid, one))
