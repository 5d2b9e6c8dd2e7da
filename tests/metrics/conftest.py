"""Small things that every metric test needs: a generator in float64, and a smooth feature space."""

import pytest
import torch

from gansift.games import GAN, Game, Trained, weighted_mean
from gansift.games.parameters import Layout
from gansift.models import MLPDiscriminator, MLPGenerator
from toys import Perceptron


@pytest.fixture
def trained():
    """A random generator of points in three dimensions, float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        game = GAN(MLPGenerator(latent=4, width=6, shape=(3,)).double(), MLPDiscriminator(width=5, shape=(3,)).double())
    return Trained(game, {name: Layout(module).flatten(module) for name, module in game.players.items()})


class Labelling(Game):
    """One player that labels points, whose training does not matter here."""

    def only_loss(self, net, batch, draw):
        return weighted_mean(self.predict(net, batch.x)[:, 0], batch.weight)

    def predict(self, net, x):
        return net.only(x)


@pytest.fixture
def labelling():
    """A random labeller of points in two dimensions with three classes, float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        game = Labelling(only=Perceptron(2, 3).double())
    return Trained(game, {"only": Layout(game.players["only"]).flatten(game.players["only"])})


class SmoothFeatures:
    """Fixed random features of points in three dimensions, with logits."""

    name = "smooth"

    def __init__(self, count=5):
        generator = torch.Generator().manual_seed(1)
        self.weight = torch.randn(3, count, generator=generator, dtype=torch.float64)
        self.largest_batch = 0

    def __call__(self, samples):
        self.largest_batch = max(self.largest_batch, len(samples))
        return (samples @ self.weight.to(samples)).tanh()

    def logits(self, samples):
        return 3 * self(samples)


@pytest.fixture
def features():
    return SmoothFeatures()


@pytest.fixture
def reference():
    """Held-out points, float64 (40, 3)."""
    return torch.randn(40, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
