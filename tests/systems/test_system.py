"""Built-in systems and a person's own are the same thing: found, called and refused in one way."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

import toys
from gansift import data, training
from gansift.errors import DataError, UsageError
from gansift.systems import Judges, System, build, find, only, spec_of

POINTS = {"data": data.load("normal-2d", seed=0)}
GAME = """
from gansift import games, training
from torch import nn

class Mine(games.Game):
    stackable = True
    def only_loss(self, net, batch, draw):
        return games.weighted_mean(net.only(batch.x).square().sum(1), batch.weight)

class Sampled(Mine):
    averaged = ("only",)
    def sample(self, net, count, draw):
        return net.only(draw.normal(count, 2))
"""


@pytest.fixture
def mine(tmp_path):
    def write(code: str) -> str:
        (tmp_path / "mine.py").write_text(GAME + code)
        return f"{tmp_path}/mine.py:build"

    return write


def parameters(game):
    return torch.cat([value.detach().flatten() for value in game.players["only"].parameters()])


def test_importing_systems_imports_no_torch():
    code = "import sys, gansift.systems as systems; systems.find; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_built_in_name_and_its_module_are_the_same_function():
    assert find("gan") is find("gansift.systems.gan:gan")


def test_a_misspelt_name_is_refused_with_the_nearest_one():
    with pytest.raises(UsageError, match=r"no system 'gna' \(did you mean gan\?\); .*gan.*file\.py:function"):
        spec_of("gna")


def test_a_function_gets_the_data_sets_and_its_settings(mine):
    code = (
        "from gansift.systems import System\n"
        "def build(data, *, most=1.0):\n"
        "    game = lambda: Mine(only=nn.Linear(2, int(most)))\n"
        "    return System(game, training.SGD(lr=0.1), {}, {'steps': len(data)})\n"
    )
    system = build(mine(code), {"a": POINTS["data"], "b": POINTS["data"]}, {"most": 3})
    assert system.defaults == {"steps": 2}
    assert system.new_game(0).players["only"].out_features == 3


@pytest.mark.parametrize(
    "code",
    [
        "def build(data): return Mine(only=nn.Linear(2, 2))",
        "from gansift.systems import System\n"
        "def build(data): return System(lambda: Mine(only=nn.Linear(2, 2)), training.SGD(lr=1.0), {})",
    ],
    ids=["a game", "a system"],
)
def test_networks_of_anybody_start_alike_for_a_seed_and_otherwise_for_another(mine, code):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    system = build(mine(code), POINTS)
    first, again, other = (parameters(system.new_game(seed)) for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()
    assert (torch.random.get_rng_state() == before).all(), "the caller's random numbers are left as they were"
    torch.manual_seed(3)
    expected = torch.nn.Linear(2, 2)
    assert (first == torch.cat([expected.weight.detach().flatten(), expected.bias.detach()])).all()


def test_a_game_alone_becomes_a_system_with_what_the_presets_say(mine):
    system = build(mine("def build(data): return Mine(only=nn.Linear(2, 2)), {}\n"), POINTS)
    assert isinstance(system, System)
    assert system.metrics == {}
    assert "metric" not in system.defaults
    assert system.defaults["ema"] == 0.0, "nobody is averaged"
    assert system.defaults["baselines"] == "far-neighbours,isolation-forest,density"
    adam = system.optimizers["only"]
    assert (type(adam), adam.lr, adam.eps, adam.betas) == (training.Adam, 1e-3, 1e-3, (0.0, 0.99))


@pytest.mark.parametrize("given", ["{}", "training.SGD(lr=1e-3)"])
def test_a_memory_needs_no_optimizer(mine, given):
    code = (
        "import torch\n"
        "class Level(Mine):\n"
        "    def level_loss(self, net, batch, draw):\n"
        "        return net.level.towards(games.weighted_mean(net.only(batch.x).sum(1), batch.weight), 0.1)\n"
        f"def build(data): return Level(only=nn.Linear(2, 2), level=games.Memory(torch.zeros(1))), {given}\n"
    )
    system = build(mine(code), POINTS)
    assert set(system.optimizers) == {"only"}
    run = training.train(
        system.game(), POINTS["data"].train, steps=2, batch_size=4, optimizers=system.optimizers, dtype="float64"
    )
    assert run.step.settings.optimizers["level"] == training.SGD(lr=1.0)


def test_a_game_with_samples_is_judged_by_the_metrics_of_samples(mine):
    code = "def build(data): return Sampled(only=nn.Linear(2, 2)), {'only': training.SGD(lr=0.1)}\n"
    system = build(mine(code), POINTS)
    assert system.optimizers == {"only": training.SGD(lr=0.1)}
    assert set(system.metrics) == {"fid", "kid", "is", "all"}
    assert (system.defaults["metric"], system.defaults["ema"]) == ("all", 0.98)
    assert system.defaults["baselines"] == "far-neighbours,isolation-forest,density,nearest-samples"
    judges = system.judges("all", latents=50)
    assert isinstance(judges, Judges)
    several = build(mine(code), {"a": POINTS["data"], "b": POINTS["data"]})
    assert several.metrics == {}, "which of the sets it would be judged by, nobody has said"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("build = 3", "names 3, which is no function"),
        ("def build(data): return 3", "must return a gansift.systems.System"),
        (
            "def build(data): return 1 / 0",
            r"failed on the training data data \(\d+ examples of shape \(2,\)\).*ZeroDivisionError",
        ),
        (
            "def build(data, more): return 3",
            "can be called with the named data sets: missing a required argument: 'more'",
        ),
        ("def build(data): return Mine(only=nn.Linear(2, 2)), {'only': 1}", "must be a dictionary from players"),
        (
            "def build(data): return Mine(only=nn.Linear(2, 2)), {'critic': training.SGD(lr=0.1)}",
            "gives optimizers for critic; the players are only",
        ),
    ],
)
def test_a_function_that_makes_no_system_is_refused_with_the_reason(mine, code, message):
    with pytest.raises(UsageError, match=message) as caught:
        build(mine(code), POINTS)
    assert "mine.py:build" in str(caught.value)


@pytest.mark.parametrize(
    ("game", "optimizers", "message"),
    [
        ("lambda: 3", "training.SGD(lr=1.0)", "the game that it gave is 3"),
        ("lambda: 1 / 0", "training.SGD(lr=1.0)", "failed on the training data.*ZeroDivisionError"),
        ("lambda: Mine(only=nn.Linear(2, 2))", "{'critic': training.SGD(lr=1.0)}", "for critic; the players are only"),
    ],
)
def test_a_system_whose_game_is_none_is_refused_when_it_is_made(mine, game, optimizers, message):
    code = f"from gansift.systems import System\ndef build(data): return System({game}, {optimizers}, {{}})\n"
    system = build(mine(code), POINTS)
    with pytest.raises(UsageError, match=message) as caught:
        system.new_game(0)
    assert "mine.py:build" in str(caught.value)


def test_errors_that_speak_to_the_user_already_pass_as_they_are(mine):
    code = "from gansift.errors import DataError\ndef build(data): raise DataError('the table has no column age')\n"
    with pytest.raises(DataError, match=r"^the table has no column age$"):
        build(mine(code), POINTS)


def test_settings_that_a_function_does_not_have_are_refused(mine):
    with pytest.raises(UsageError, match="and the settings most: got an unexpected keyword argument 'most'"):
        build(mine("def build(data): return 3"), POINTS, {"most": 1})


def test_metrics_and_their_settings_are_refused_by_name():
    system = System(toys.gan, training.SGD(lr=1.0), {"gap": lambda latents=3: Judges(latents, latents)})
    assert system.judges("gap", latents=4) == Judges(4, 4)
    with pytest.raises(UsageError, match=r"--metric 'gpa' is unknown \(did you mean gap\?\); choose from gap"):
        system.judges("gpa")
    with pytest.raises(UsageError, match="--features: --metric gap has no such setting"):
        system.judges("gap", features="auto")


def test_a_system_of_one_data_set_refuses_several():
    assert only(POINTS, "gan") is POINTS["data"]
    with pytest.raises(UsageError, match=r"the system gan takes one data set, not 2 \(a, b\)"):
        only({"a": POINTS["data"], "b": POINTS["data"]}, "gan")
