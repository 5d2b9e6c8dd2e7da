"""A classifier as a game of one player, against PyTorch's own steps and against weights that are changed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils import vector_to_parameters

from gansift import games, influence, metrics, models, training
from gansift.errors import TrainingError
from toys import examples, labelled

STEPS = 12


def _train(part=None, weights=None, steps=STEPS):
    torch.manual_seed(0)
    return training.train(
        games.Classifier(models.Labeller((2,), 5, 3)), labelled(examples(12)) if part is None else part,
        steps=steps, batch_size=4, optimizers=training.SGD(lr=0.3), seed=3, dtype="float64", weights=weights,
    )  # fmt: skip


def _loss_on_others():
    return metrics.class_loss(labelled(examples(9, seed=7, name="held out")))


def test_training_is_gradient_descent_on_the_mean_cross_entropy_by_weight():
    part = labelled(examples(4))
    weights = torch.tensor([1.0, 0.0, 2.0, 0.5], dtype=torch.float64)
    run = _train(part, weights, steps=1)
    network = run.step.game.players["network"].double()
    before, after = (run.state(number)["network"]["parameters"].double() for number in (0, 1))
    vector_to_parameters(before, network.parameters())
    losses = cross_entropy(network(part.x.double()), part.labels, reduction="none")
    ((losses * weights).sum() / 4).backward()
    slope = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
    torch.testing.assert_close(after, before - 0.3 * slope, rtol=1e-12, atol=1e-15)


def test_scores_are_the_derivatives_of_the_held_out_loss():
    run, metric, stride = _train(), _loss_on_others(), 1e-4
    scores = influence.itd(run, metric)

    def value(row, change):
        weights = run.weights.clone()
        weights[row] += change
        return metric.value(_train(weights=weights))

    expected = [(value(row, -stride) - value(row, stride)) / (2 * stride) for row in range(12)]
    np.testing.assert_allclose(scores.values, expected, rtol=1e-6, atol=1e-9)


def test_examples_without_labels_are_refused():
    with pytest.raises(TrainingError, match="learns labels, and the data set has none"):
        _train(examples(12))
