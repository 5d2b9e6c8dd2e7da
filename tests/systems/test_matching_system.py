"""Flow matching as a system: settings that reach the game, metrics that say how samples are made, and refusals."""

from __future__ import annotations

import pytest
import torch

from gansift import data, models
from gansift.data import Examples, Splits
from gansift.errors import TrainingError, UsageError
from gansift.systems import build
from gansift.systems.system import settled
from tiny_system import Tiny

TINY = Tiny(
    {"data": "digits"},
    {"width": 4, "conditional": True, "guidance": 1.5, "sampling_steps": 2, "dropout": 0.2, "warmup": 0},
    "fid",
    ("digits", "--width", "4", "--sampling-steps", "2", "--latents", "100", "--warmup", "2"),
    "label 3",
    question={"latents": 40},
    batch={"data": 8},
)


def splits(shape, names="abc", labels=True) -> Splits:
    generator = torch.Generator().manual_seed(0)
    parts = [
        Examples.of(torch.rand(24, *shape, generator=generator), label=list(names) * (24 // len(names)))
        if labels
        else Examples.of(torch.rand(24, *shape, generator=generator))
        for _ in range(3)
    ]
    return Splits("noise", *parts)


@pytest.fixture(scope="module", params=["matching", "diffusion"])
def name(request):
    return request.param


def test_settings_reach_the_game(name):
    given = {"sampling_steps": 3, "dropout": 0.1, "conditional": True, "guidance": 2.0, "untold": 0.2}
    given |= {"solver": "euler"} if name == "matching" else {"levels": 50}
    found = build(name, {"d": splits((1, 8, 8))}, given).new_game(0).settings()
    own = {key: found[key] for key in ("sampling_steps", "dropout", "guidance", "untold", "shares")}
    assert own == {
        "sampling_steps": 3, "dropout": 0.1, "guidance": 2.0, "untold": 0.2, "shares": pytest.approx([1 / 3] * 3),
    }  # fmt: skip
    assert found["solver" if name == "matching" else "levels"] in ("euler", 50)


@pytest.mark.parametrize(
    ("shape", "network", "metric"),
    [
        ((2,), models.PerceptronDenoiser, "all"),
        ((1, 8, 8), models.PerceptronDenoiser, "fid"),
        ((3, 14, 14), models.UNet, "fid"),
    ],
)
def test_networks_fit_the_data(name, shape, network, metric):
    data_sets = {"d": splits(shape)}
    system = build(name, data_sets, {})
    game = system.new_game(0)
    assert type(game.players["network"]) is network
    assert game.players["network"].shape == shape
    assert system.defaults["metric"] == metric
    assert settled(name, data_sets, {})["width"] == (16 if network is models.UNet else 64)


def test_metrics_of_samples_say_how_these_are_made(name):
    digits = {"d": data.load("digits", seed=0)}
    judges = build(name, digits, {"sampling_steps": 5}).judges("fid", latents=50)
    short, words = ("heun5", "5 steps of Heun's rule") if name == "matching" else ("ddim5", "5 steps of DDIM")
    for metric in (judges.validation, judges.test):
        assert metric.name.endswith(f"@50-{short}")
        assert words in metric.meaning
    assert build("matching", digits, {"solver": "euler"}).judges("kid").test.name.endswith("-euler8")


def test_samples_of_classes_have_their_metrics_only_where_classes_are_told(name):
    told, plain = (build(name, {"d": splits((2,))}, {"conditional": value}) for value in (True, False))
    assert told.metrics.keys() - plain.metrics.keys() == {"intra-fid", "tstr"}
    assert told.new_game(0).conditional
    assert not plain.new_game(0).conditional


def test_what_would_do_nothing_is_refused(name):
    labelled, bare = {"d": splits((1, 8, 8))}, {"d": splits((1, 8, 8), labels=False)}
    with pytest.raises(UsageError, match="--guidance would do nothing without --conditional"):
        build(name, labelled, {"guidance": 2.0})
    with pytest.raises(UsageError, match="there are not two classes or more"):
        build(name, bare, {"conditional": True})
    with pytest.raises(UsageError, match="--no-attention would do nothing"):
        build(name, bare, {"attention": False})


def test_images_that_the_u_net_does_not_take_are_refused_with_what_helps(name):
    with pytest.raises(TrainingError, match=r"not the shape \(1, 15, 15\).*--size 32"):
        build(name, {"d": splits((1, 15, 15))}, {}).new_game(0)
