"""How undecided predictions are: from 0 where they are sure to log C where all classes are alike."""

import math

import pytest
import torch

from gansift import games
from gansift.metrics.entropy import prediction_entropy
from toys import examples


def test_it_is_the_mean_over_all_chunks_of_the_entropy_in_nats(labelling):
    held_out = examples(700, seed=4)
    shares = labelling.game.players["only"](held_out.x.double()).softmax(1)
    expected = torch.distributions.Categorical(probs=shares).entropy().mean()
    assert prediction_entropy(held_out).value(labelling) == pytest.approx(expected.item(), rel=1e-12)


def test_it_is_log_of_the_number_of_classes_where_nothing_is_known(labelling):
    nothing = games.Trained(labelling.game, {"only": torch.zeros_like(labelling.parameters["only"])})
    assert prediction_entropy(examples(5, seed=1)).value(nothing) == pytest.approx(math.log(3))


def test_its_gradient_is_that_of_finite_differences(labelling):
    metric = prediction_entropy(examples(20, seed=2))
    flat, gradient = labelling.parameters["only"], metric.gradient(labelling)["only"]
    direction = torch.randn(flat.shape, dtype=flat.dtype, generator=torch.Generator().manual_seed(0))
    up, down = (metric.value(games.Trained(labelling.game, {"only": flat + t * direction})) for t in (1e-5, -1e-5))
    assert float(gradient @ direction) == pytest.approx((up - down) / 2e-5, rel=1e-6)
