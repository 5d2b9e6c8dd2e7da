"""From one training to the next: whole networks out of a run, adapters on top of them, and both put together again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from gansift import data
from gansift.errors import DataError, UsageError
from gansift.games import Draw, Trained
from gansift.models import read_weights, write_weights
from gansift.training.state import readout
from gansift.workflow.config import load
from gansift.workflow.directory import RunDirectory
from gansift.workflow.place import place_of
from gansift.workflow.seed import Seed
from tiny_run import gansift

TINY = [
    "--for-this-model",
    "--model", "stylegan2", "--steps", "2", "--seeds", "1", "--batch", "8", "--latents", "20", "--jobs", "1", "--quiet",
    "--features", Path(__file__).parent.parent.parent / "examples/own_judges.py:pooled",
]  # fmt: skip
SMALL = ["--width", "1", "--most", "2", "--depth", "1", "--latent", "3"]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A tiny StyleGAN2 of one vendor's emoji, and its weights."""
    folder = tmp_path_factory.mktemp("base")
    assert gansift("run", "--until", "train", "emoji-noto", "--outdir", folder / "run", *TINY, *SMALL).exit_code == 0
    assert gansift("export", folder / "run", folder / "out", "--format", "weights").exit_code == 0
    return folder


@pytest.fixture(scope="module")
def tuned(base):
    """It fine-tuned with adapters on the other vendor's."""
    flags = ["--init", base / "out/original.safetensors", "--lora", 1, "--horizons", "all", "--remove", "10"]
    done = gansift(
        "run", "emoji-twemoji", "--outdir", base / "tuned", *TINY, *flags, "--verify", 0, "--baselines", "none"
    )
    assert done.exit_code == 0
    return RunDirectory(base / "tuned")


def _run(directory):
    place = place_of(load(directory.config), directory.cache)
    return Seed(directory, place, 0).run, place


def _images(game, parameters):
    return Trained(game, parameters).sample(4, Draw(0, "look"))


def test_exported_networks_are_those_that_metrics_saw(base):
    run, _ = _run(RunDirectory(base / "run"))
    pair = read_weights(base / "out/original.safetensors")[1]
    z = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    for player, network in pair._asdict().items():
        flat = torch.cat([value.detach().flatten() for value in network.parameters()])
        assert torch.equal(flat, readout(run.state(run.steps))[player])
    assert torch.isfinite(pair.discriminator(pair.generator(z))).all()


def test_fine_tuning_starts_from_the_weights_and_trains_adapters_alone(base, tuned):
    run, place = _run(tuned)
    pair = read_weights(base / "out/original.safetensors")[1]
    game = place.game(0)
    assert torch.equal(game.players["generator"].network.constant.value, pair.generator.constant.value)
    trained = load_file(tuned.weights("original"))
    assert {name.split(".")[1] for name in trained} == {"adapters"}
    assert sum(value.numel() for value in trained.values()) == sum(
        len(slots["parameters"]) for slots in run.state(run.steps).values()
    )
    start = run.state(0)["generator"]["parameters"]
    assert not torch.equal(start, run.state(run.steps)["generator"]["parameters"])
    first = run.trained(0).sample(4, Draw(0, "look"))
    z, noise = Draw(0, "look"), []
    latents = z.normal(4, 3)
    noise = [z.normal(4, 1, side, side) for side in pair.generator.noises]
    torch.testing.assert_close(first, pair.generator(latents, noise))  # zero start


def test_merged_weights_give_the_images_of_the_adapted_network(base, tuned):
    run, _ = _run(tuned)
    gansift("export", tuned.root, base / "merged", "--format", "weights")
    pair = read_weights(base / "merged/original.safetensors")[1]
    draw = Draw(0, "look")
    z = draw.normal(4, 3)
    noise = [draw.normal(4, 1, side, side) for side in pair.generator.noises]
    torch.testing.assert_close(run.trained().sample(4, Draw(0, "look")), pair.generator(z, noise), rtol=1e-5, atol=1e-5)
    gansift("export", tuned.root, base / "adapters", "--format", "adapters")
    assert load_file(base / "adapters/original.safetensors").keys() == load_file(tuned.weights("original")).keys()


def test_a_discriminator_that_the_weights_lack_is_trained_as_a_whole(base, tmp_path):
    architecture, pair = read_weights(base / "out/original.safetensors")
    write_weights(tmp_path / "alone.safetensors", architecture, {"generator": pair.generator})
    flags = [*TINY, "--init", tmp_path / "alone.safetensors", "--lora", 1]
    for _ in range(2):  # the second call goes on with the run of the first
        assert gansift("run", "--until", "train", "emoji-noto", "--outdir", tmp_path / "run", *flags).exit_code == 0
    names = load_file(RunDirectory(tmp_path / "run").training(0) / "checkpoints/step-00000002.safetensors")
    sizes = {player: len(names[f"{player}/parameters"]) for player in ("generator", "discriminator")}
    assert sizes["discriminator"] == sum(value.numel() for value in pair.discriminator.parameters())
    assert sizes["generator"] < sum(value.numel() for value in pair.generator.parameters())


def test_what_does_not_fit_the_weights_is_refused_by_its_flag(base, tmp_path):
    init = ["--init", base / "out/original.safetensors"]
    for flags, message in (
        ([*init, "--width", "7"], "--width 7 does not go with --init"),
        (["--lora", "2"], "--lora .* needs one: give its weights, --init"),
        ([*init, "--lora", "1", "--lora-layers", "no.*"], r"no layer of StyleGAN2Generator .* no\.\*"),
        ([*init, "--lora", "1", "--lora-start", "one"], "--lora-start must be one of zero, kaiming"),
        (["--lora-layers", "convs.*"], "--lora-layers would do nothing"),
    ):
        with pytest.raises(Exception, match=message):
            gansift("run", "--until", "train", "emoji-noto", "--outdir", tmp_path / "x", *TINY, *flags)
    with pytest.raises(UsageError, match=r"--init .* images of shape \(3, 32, 32\).*--size 32"):
        gansift("run", "--until", "train", "digits", "--outdir", tmp_path / "x", *TINY, *init)
    with pytest.raises(DataError, match="there is no file of weights"):
        gansift(
            "run", "--until", "train", "emoji-noto", "--outdir", tmp_path / "x", *TINY, "--init", "gone.safetensors"
        )


def test_a_run_that_is_not_trained_yet_has_no_weights_to_export(base, tmp_path):
    gansift("run", "--until", "train", "emoji-noto", "--outdir", tmp_path / "run", *TINY, *SMALL)
    shutil.rmtree(tmp_path / "run/seeds/0/checkpoints")
    with pytest.raises(UsageError, match="not trained to its end"):
        gansift("export", tmp_path / "run", tmp_path / "out", "--format", "weights")
    with pytest.raises(UsageError, match="not empty"):
        gansift("export", base / "run", base, "--format", "weights")


def test_a_checkpoint_of_another_layout_is_where_training_starts(tmp_path):
    from models.test_rosinality import _discriminator_layout, _generator_layout, _tensors

    torch.save({"g_ema": _tensors(_generator_layout()), "d": _tensors(_discriminator_layout())}, tmp_path / "a.pt")
    flags = [*TINY, "--init", tmp_path / "a.pt", "--lora", 2, "--lora-layers", "convs.*,blocks.*"]
    assert gansift("run", "--until", "train", "emoji-noto", "--outdir", tmp_path / "run", *flags).exit_code == 0
    assert data.load("emoji-noto").train.shape == (3, 32, 32)
