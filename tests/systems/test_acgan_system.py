"""GANs that are told the class as a system: networks of every kind, settings that reach them, and what is refused."""

from __future__ import annotations

import pytest
import torch

from gansift import data, games, models
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.games import Draw
from gansift.games.parameters import Layout
from gansift.systems import build
from gansift.systems.acgan import shares_of
from tiny_system import Tiny

TINY = Tiny(
    {"data": "digits"},
    {"width": 5, "latent": 3, "lr": 0.01},
    "class-loss",
    ("digits", "--metric", "class-loss", "--width", "4"),
    "label 3",
    batch={"data": 6},
)


def splits(shape, names="abc", labels=True) -> Splits:
    """Noise of a shape in classes of these names by turns, the first ones more often."""
    generator = torch.Generator().manual_seed(0)
    parts = []
    for count in (13, 12, 12):
        label = [names[row % len(names)] for row in range(count)] if labels else None
        parts.append(Examples.of(torch.rand(count, *shape, generator=generator) * 2 - 1, label=label))
    return Splits("noise", *parts)


def trained(system) -> games.Trained:
    game = system.new_game(3)
    return games.Trained(game, {name: Layout(net).flatten(net) for name, net in game.players.items()})


@pytest.mark.parametrize(
    ("shape", "settings"),
    [((2,), {}), ((1, 8, 8), {}), ((1, 28, 28), {"width": 2}), ((3, 32, 32), {"model": "stylegan2", "width": 1})],
    ids=["points", "mlp", "dcgan", "stylegan2"],
)
@pytest.mark.parametrize("conditioning", ["classifier", "projection"])
def test_networks_of_every_kind_make_samples_of_requested_classes(shape, settings, conditioning):
    system = build("acgan", {"data": splits(shape)}, {"latent": 4, "conditioning": conditioning, **settings})
    players, label = trained(system), torch.tensor([2, 0, 1, 1])
    samples = players.sample(4, Draw(0, "test"), label=label)
    assert samples.shape == (4, *shape)
    assert (samples - players.sample(4, Draw(0, "test"), label=label.flip(0))).abs().amax(-1).max() > 1e-4
    assert players.game.offers("predict") == (conditioning == "classifier")
    assert ("class-loss" in system.metrics) == (conditioning == "classifier")


def test_the_generator_is_asked_for_classes_as_often_as_they_are_in_the_training_data():
    assert shares_of(splits((2,))) == pytest.approx((5 / 13, 4 / 13, 4 / 13))
    assert build("acgan", {"data": splits((2,))}).new_game(0).shares == shares_of(splits((2,)))


def test_settings_reach_the_game():
    given = {"class_weight": 0.2, "class_loss_on_fakes": False, "r1": 0.7, "augment": "cutout"}
    game = build("acgan", {"data": splits((1, 8, 8))}, given).new_game(0)
    assert (game.class_weight, game.class_loss_on_fakes, game.r1, game.augment) == (0.2, False, 0.7, ("cutout",))


def test_what_is_exported_says_of_how_many_classes_its_networks_know(tmp_path):
    system = build("acgan", {"data": splits((1, 8, 8))}, {"width": 4})
    assert system.architecture.classes == 3
    models.write_weights(tmp_path / "a.safetensors", system.architecture, system.new_game(0).players)
    with pytest.raises(UsageError, match="networks that are told the class, of 3 classes"):
        build("gan", {"data": data.load("digits")}, {"init": str(tmp_path / "a.safetensors")})


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (splits((2,), labels=False), {}, "needs labels of two classes or more: class folders, or a label file"),
        (splits((2,), "a"), {}, "needs labels of two classes or more"),
        (splits((2,)), {"most": 3}, "--most would do nothing"),
        (splits((2,)), {"conditioning": "projection", "class_weight": 0.5}, "--class-weight .* would do nothing"),
        (splits((2,)), {"conditioning": "projection", "class_loss_on_fakes": False}, "--no-class-loss-on-fakes would"),
        (splits((2,)), {"class_weight": 0.0}, "must be above 0"),
        (splits((1, 20, 24)), {}, r"not 24x20"),
    ],
)
def test_what_makes_no_sense_is_refused(data, settings, message):
    with pytest.raises(UsageError, match=message):
        build("acgan", {"data": data}, settings).new_game(0)
