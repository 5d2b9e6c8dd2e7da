"""The loss of held-out labels, and its reported twin, the share of errors."""

from __future__ import annotations

import pytest
import torch

from gansift import games, metrics
from gansift.errors import UsageError
from toys import examples, labelled


@pytest.fixture
def held_out():
    return labelled(examples(700, seed=4))


def test_it_is_the_mean_over_all_chunks_of_minus_log_probability(labelling, held_out):
    metric = metrics.class_loss(held_out, name="target-loss")
    logits = labelling.game.players["only"](held_out.x.double())
    probabilities = logits.exp() / logits.exp().sum(1, keepdim=True)
    expected = -probabilities[torch.arange(700), held_out.labels].log().mean()
    assert metric.value(labelling) == pytest.approx(expected.item(), rel=1e-12)
    wrong = (probabilities.argmax(1) != held_out.labels).double().mean()
    assert (metric.reported.name, metric.reported.value(labelling)) == ("target-error", pytest.approx(wrong.item()))


def test_its_gradient_is_that_of_finite_differences(labelling, held_out):
    metric = metrics.class_loss(held_out)
    flat, gradient = labelling.parameters["only"], metric.gradient(labelling)["only"]
    direction = torch.randn(flat.shape, dtype=flat.dtype, generator=torch.Generator().manual_seed(0))

    def at(t):
        return metric.value(games.Trained(labelling.game, {"only": flat + t * direction}))

    assert float(gradient @ direction) == pytest.approx((at(1e-5) - at(-1e-5)) / 2e-5, rel=1e-7)


def test_examples_without_labels_are_refused():
    with pytest.raises(
        UsageError, match="target-loss compares predicted labels with those of target's, which have none"
    ):
        metrics.class_loss(examples(), name="target-loss", what="target's")
