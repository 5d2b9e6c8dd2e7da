"""Domain adaptation as a system: two named data sets, of which one needs labels only where it is judged."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from gansift import data, games
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.games.parameters import Layout
from gansift.systems import build
from gansift.systems.dann import falling
from tiny_system import Tiny

TINY = Tiny(
    {"source": "digits", "target": "digits"},
    {"hidden": 6, "lr": 0.02},
    "target-loss",
    ("source=digits", "target=digits", "--hidden", "4"),
    "target: label 3",
    batch={"source": 5, "target": 4},
    stride=2e-5,  # of larger ones the error, which falls as their square, is seen
)


def splits(shape, names, count=12, seed=0, labels=True) -> Splits:
    """Noise of a shape in classes of these names by turns."""
    generator = torch.Generator().manual_seed(seed)
    parts = [
        Examples.of(
            torch.rand(count, *shape, generator=generator),
            label=[names[row % len(names)] for row in range(count)] if labels else None,
        )
        for _ in range(3)
    ]
    return Splits("noise", *parts)


def trained(system):
    game = system.new_game(3)
    return games.Trained(game, {name: Layout(net).flatten(net) for name, net in game.players.items()})


@pytest.mark.parametrize(
    ("source", "target"),
    [((3,), (3,)), ((1, 8, 8), (1, 8, 8)), ((1, 28, 28), (1, 8, 8)), ((3, 9, 9), (1, 12, 12))],
    ids=["points", "images", "images of two sizes", "coloured and grey images"],
)
def test_it_takes_points_and_images_of_any_two_sizes(source, target):
    sets = {"source": splits(source, "abc"), "target": splits(target, "abc", seed=1)}
    system = build("dann", sets, {"hidden": 8})
    players = trained(system)
    for part in sets.values():
        assert players.game.predict(players.net(), part.train.x).shape == (12, 3)
    judges = system.judges("target-loss")
    assert judges.validation.value(players) != judges.test.value(players)


def test_classes_are_the_same_by_their_names_and_not_by_their_numbers():
    """Target has the classes b and c alone, whose numbers there are 0 and 1."""
    target = splits((3,), "bc", seed=1)
    system = build("dann", {"source": splits((3,), "abc"), "target": target}, {"hidden": 8})
    players = trained(system)
    logits = players.game.predict(players.net(), target.valid.x)
    right = torch.tensor(["abc".index(target.valid.class_names[label]) for label in target.valid.labels])
    expected = -logits.log_softmax(1)[torch.arange(12), right].mean()
    assert system.judges("target-loss").validation.value(players) == pytest.approx(expected.item(), rel=1e-6)


def test_targets_training_labels_are_never_looked_at():
    whole = splits((3,), "abc", seed=1)
    without = replace(whole, train=splits((3,), "abc", seed=1, labels=False).train)
    settings = {"hidden": 8}
    source = splits((3,), "abc")
    with_them, without_them = (
        build("dann", {"source": source, "target": target}, settings) for target in (whole, without)
    )
    assert with_them.new_game(0).settings() == without_them.new_game(0).settings()
    test = [system.judges("target-loss").test.value(trained(system)) for system in (with_them, without_them)]
    assert test[0] == test[1]


def test_settings_reach_the_game_and_its_optimizer():
    sets = {"source": splits((3,), "abc"), "target": splits((3,), "abc", seed=1)}
    system = build("dann", sets, {"most": 0.3, "hidden": 8, "lr": 0.1})
    assert system.new_game(0).most == 0.3
    assert system.new_game(0).players["labeller"][0].in_features == 8
    assert system.optimizers.rate(50, 100) == pytest.approx(0.1 / (1 + 10 * 0.5) ** 0.75)
    assert system.defaults["metric"] in system.metrics


@pytest.mark.parametrize("progress", [0.0, 0.3, 1.0])
def test_the_rate_falls_as_in_the_paper(progress):
    assert falling(progress) == pytest.approx(1 / math.pow(1 + 10 * progress, 0.75))


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ({"data": splits((3,), "ab")}, "takes the data sets source and target, not data. Name them: source=PATH"),
        ({"source": splits((3,), "ab"), "real": splits((3,), "ab")}, "source and target, not source, real"),
        ({"source": splits((3,), "ab", labels=False), "target": splits((3,), "ab")}, "labels of the data set source"),
        ({"source": splits((3,), "ab"), "target": splits((3,), "abd")}, "classes that source does not have: d"),
        ({"source": splits((3,), "ab"), "target": splits((4,), "ab")}, r"shape \(3,\), target of \(4,\)"),
        ({"source": splits((3,), "ab"), "target": splits((1, 8, 8), "ab")}, r"shape \(3,\), target of \(1, 8, 8\)"),
    ],
)
def test_data_that_do_not_go_together_are_refused(sets, message):
    with pytest.raises(UsageError, match=message):
        build("dann", sets)


def test_a_target_without_labels_is_judged_by_the_entropy_of_its_predictions():
    sets = {"source": splits((3,), "abc"), "target": splits((3,), "abc", seed=1, labels=False)}
    system = build("dann", sets, {"hidden": 8})
    assert system.defaults["metric"] == "target-entropy"
    assert build("dann", sets | {"target": splits((3,), "abc")}).defaults["metric"] == "target-loss"
    with pytest.raises(UsageError, match="there is --metric target-entropy"):
        system.judges("target-loss")
    players = trained(system)
    shares = players.game.predict(players.net(), sets["target"].test.x).double().softmax(1)
    expected = -(shares * shares.log()).sum(1).mean()
    assert system.judges("target-entropy").test.value(players) == pytest.approx(expected.item(), rel=1e-5)


def test_the_built_in_digits_of_two_kinds_go_together():
    system = build("dann", {"source": data.load("mnist"), "target": data.load("digits")})
    assert system.judges("target-loss").validation.value(trained(system)) == pytest.approx(math.log(10), abs=0.1)
