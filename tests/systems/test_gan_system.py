"""The built-in GANs as a system are what `gansift run` trains: the same games, optimizers, presets and metrics."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch

from gansift import data, models
from gansift.errors import UsageError
from gansift.systems import build, find, manual, spec_of
from gansift.systems.gan import architecture, presets
from gansift.systems.presets import GENERAL
from gansift.workflow import build as workflow
from gansift.workflow import config as configuration
from gansift.workflow.config import Config, resolve

SETTINGS = {setting.name: setting for setting in manual(spec_of("gan")).settings}


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """One data set for each preset, by name."""
    folder, noise = tmp_path_factory.mktemp("sets"), np.random.default_rng(0)
    for side, channels in ((28, 1), (32, 3), (64, 3)):
        images = noise.integers(0, 256, (60, side, side, channels), dtype=np.uint8)
        np.savez(folder / f"{side}.npz", x=images, y=np.arange(60) % 3)
    sources = {"digits": "digits", "points": "normal-2d"} | {
        f"{side}x{side}": folder / f"{side}.npz" for side in (28, 32, 64)
    }
    return {name: data.load(source) for name, source in sources.items()}


def same_module(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(mine[name].shape == theirs[name].shape for name in mine)


def assert_same(splits, given):
    """The system of these settings is what the workflow builds of the same ones."""
    config = resolve(Config(**given), splits.train.shape)
    resolved = presets({"data": splits}, **given)
    assert resolved == {name: getattr(config, name) for name in resolved}
    system = build("gan", {"data": splits}, given)
    game, expected = system.new_game(0), workflow.build_game(config, splits.train)
    assert type(game) is type(expected)
    assert game.settings() == expected.settings()
    assert vars(game).keys() == vars(expected).keys()
    assert all(same_module(game.players[name], expected.players[name]) for name in expected.players)
    optimizers = workflow.build_optimizers(config, splits.train)
    assert {name: one.settings() for name, one in system.optimizers.items()} == {
        name: one.settings() for name, one in optimizers.items()
    }
    assert system.defaults == {name: getattr(config, name) for name in GENERAL}


def test_the_settings_are_those_of_the_command_line():
    config = {item.name: item for item in fields(Config)}
    assert SETTINGS.keys() == set(configuration._BUILT_IN) | {
        "optimizer", "lr", "beta1", "beta2", "eps", "eps_inside", "warmup", "decay", "final",
    }  # fmt: skip
    for name, setting in SETTINGS.items():
        assert setting.help == config[name].metadata["help"]
        assert setting.default == config[name].default
        assert setting.range.least == config[name].metadata["least"]
        kind, _, optional = str(config[name].type).partition(" | ")
        assert (setting.type.__name__, setting.optional) == (kind, bool(optional))


@pytest.mark.parametrize("name", ["digits", "points", "28x28", "32x32", "64x64"])
def test_what_is_left_open_is_what_the_workflow_fills_in(sets, name):
    assert_same(sets[name], {})


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("digits", {"optimizer": "sgd", "beta1": 0.5, "decay": "cosine", "final": 0.2, "loss": "wasserstein"}),
        (
            "digits",
            {"optimizer": "rmsprop", "generator_lr": 1e-4, "r1": 0.0, "gradient_penalty": 0.1, "schedule": "5:1"},
        ),
        ("digits", {"optimizer": "adamw", "eps_inside": False, "mirror": True, "augment": "translation,cutout"}),
        ("32x32", {"model": "stylegan2", "path_length": 2.0, "mixing": 0.0, "width": 2, "most": 4, "latent": 3}),
        ("28x28", {"model": "mlp", "width": 4}),
        ("points", {"width": 8, "latent": 2, "r1_interval": 4}),
    ],
)
def test_given_settings_are_what_the_workflow_makes_of_them(sets, name, given):
    assert_same(sets[name], given)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of weights of tiny StyleGAN2 networks."""
    path = tmp_path_factory.mktemp("weights") / "start.safetensors"
    architecture = models.Architecture("stylegan2", (3, 32, 32), 3, 2, most=4, depth=1, activation="silu", noise=False)
    pair = architecture.build()
    models.write_weights(path, architecture, {"generator": pair.generator, "discriminator": pair.discriminator})
    return str(path)


def test_weights_and_adapters_are_what_the_workflow_makes_of_them(sets, weights):
    assert_same(sets["32x32"], {"init": weights})
    given = {"init": weights, "lora": 2, "lora_layers": "convs.*,blocks.*", "lora_start": "kaiming"}
    assert_same(sets["32x32"], given)
    with pytest.raises(UsageError, match="--width 9 does not go with --init"):
        build("gan", {"data": sets["32x32"]}, {"init": weights, "width": 9})
    with pytest.raises(UsageError, match=r"--init .* holds networks for images of shape \(3, 32, 32\)"):
        build("gan", {"data": sets["64x64"]}, {"init": weights}).new_game(0)


def test_resolved_settings_are_resolved_to_themselves(sets, weights):
    for name, given in (("digits", {}), ("points", {"width": 8}), ("32x32", {"init": weights, "lora": 1})):
        once = presets({"data": sets[name]}, **given)
        own = {name: once[name] for name in SETTINGS}
        assert presets({"data": sets[name]}, **own) == once
        assert build("gan", {"data": sets[name]}, own).defaults == {name: once[name] for name in GENERAL}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("digits", {"most": 3}, "--most would do nothing: they need --model stylegan2"),
        ("digits", {"lora_start": "kaiming"}, "--lora-start would do nothing"),
        ("64x64", {"lora": 1}, "--lora trains adapters of a network that is frozen"),
        ("points", {"mirror": True}, "--augment and --mirror are for images"),
        ("points", {"augment": "cutout"}, "--augment and --mirror are for images"),
        ("digits", {"optimizer": "lion"}, "--optimizer 'lion' is unknown"),
        ("digits", {"model": "big"}, "--model 'big' is unknown"),
    ],
)
def test_settings_that_make_no_sense_are_refused(sets, name, given, message):
    with pytest.raises(UsageError, match=message):
        build("gan", {"data": sets[name]}, given).new_game(0)


def test_data_that_no_network_takes_are_refused_with_a_way_out():
    odd = data.load("digits")
    odd = data.Splits("odd", *(part.subset(range(4)) for part in (odd.train, odd.valid, odd.test)))
    wide = [
        data.Examples(**{**vars(part), "x": torch.zeros(4, 1, 20, 24)}) for part in (odd.train, odd.valid, odd.test)
    ]
    with pytest.raises(UsageError, match=r"not 24x20\. Resize them with --size 32"):
        build("gan", {"data": data.Splits("odd", *wide)})


def test_the_networks_of_an_export_are_those_that_were_trained(sets):
    settings = presets({"data": sets["points"]}, width=8)
    assert architecture(settings, (2,)) == models.Architecture("fc", (2,), 10, 8)


def test_the_system_is_found_by_its_name():
    assert find("gan").__name__ == "gan"
