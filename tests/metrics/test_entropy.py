"""How undecided predictions are: from 0 where they are sure to log C where all classes are alike."""

import math

import pytest
import torch

from gansift import games
from gansift.games.parameters import Layout
from gansift.metrics.entropy import prediction_entropy
from toys import Perceptron, examples


class Classifier(games.Game):
    def only_loss(self, net, batch, draw):
        return games.weighted_mean(self.predict(net, batch.x)[:, 0], batch.weight)

    def predict(self, net, x):
        return net.only(x)


@pytest.fixture
def trained():
    torch.manual_seed(0)
    game = Classifier(only=Perceptron(2, 3).double())
    return games.Trained(game, {"only": Layout(game.players["only"]).flatten(game.players["only"])})


def test_it_is_the_mean_over_all_chunks_of_the_entropy_in_nats(trained):
    held_out = examples(700, seed=4)
    shares = trained.game.players["only"](held_out.x.double()).softmax(1)
    expected = torch.distributions.Categorical(probs=shares).entropy().mean()
    assert prediction_entropy(held_out).value(trained) == pytest.approx(expected.item(), rel=1e-12)


def test_it_is_log_of_the_number_of_classes_where_nothing_is_known(trained):
    nothing = games.Trained(trained.game, {"only": torch.zeros_like(trained.parameters["only"])})
    assert prediction_entropy(examples(5, seed=1)).value(nothing) == pytest.approx(math.log(3))


def test_its_gradient_is_that_of_finite_differences(trained):
    metric = prediction_entropy(examples(20, seed=2))
    flat, gradient = trained.parameters["only"], metric.gradient(trained)["only"]
    direction = torch.randn(flat.shape, dtype=flat.dtype, generator=torch.Generator().manual_seed(0))
    up, down = (metric.value(games.Trained(trained.game, {"only": flat + t * direction})) for t in (1e-5, -1e-5))
    assert float(gradient @ direction) == pytest.approx((up - down) / 2e-5, rel=1e-6)
