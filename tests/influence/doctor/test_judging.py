"""Metrics and features that are not what they say are found before anything is judged by them."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from gansift import games
from gansift.games.parameters import Layout
from gansift.influence.doctor.judging import features_faults, metric_faults
from gansift.metrics import NetMetric, SampleMetric


class Line(games.Game):
    def line_loss(self, net, batch, draw):
        return games.weighted_mean(net.line(batch.x).squeeze(1), batch.weight)

    def sample(self, net, count, draw):
        return net.line(draw.normal(count, 2))


def players(dtype):
    torch.manual_seed(0)
    line = nn.Linear(2, 3).to(dtype)
    return games.Trained(Line(line=line), {"line": Layout(line).flatten(line)})


class Square(SampleMetric):
    """The squared mean of samples, and its derivative."""

    name = "square"
    direction = "lower"

    def __init__(self):
        super().__init__(latents=50, seed=1)

    def features(self, samples):
        return samples

    def evaluate(self, features):
        return float(features.mean(0).square().sum()), (2 * features.mean(0) / len(features)).expand_as(features)


def faults(metric, gradient=True):
    return metric_faults(metric, players(torch.float32), players(torch.float64), gradient=gradient)


class Flipped(Square):
    def evaluate(self, features):
        value, slope = super().evaluate(features)
        return value, -slope


class Halved(Square):
    def evaluate(self, features):
        value, slope = super().evaluate(features)
        return value, slope / 2


class Chance(Square):
    def evaluate(self, features):
        value, slope = super().evaluate(features)
        return value + float(np.random.random()), slope


class NotANumber(Square):
    def evaluate(self, features):
        return math.nan, super().evaluate(features)[1]


class Failing(Square):
    def evaluate(self, features):
        raise ZeroDivisionError("no reference")


class Coarse(Square):
    """One that knows float32 alone."""

    def __init__(self):
        super().__init__()
        self.own = nn.Sequential(nn.Linear(3, 5), nn.SiLU()).requires_grad_(False)

    def features(self, samples):
        return self.own(samples)


class CoarseFlipped(Coarse):
    def evaluate(self, features):
        value, slope = super().evaluate(features)
        return value, -slope


@pytest.mark.parametrize("metric", [Square, Coarse])
def test_a_metric_that_is_what_it_says_has_no_fault(metric):
    assert faults(metric()) == []


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        (Flipped, "is not the derivative of its value"),
        (Halved, "is not the derivative of its value"),
        (CoarseFlipped, "is not the derivative of its value"),
        (Chance, "when it is asked again for the same players"),
        (NotANumber, "must be a finite float"),
        (Failing, "its value failed .* ZeroDivisionError: no reference"),
    ],
)
def test_a_metric_that_is_not_is_told_what_is_wrong(metric, said):
    _matched(faults(metric()), said)


def _matched(found, said):
    with pytest.raises(ValueError, match=said):
        raise ValueError("; ".join(found))


def test_a_gradient_that_nobody_needs_is_not_asked_for():
    assert faults(Flipped(), gradient=False) == []


def test_a_gradient_without_a_part_of_the_players_is_found():
    def function(game, net):
        weight = net.line.weight
        return weight.square().sum() + net.line.bias.square().sum().detach()

    _matched(faults(NetMetric(function, name="part", direction="lower")), "is not the derivative of its value")


def test_a_gradient_of_another_form_is_refused():
    class Bare:
        name, direction = "bare", "lower"

        def value(self, source):
            return 1.0

        def gradient(self, source):
            return {}

    _matched(faults(Bare()), "must be a dictionary with a vector for each player")


X = torch.linspace(-1, 1, 24).reshape(8, 3)


@pytest.mark.parametrize("function", [torch.sin, nn.Linear(3, 4), lambda x: functional.relu(x - 0.01)])
def test_features_of_each_example_by_itself_have_no_fault(function):
    assert features_faults(function, X, "own") == []


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: x - x.mean(0), "depend on the others"),
        (lambda x: (x - x.mean(0)) / (1 + x.std(0)), "depend on the others"),
        (lambda x: x.cumsum(0), "depend on the others"),
        (lambda x: functional.dropout(x, 0.5), "they draw random numbers"),
        (torch.log, "NaN or infinite for 4 of 8 examples"),
        (lambda x: x.detach() + 1, "have no gradient"),
        (lambda x: (4 * x).round(), "is 0 everywhere"),
        (lambda x: x * x.detach(), "is not the derivative of their values"),
        (lambda x: x.sum(1), r"must have shape \(8, d\)"),
        (lambda x: {}["weights"], "the features own failed"),
    ],
)
def test_features_that_are_not_what_they_should_be_are_told_what_is_wrong(function, said):
    _matched(features_faults(function, X, "own"), said)
