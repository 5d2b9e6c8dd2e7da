"""The built-in GANs as a system are what `gansift run` trains: the same games, optimizers, presets and metrics."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from gansift import data, models
from gansift.errors import UsageError
from gansift.systems import build, find, manual, spec_of
from gansift.systems.gan import architecture, presets
from gansift.systems.presets import GENERAL
from tiny_system import Tiny

TINY = Tiny(
    {"data": "normal-2d"},
    {"width": 5, "latent": 3, "warmup": 0, "lr": 0.01},
    "all",
    ("digits", "--latents", "50", "--width", "4"),
    "label 3",
    {"latents": 30},
    {"data": 6},
)

RECORDED = json.loads((Path(__file__).parent / "recorded_gan.json").read_text())
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


def described(game) -> dict:
    """A game's settings, with each network as a hash of what it is and of its parameters' names and shapes."""
    settings = game.settings()
    for player, module in game.players.items():
        shapes = [[name, list(value.shape)] for name, value in module.state_dict().items()]
        text = json.dumps([settings["players"][player], shapes])
        settings["players"][player] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return settings


# Defaults of a question that came later.
SEEDS = ("scoring_seeds", "choosing_seeds", "judging_seeds")


@pytest.mark.parametrize("case", RECORDED)
def test_games_optimizers_and_defaults_are_those_that_runs_were_recorded_with(sets, case):
    """What `recorded_gan.json` holds was written before the built-in GANs became a system."""
    recorded = RECORDED[case]
    system = build("gan", {"data": sets[recorded["set"]]}, recorded["given"])
    made = {
        "game": described(system.new_game(0)),
        "optimizers": {name: one.settings() for name, one in system.optimizers.items()},
        "defaults": {name: value for name, value in system.defaults.items() if name not in SEEDS},
    }
    assert set(SEEDS) < set(system.defaults)
    assert json.loads(json.dumps(made)) == {name: recorded[name] for name in made}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of weights of tiny StyleGAN2 networks."""
    path = tmp_path_factory.mktemp("weights") / "start.safetensors"
    architecture = models.Architecture("stylegan2", (3, 32, 32), 3, 2, most=4, depth=1, activation="silu", noise=False)
    pair = architecture.build()
    models.write_weights(path, architecture, {"generator": pair.generator, "discriminator": pair.discriminator})
    return str(path)


def test_training_starts_from_the_given_weights_whole_or_with_adapters(sets, weights):
    start = build("gan", {"data": sets["32x32"]}, {"init": weights}).new_game(0).players["generator"]
    given = {"init": weights, "lora": 2, "lora_layers": "convs.*,blocks.*", "lora_start": "kaiming"}
    adapted = build("gan", {"data": sets["32x32"]}, given).new_game(0).players["generator"]
    assert start.latent == adapted.latent == 3
    trained = sum(value.numel() for value in adapted.parameters() if value.requires_grad)
    assert 0 < trained < sum(value.numel() for value in start.parameters())
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
