"""What a person wrote is tried once before anything is trained, by a dry run, too; and it does not print into JSON."""

import json

import pytest
from typer.testing import CliRunner

from gansift import cli

GAME = """
import torch
from torch import nn
from torch.nn.functional import softplus
from gansift import games

print("imported")

class Own(games.Game):
    def discriminator_loss(self, net, batch, draw):
        real = games.weighted_mean(softplus(-net.discriminator(batch.x)).squeeze(1), batch.weight)
        return real + softplus(net.discriminator(self.sample(net, len(batch), draw))).mean()

    def generator_loss(self, net, batch, draw):
        return softplus(-net.discriminator(self.sample(net, len(batch), draw))).mean()

    def sample(self, net, count, draw):
        return net.generator(draw.normal(count, 2))

class Failing(Own):
    def generator_loss(self, net, batch, draw):
        return {}["weight"]

class Flat(Own):
    def sample(self, net, count, draw):
        return super().sample(net, count, draw).squeeze(1)
    def generator_loss(self, net, batch, draw):
        return softplus(-net.discriminator(self.sample(net, len(batch), draw)[:, None])).mean()
    def discriminator_loss(self, net, batch, draw):
        return games.weighted_mean(softplus(-net.discriminator(batch.x)).squeeze(1), batch.weight)

class Cut(Own):
    def sample(self, net, count, draw):
        return super().sample(net, count, draw).detach()
    def generator_loss(self, net, batch, draw):
        return softplus(-net.discriminator(net.generator(draw.normal(len(batch), 2)))).mean()

class Chance(Own):
    def sample(self, net, count, draw):
        return net.generator(draw.normal(count, 2)) + (torch.randn(count, 1) if count == 8 else 0)

def nets():
    print("built")
    return dict(discriminator=nn.Linear(1, 1), generator=nn.Linear(2, 1))

def own(data): return Own(**nets())
def failing(data): return Failing(**nets())
def flat(data): return Flat(**nets())
def cut(data): return Cut(**nets())
def chance(data): return Chance(**nets())

def mixed(x):
    print("featured")
    return x - x.mean(0)

def nameless(reference): return object()
"""
FLAGS = ["--for-this-model", "--steps", "4", "--batch", "10", "--latents", "20", "--dry-run"]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(GAME)
    return path


def tried(*arguments):
    done = CliRunner().invoke(cli.application(["run", *map(str, arguments)]), ["run", *map(str, arguments)])
    return done, str(done.exception or "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("failing", "generator_loss failed .* KeyError: 'weight' .*own.py, line 2[0-9]"),
        ("flat", r"gave \(8,\), where examples would be \(8, 1\)"),
        ("cut", "cut off from the parameters"),
        ("chance", "samples are others for the same draw"),
    ],
)
def test_a_game_that_would_fail_later_is_refused_by_a_dry_run(file, name, said):
    _, error = tried("normal-1d", "--game", f"{file}:{name}", "--metric", "all", *FLAGS)
    with pytest.raises(ValueError, match=said):
        raise ValueError(error)


def test_features_and_metrics_that_would_fail_later_are_refused_by_a_dry_run(file):
    assert "depend on the others" in tried("normal-1d", "--metric", "fid", "--features", f"{file}:mixed", *FLAGS)[1]
    assert "without name, direction" in tried("normal-1d", "--metric", f"{file}:nameless", *FLAGS)[1]


def test_what_own_code_prints_is_no_part_of_the_json(file):
    done, error = tried("normal-1d", "--game", f"{file}:own", "--metric", "all", *FLAGS, "--json")
    assert error == ""
    assert json.loads(done.stdout)["settings"]["steps"] == 4
    assert "built" in done.stderr
