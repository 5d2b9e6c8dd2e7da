"""The verdict: what is chosen, what it gains on test data, and when nothing is removed."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

import tiny_run
from gansift import data, games, training
from gansift.cleansing.trial import Cell, Trial
from gansift.workflow.config import Decided, Way
from gansift.workflow.result import floor, summarise
from toys import Critic, Perceptron

FOUND = [-3.0, -3.2, -2.9, -3.1]


@pytest.fixture(scope="module")
def place():
    return tiny_run.place({"source": "normal-1d", "steps": 40, "horizons": "1,2", "remove": "5,9"})


@pytest.fixture(scope="module")
def run(place):
    game = games.GAN(Perceptron(2, 1), Critic(1), latent=2)
    return training.train(game, place.data.only.train, steps=2, batch_size=50, optimizers=training.SGD(lr=0.1))


def _trials(validation, test, horizon=10, removed=5, sign=1.0):
    """One trial a seed; ``sign`` -1 turns gains of a metric to be lowered into gains of one to be raised."""
    return [
        Trial(seed, horizon, removed, -1.0, sign * v, sign * t, 0.01 * seed, 0.02 * seed)
        for seed, (v, t) in enumerate(zip(validation, test, strict=True))
    ]


def _summary(place, run, trials, direction="lower", seeds=4, from_start=False, estimator="itd", decided=None):
    place.validation.direction = direction
    values = [{name: {"validation": 9.0, "test": 10.0} for name in ("untrained", "trained")}] * seeds
    return summarise(place, values, trials, run, Way(estimator, from_start, decided), 60.0, [{"train": 1.0}] * seeds)


@pytest.mark.parametrize(("direction", "sign"), [("lower", 1.0), ("higher", -1.0)])
def test_a_gain_that_holds_on_test_data_is_carried_out(place, run, direction, sign):
    result, cell = _summary(place, run, _trials(FOUND, [-2.0, -2.1, -1.9, -2.0], sign=sign), direction)
    assert cell == Cell(10, 5)
    assert result.verdict.helped is True
    assert result.removed == 5
    assert result.test.change == pytest.approx(-2.0 * sign)
    assert result.test.after == pytest.approx(10.0 - 2.0 * sign)
    assert "Removing the 5 most harmful examples" in result.verdict.sentence
    assert f"improves test ALL by {-2.0 * sign:+.3g}" in result.verdict.sentence
    assert f"({direction} is better)" in result.verdict.sentence


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ([1.0, 1.1, 0.9, 1.0], "makes worse test ALL by .1 .* That is a proven harm, so every example is kept"),
        ([-9.0, 8.0, -7.0, 6.0], "changes test ALL .* no proof of a gain on unseen data, so every example is kept"),
    ],
)
def test_test_data_that_do_not_confirm_the_choice_veto_it_and_a_harm_is_called_one(place, run, test, said):
    result, cell = _summary(place, run, _trials(FOUND, test))
    assert cell is None
    assert (result.verdict.helped, result.removed) == (False, 0)
    assert result.chosen.removed == 5
    assert re.search(said, result.verdict.sentence)


def test_a_gain_no_larger_than_that_of_random_removal_is_no_gain(place, run):
    trials = [Trial(s, 10, 5, -1.0, v, -2.0 - 0.01 * s, 0.0, -2.0 + 0.01 * s * (-1) ** s) for s, v in enumerate(FOUND)]
    assert _summary(place, run, trials)[0].verdict.helped is False


def test_what_a_person_decided_is_carried_out_at_its_best_horizon_whether_it_helps_or_not(place, run):
    trials = _trials([1.0, 1.1, 0.9, 1.0], [1.0] * 4) + _trials([2.0, 2.1, 1.9, 2.0], [-9.0] * 4, horizon=20)
    result, cell = _summary(place, run, trials, decided=Decided("0123456789ab", 5))
    assert cell == Cell(10, 5)
    assert (result.verdict.helped, result.removed) == (False, 5)
    assert result.decisions == "decisions/0123456789ab.csv"
    assert "Removing the 5 examples that a person decided on" in result.verdict.sentence
    assert "That is a proven harm; the lists follow the decisions nevertheless" in result.verdict.sentence


def test_decisions_that_no_retraining_survives_are_followed_without_a_claim(place, run):
    result, cell = _summary(place, run, [], decided=Decided("0123456789ab", 1))
    assert (cell, result.chosen, result.removed) == (None, None, 1)
    assert "No retraining without the 1 example that a person decided on went through" in result.verdict.sentence


def test_nothing_found_on_validation_data_keeps_everything(place, run):
    result, cell = _summary(place, run, _trials([1.0, -1.0, 2.0, -2.0], [-9.0] * 4))
    assert cell is None
    assert result.chosen is None
    assert result.test.change == 0
    assert result.verdict.sentence.startswith("No removal improved ALL on validation data")


def test_one_seed_shows_nothing_however_large_its_gain(place, run):
    result, cell = _summary(place, run, _trials([-3.0], [-2.0]), seeds=1)
    assert cell is None
    assert result.removed == 0
    assert "One seed cannot show a gain" in result.verdict.sentence
    assert any("--seeds 5" in warning for warning in result.warnings)


def test_a_removal_that_some_seed_could_not_try_is_left_out_and_said(place, run):
    trials = _trials(FOUND, [-2.0, -2.1, -1.9, -2.0]) + _trials([-90.0, -91.0], [-90.0, -91.0], horizon=20)
    result, cell = _summary(place, run, trials)
    assert cell == Cell(10, 5)
    assert [row.horizon for row in result.grid] == [10]
    assert any("1 of 2 removals could not be tried on every seed" in warning for warning in result.warnings)


def test_horizons_that_auto_left_out_are_said_not_to_be_believable(place, run):
    place = replace(place, config=replace(place.config, horizons="auto", steps=10 * int(run.epoch)))
    result, _ = _summary(place, run, _trials(FOUND, [-2.0, -2.1, -1.9, -2.0], horizon=4 * int(run.epoch)))
    told = [warning for warning in result.warnings if "were not tried" in warning]
    assert len(told) == 1
    assert f"beyond {4 * int(run.epoch)} steps (4 epochs)" in told[0]
    assert any("5 of 6 removals could not be tried" in warning for warning in result.warnings)


def test_a_ranking_promises_no_size(place, run):
    trials = _trials(FOUND, [-2.0, -2.1, -1.9, -2.0])
    assert _summary(place, run, trials)[0].grid[0].predicted == -1.0
    ranked = _summary(place, run, trials, estimator="density")[0]
    assert ranked.ranking
    assert (ranked.grid[0].predicted, ranked.grid[0].calibrated) == (None, None)


def test_the_sentence_says_from_where_examples_were_removed(place, run):
    trials = _trials(FOUND, [-2.0, -2.1, -1.9, -2.0])
    epochs = f"from the last {10 / run.epoch:.3g} epochs"
    assert epochs in _summary(place, run, trials)[0].verdict.sentence
    assert "from the whole run" in _summary(place, run, trials, from_start=True)[0].verdict.sentence


def test_each_row_by_seed_tells_at_which_choice_it_was_judged(place, run):
    lucky = _trials([-2.0, -2.1, -1.9, -30.0], [-1.0, -1.0, -1.0, -9.0], horizon=20)
    steady = _trials(FOUND, [-2.0, -2.1, -1.9, -2.0])
    result, _ = _summary(place, run, lucky + steady)
    last = result.per_seed[3]
    assert last.judged.horizon == 10
    assert last.after == pytest.approx(10.0 - 2.0)


def test_validation_and_test_have_other_references_and_other_latents():
    splits = data.load("digits", seed=0)
    for metric in ("fid", "kid", "is"):
        place = tiny_run.place({"source": "digits", "metric": metric, "latents": 50})
        validation, test = place.validation, place.test
        assert validation.name.partition("@")[0].startswith(metric)
        assert validation.seed != test.seed
        assert validation.value(splits.train.x[:200]) != test.value(splits.train.x[:200])


def test_distances_tell_what_real_data_reach_and_others_do_not(place, run):
    splits = data.load("digits", seed=0)
    digits = tiny_run.place({"source": "digits", "metric": "kid", "latents": 50})
    validation, test = digits.validation, digits.test
    assert floor(validation) == validation.value(splits.test.x[:50])
    assert floor(test) == test.value(splits.valid.x[:50])
    assert floor(place.test) is None
    result, _ = _summary(place, run, [])
    assert result.test.floor is None


OWN = """
from gansift.metrics import FID
class Halved(FID):
    family = "halved"
    def __init__(self, reference, features, latents, seed):
        super().__init__(features, reference, latents=latents, seed=seed)
    def evaluate(self, features):
        value, derivative = super().evaluate(features)
        return value / 2, derivative / 2
"""


def test_a_metric_of_the_user_s_gets_validation_and_test_data(tmp_path, monkeypatch):
    (tmp_path / "halving.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    splits = data.load("digits", seed=0)
    given = {"source": "digits", "latents": 50}
    places = (tiny_run.place(given | {"metric": name}) for name in ("fid", "halving:Halved"))
    whole, halved = ((place.validation, place.test) for place in places)
    x = splits.train.x[:100]
    for one, other in zip(halved, whole, strict=True):
        assert one.name == "halved-classifier16@50"
        assert one.value(x) == pytest.approx(other.value(x) / 2)


def test_a_run_can_go_on_from_any_folder(tmp_path, monkeypatch):
    (tmp_path / "net.pt").touch()
    (tmp_path / "imagenet").mkdir()
    monkeypatch.chdir(tmp_path)
    for given, kept in [
        ("net.pt", f"{tmp_path}/net.pt"),
        ("net.pt@clean", f"{tmp_path}/net.pt@clean"),
        ("imagenet", "imagenet"),
        ("imagenet:128", "imagenet:128"),
        ("module:name", "module:name"),
        ("auto", "auto"),
    ]:
        assert tiny_run.place({"source": "digits", "features": given}).config.features == kept


def test_settings_that_make_no_sense_are_refused_by_flag():
    for name, value in [("steps", 0), ("seeds", 0), ("jobs", -1), ("r1", -1.0), ("lr", float("nan")), ("latent", -3)]:
        with pytest.raises(Exception, match=f"--{name} must be"):
            tiny_run.request({"source": "digits", name: value})


def test_a_zero_that_is_given_is_not_replaced_by_the_preset():
    zeros = {"r1": 0.0, "eps": 0.0, "warmup": 0}
    config = tiny_run.place({"source": "digits", "ema": 0.0, **zeros}).config
    assert config.ema == 0.0
    assert zeros.items() <= config.system.items()
