"""Gaps between groups: values are those counted by hand and fairlearn's, gradients those of differences."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from gansift import games, metrics
from gansift.data.columns import Column
from gansift.errors import UsageError
from gansift.games.parameters import Layout
from toys import Perceptron, examples


def people(count=200, seed=0):
    draw = torch.Generator().manual_seed(seed)
    columns = {
        "label": Column(torch.randint(0, 2, (count,), generator=draw), ("no", "yes")),
        "sex": Column(torch.randint(0, 2, (count,), generator=draw), ("f", "m")),
        "race": Column(torch.randint(0, 3, (count,), generator=draw), ("a", "b", "c")),
    }
    return replace(examples(count, seed=seed), columns=columns)


def trained(seed=0):
    torch.manual_seed(seed)
    game = games.Classifier(Perceptron(2, 2))
    return games.Trained(game, {"network": Layout(game.players["network"]).flatten(game.players["network"]).double()})


def by_hand(part, shares, criterion, protected, positive):
    """The largest difference between two groups, one row after the other."""
    largest = 0.0
    for name in protected:
        for which in {"dp": ["all"], "eopp": ["own"], "eo": ["own", "others"]}[criterion]:
            means = {}
            for group in range(len(part.columns[name].names)):
                own = []
                for row in range(len(part)):
                    label = int(part.labels[row])
                    fits = which == "all" or (label == positive) == (which == "own")
                    if fits and int(part.columns[name].values[row]) == group:
                        own.append(float(shares[row]))
                means[group] = sum(own) / len(own)
            largest = max(largest, *(abs(one - other) for one, other in itertools.combinations(means.values(), 2)))
    return largest


@pytest.mark.parametrize("criterion", ["dp", "eo", "eopp"])
@pytest.mark.parametrize(("protected", "positive"), [(("sex",), 1), (("sex", "race"), 0)])
def test_values_are_those_counted_by_hand(criterion, protected, positive):
    part, players = people(), trained()
    metric = metrics.gap(part, criterion, protected, positive)
    logits = players.game.predict(players.net(), part.x.double())
    soft = by_hand(part, logits.softmax(1)[:, positive], criterion, protected, positive)
    hard = by_hand(part, (logits.argmax(1) == positive).double(), criterion, protected, positive)
    assert metric.value(players) == pytest.approx(soft, rel=1e-12)
    assert metric.reported.value(players) == pytest.approx(hard, rel=1e-12)


@pytest.mark.parametrize("column", ["sex", "race"])
def test_the_reported_twins_are_fairlearns(column):
    fairness = pytest.importorskip("fairlearn.metrics")
    part, players = people(), trained()
    decided = players.game.predict(players.net(), part.x.double()).argmax(1).numpy()
    names = {
        "dp": "demographic_parity_difference",
        "eo": "equalized_odds_difference",
        "eopp": "equal_opportunity_difference",
    }
    for criterion, name in names.items():
        theirs = getattr(fairness, name)(
            part.labels.numpy(), decided, sensitive_features=part.columns[column].values.numpy()
        )
        assert metrics.gap(part, criterion, (column,)).reported.value(players) == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("criterion", ["dp", "eo", "eopp"])
def test_gradients_are_those_of_differences(criterion):
    metric, players = metrics.gap(people(), criterion, ("sex", "race")), trained()
    (gradient,) = metric.gradient(players).values()
    flat = players.parameters["network"]
    for row in range(0, len(flat), 4):
        values = []
        for change in (1e-5, -1e-5):
            moved = flat.clone()
            moved[row] += change
            values.append(metric.value(games.Trained(players.game, {"network": moved})))
        assert float(gradient[row]) == pytest.approx((values[0] - values[1]) / 2e-5, abs=1e-8)


def test_a_group_that_no_held_out_example_belongs_to_is_not_compared():
    part, players = people(), trained()
    absent = replace(part, columns={**part.columns, "race": Column(part.columns["sex"].values, ("a", "b", "c"))})
    assert metrics.gap(absent, "dp", ("race",)).value(players) == metrics.gap(part, "dp", ("sex",)).value(players)


def test_nothing_to_compare_is_refused():
    part = people()
    alone = replace(part, columns={**part.columns, "sex": Column(torch.zeros(len(part), dtype=torch.int64), ("f",))})
    with pytest.raises(UsageError, match=r"nothing to compare: .* sex has fewer than two groups"):
        metrics.gap(alone, "dp", ("sex",))
    with pytest.raises(UsageError, match="the examples have none"):
        metrics.gap(examples(8), "dp", ("sex",))
