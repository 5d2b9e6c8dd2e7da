"""Networks that keep what they computed are copied; those that cannot be are named, with what to give instead."""

import random
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from gansift import data, games, training
from gansift.errors import TrainingError
from gansift.games.copying import copy_of, copy_of_game
from gansift.training import SGD


class Keeping(nn.Module):
    """A network that keeps its last activations, as many do for feature matching."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(2, 1)
        self.seen = []

    def forward(self, x):
        self.seen = [self.line(x)]
        return self.seen[0]


class Locked(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(2, 1)
        self.guard = threading.Lock()

    def forward(self, x):
        return self.line(x)


class Fit(games.Game):
    def line_loss(self, net, batch, draw):
        return games.weighted_mean(self.noisy(net.line(batch.x), draw).square().squeeze(1), batch.weight)

    def noisy(self, values, draw):
        return values


def trained(game, steps=3):
    points = data.Examples.of(np.random.default_rng(0).normal(size=(12, 2)), name="points")
    return training.train(game, points, steps=steps, batch_size=4, optimizers=SGD(lr=0.1), seed=0)


def test_a_network_that_kept_its_activations_trains_as_one_that_did_not():
    torch.manual_seed(0)
    network = Keeping()
    fresh = copy_of(network)
    network(torch.ones(3, 2))
    assert network.seen[0].grad_fn is not None
    assert copy_of(network).seen[0].tolist() == network.seen[0].tolist()
    kept, other = trained(Fit(line=network)), trained(Fit(line=fresh))
    assert torch.equal(kept.trained().parameters["line"], other.trained().parameters["line"])


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weight_norm_of_old_is_copied_with_parameters_of_its_own():
    network = nn.utils.weight_norm(nn.Linear(2, 1))
    copied = copy_of(network)
    with torch.no_grad():
        copied.weight_g.mul_(2)
    x = torch.ones(3, 2)
    torch.testing.assert_close(copied(x) - copied.bias, 2 * (network(x) - network.bias))


def test_what_cannot_be_copied_is_named():
    with pytest.raises(TrainingError, match=r"line\.1\.guard \(lock\) cannot be copied"):
        copy_of_game(Fit(line=nn.Sequential(nn.Identity(), Locked())))


@pytest.mark.parametrize(
    ("wrap", "named"),
    [
        (nn.DataParallel, r"line is wrapped \(DataParallel\).*give network\.module"),
        (lambda net: nn.Sequential(torch.compile(net, backend="eager")), r"line\.0 is wrapped \(OptimizedModule\)"),
        (torch.jit.script, r"line is wrapped \(RecursiveScriptModule\)"),
    ],
)
def test_a_wrapped_network_is_refused_by_name_with_what_to_give_in_its_place(wrap, named):
    with pytest.raises(TrainingError, match=named):
        copy_of_game(Fit(line=wrap(nn.Linear(2, 1))))


@pytest.mark.parametrize(
    "noise",
    [
        lambda values: functional.dropout(values, 0.5),
        lambda values: values + torch.randn_like(values),
        lambda values: values + torch.tensor(np.random.normal(size=values.shape)).to(values),
        lambda values: values * random.random(),
    ],
    ids=["dropout", "torch", "numpy", "python"],
)
def test_random_numbers_in_a_loss_are_called_that_and_no_missing_weight(noise):
    class Noisy(Fit):
        def noisy(self, values, draw):
            return noise(values)

    with pytest.raises(TrainingError, match="takes random numbers from elsewhere"):
        trained(Noisy(line=nn.Linear(2, 1)))


def test_random_numbers_of_draw_are_no_fault():
    class Drawn(Fit):
        def noisy(self, values, draw):
            return values + draw.normal(*values.shape)

    assert trained(Drawn(line=nn.Linear(2, 1))).steps == 3
