"""A classifier as a system: one labelled data set of images, points or rows."""

from __future__ import annotations

import pytest
import torch

from gansift import data, games
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.games.parameters import Layout
from gansift.influence import estimate
from gansift.metrics.exposure import Exposure
from gansift.systems import build
from gansift.training import train
from tiny_system import Tiny

TINY = Tiny(
    {"data": "digits"},
    {"hidden": 6, "lr": 0.02},
    "class-loss",
    ("digits", "--game", "classifier", "--hidden", "4"),
    "label 3",
    batch={"data": 5},
)


def splits(shape, label=True) -> Splits:
    generator = torch.Generator().manual_seed(0)
    parts = [
        Examples.of(torch.rand(12, *shape, generator=generator), label=list("abc") * 4 if label else None)
        for _ in range(3)
    ]
    return Splits("noise", *parts)


@pytest.mark.parametrize("shape", [(3,), (1, 8, 8), (3, 9, 12)], ids=["points", "grey images", "coloured images"])
def test_it_takes_points_and_images_of_any_shape(shape):
    sets = {"data": splits(shape)}
    system = build("classifier", sets, {"hidden": 8})
    game = system.new_game(3)
    players = games.Trained(game, {name: Layout(net).flatten(net) for name, net in game.players.items()})
    assert game.predict(players.net(), sets["data"].train.x).shape == (12, 3)
    judges = system.judges("class-loss")
    assert judges.validation.value(players) != judges.test.value(players)
    assert judges.validation.reported.name == "class-error"


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ({"data": splits((3,), label=False)}, "learns classes, and noise has none: put images into a folder for each"),
        ({"a": splits((3,)), "b": splits((3,))}, r"takes one data set, not 2 \(a, b\)"),
    ],
)
def test_data_without_classes_and_several_data_sets_are_refused(sets, message):
    with pytest.raises(UsageError, match=message):
        build("classifier", sets)


def test_it_has_the_exposure_of_its_training_examples_on_validation_and_on_test_data():
    sets = {"data": splits((3,))}
    system = build("classifier", sets, {"hidden": 8})
    run = train(system.new_game(0), sets["data"].train, steps=4, batch_size=4, optimizers=system.optimizers, seed=0)
    judges = system.judges("exposure")
    for judge, part in ((judges.validation, sets["data"].valid), (judges.test, sets["data"].test)):
        assert judge.value(run) == pytest.approx(Exposure(sets["data"].train, part).value(run))


def test_it_learns_digits_and_its_own_loss_finds_flipped_labels():
    digits = data.load("digits")
    flipped, train_set = range(0, 200, 10), digits.train.subset(range(200))
    train_set.labels[list(flipped)] = (train_set.labels[list(flipped)] + 1) % 10
    system = build("classifier", {"data": Splits("digits", train_set, digits.valid, digits.test)}, {"hidden": 32})
    run = train(
        system.new_game(0), train_set, steps=150, batch_size=50, optimizers=system.optimizers, seed=0,
    )  # fmt: skip
    assert system.judges("class-loss").test.reported.value(run) < 0.3  # a guess is wrong in 0.9
    scores = estimate("own-loss", run, system.judges("class-loss").validation, [run.steps])[run.steps]
    found = {scores.rows[identity] for identity in scores.harmful(20).ids}
    assert len(found & set(flipped)) >= 10  # by chance 2
