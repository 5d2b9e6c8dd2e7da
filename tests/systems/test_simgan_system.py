"""S+U learning as a system: what it needs of two data sets of images, and whose labels it looks at."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gansift import games
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.games.parameters import Layout
from gansift.systems import build
from tiny_system import Tiny

TINY = Tiny(
    {"simulated": "digits", "real": "digits"},
    {"width": 2, "blocks": 1, "lr": 0.02, "buffer": 6, "penalty": 0.1, "refinements": 1},
    "downstream-loss",
    ("simulated=digits", "real=digits", "--width", "2", "--blocks", "1", "--buffer", "20"),
    "simulated: label 3",
    batch={"simulated": 4, "real": 4},
    improves=False,  # simulated digits are real ones here
)


def splits(shape=(1, 8, 8), names="abc", labels=True, seed=0) -> Splits:
    generator = torch.Generator().manual_seed(seed)
    parts = [
        Examples.of(
            torch.rand(24, *shape, generator=generator), label=list(names) * (24 // len(names)) if labels else None
        )
        for _ in range(3)
    ]
    return Splits("noise", *parts)


def test_settings_decide_networks_buffer_and_losses():
    data = {"simulated": splits((3, 9, 9)), "real": splits((3, 9, 9), seed=1)}
    game = build("simgan", data, {"penalty": 3.0, "distance": "l1", "buffer": 50, "refinements": 4}).new_game(0)
    assert game.players["history"].value.shape == (50, 3, 9, 9)
    assert (game.penalty, game.distance, game.schedule[0]) == (3.0, "l1", (("refiner",), 4))
    assert "history" not in build("simgan", data, {"buffer": 0}).new_game(0).players


@pytest.mark.parametrize("first", ["simulated", "real"])
def test_removed_simulated_images_leave_the_classifier_whatever_the_order_of_the_data_sets(first):
    sets = {"simulated": splits(), "real": splits(seed=1)}
    sets = {first: sets.pop(first)} | sets
    system = build("simgan", sets, {})
    game = system.new_game(0)
    flat = {name: Layout(module).flatten(module) for name, module in game.players.items()}
    place = 0 if first == "simulated" else 24
    judge = system.judges("downstream-loss").validation
    by_weight = judge.weight_gradient(games.Trained(game, flat, torch.ones(48)))
    assert (by_weight[place : place + 24] != 0).all()
    assert (by_weight[24 - place : 48 - place] == 0).all()


def test_labels_of_real_training_images_are_not_needed():
    real = splits(seed=1)
    bare = replace(real, train=splits(seed=1, labels=False).train)
    assert build("simgan", {"simulated": splits(), "real": bare}, {}).new_game(0).unlabelled == ("real",)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"source": splits(), "real": splits()}, "simulated and real, not source, real"),
        ({"simulated": splits(), "real": splits((1, 9, 9))}, "--size gives both one size"),
        ({"simulated": splits((5,)), "real": splits((5,))}, "takes images of one shape"),
        ({"simulated": splits(labels=False), "real": splits()}, "needs labels of the data set simulated"),
        ({"simulated": splits(), "real": splits(labels=False)}, "needs labels of the data set real"),
    ],
)
def test_other_data_are_refused(data, message):
    with pytest.raises(UsageError, match=message):
        build("simgan", data, {})
