"""Exposure by retraining on random halves, against retrainings one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gansift import games, models, training
from gansift.cleansing import halves as module
from gansift.cleansing import retrain
from gansift.cleansing.halves import exposure_by_halves, halves
from gansift.errors import GansiftError, UsageError
from toys import examples, labelled


def test_every_example_is_in_half_of_the_models_and_every_model_has_half_of_the_examples():
    inside = halves(11, 6, 0)
    assert (inside.sum(0) == 3).all()
    assert set(inside.sum(1).tolist()) == {5, 6}
    assert (inside[::2] == ~inside[1::2]).all()
    assert (inside[0] != inside[2]).any()
    assert (halves(11, 6, 0) == inside).all()
    assert (halves(11, 6, 1) != inside).any()


@pytest.fixture(scope="module")
def run():
    torch.manual_seed(0)
    return training.train(
        games.Classifier(models.Labeller((2,), 5, 3)), labelled(examples(9)), steps=10, batch_size=4,
        optimizers=training.SGD(lr=0.3), seed=3, dtype="float64",
    )  # fmt: skip


def test_it_is_the_mean_with_an_example_less_that_without(run):
    found = exposure_by_halves(run, 6, seed=2)
    inside = halves(9, 6, 2)
    x, labels = run.step.x["data"], run.step.labels["data"]
    scores = []
    for half in inside:
        trained = retrain(run, [identity for identity, kept in zip(run.ids, half, strict=True) if not kept]).trained()
        probability = run.step.game.predict(trained.net(), x).softmax(1)[torch.arange(9), labels].detach().numpy()
        scores.append(np.log(probability / (1 - probability)))
    for row in range(9):
        with_it, without = ([one[row] for one, half in zip(scores, inside, strict=True) if half[row] == kept]
                            for kept in (True, False))  # fmt: skip
        assert found[row] == pytest.approx(np.mean(with_it) - np.mean(without), rel=1e-9)


def test_retrainings_that_break_down_are_left_out_or_refused(run, monkeypatch):
    whole = module.reweighted_players

    def breaking(lost):
        return lambda *arguments: [None if row in lost else players for row, players in enumerate(whole(*arguments))]

    monkeypatch.setattr(module, "reweighted_players", breaking({1}))
    assert np.isfinite(exposure_by_halves(run, 4)).all()
    monkeypatch.setattr(module, "reweighted_players", breaking({0, 2, 3}))
    with pytest.raises(GansiftError, match="3 of 4 retrainings on halves broke down"):
        exposure_by_halves(run, 4)


def test_a_game_that_says_nothing_of_an_example_is_refused(run):
    game = games.Classifier(models.Labeller((2,), 5, 1))
    one = labelled(examples(3)).subset([0, 0, 0])
    short = training.train(game, one, steps=1, batch_size=2, optimizers=training.SGD(lr=0.1))
    with pytest.raises(UsageError, match="says nothing of an example"):
        exposure_by_halves(short, 4)
