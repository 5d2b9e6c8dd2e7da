"""The audit of adaptation: between its bounds where they are known, and what features tell of the data set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from gansift import games
from gansift.audit import Subject, run_audit
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.games.parameters import Layout

REGRESSION = "sklearn.linear_model:LogisticRegression"


def points(seed, moved, count=200, names=("left", "right")) -> Examples:
    """Two kinds of points; in the target they lie elsewhere, so that a line for the source is of little use there."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=count)
    x = rng.normal(size=(count, 2)) * 0.5
    x[:, 0] += 2.0 * labels + 2.0 * moved
    return Examples.of(x, name=f"p{seed}", label=[names[one] for one in labels.tolist()])


def splits(seed, moved, **more) -> Splits:
    return Splits("points", *(points(seed + part, moved, **more) for part in range(3)))


class Fixed(games.Game):
    """Labels by where a point lies between two limits, one for each world; features with or without the shift."""

    def __init__(self, limit, shifted=True) -> None:
        self.limit, self.shifted = limit, shifted
        super().__init__(nothing=nn.Linear(1, 1))

    def nothing_loss(self, net, batch, draw):
        return net.nothing(batch.source.x[:, :1]).mean()

    def predict(self, net, x):
        return torch.stack([self.limit - x[:, 0], x[:, 0] - self.limit], 1)

    def represent(self, net, x):
        return x if self.shifted else x[:, 1:]


def run(limit, data=None, **more):
    game = Fixed(limit, **more)
    flat = {"nothing": Layout(game.players["nothing"]).flatten(game.players["nothing"])}
    data = data or {"source": splits(0, 0), "target": splits(10, 1)}
    return Subject("run", data, [games.Trained(game, flat)])


def audited(subject):
    return run_audit("adaptation", subject, classifier=REGRESSION, rounds=2)


def test_a_run_that_knows_target_closes_the_gap():
    answer = audited(run(3.0))  # in target the kinds are at 2 and at 4
    assert (answer.finding, answer.badge) == (False, "adaptation helps")
    assert answer.numbers["adapted"].value > 0.95
    assert answer.numbers["source_only"].value < 0.6
    assert answer.numbers["gap_closed"].value == pytest.approx(1, abs=0.05)
    rows = answer.tables["By class"].rows
    assert [row[0] for row in rows] == ["left", "right"]
    assert np.mean([row[1] for row in rows]) == pytest.approx(answer.numbers["adapted"].value)


def test_one_that_knows_source_alone_gains_nothing_and_one_that_knows_neither_harms():
    assert audited(run(1.0)).badge == "no gain shown"
    worse = {"source": splits(0, 0), "target": splits(10, 0)}
    answer = audited(run(3.0, worse))
    assert (answer.finding, answer.badge) == (True, "adaptation harms")


def test_a_fresh_probe_tells_where_examples_are_from_if_the_features_do():
    assert audited(run(3.0)).numbers["domain"].value > 0.8
    low, high = audited(run(3.0, shifted=False)).numbers["domain"].ci95
    assert low - 0.05 < 0.5 < high + 0.05


def test_the_same_network_before_and_after_is_drawn_with_what_it_gets_right():
    data = {"source": splits(0, 0), "target": splits(10, 1)}
    asked = []

    def variants(changes, count):
        asked.append((changes, count))
        return run(1.0, data).players  # what source alone would teach

    subject = replace(run(3.0, data, shifted=False), variants=variants)
    subject.players[0].game.most = 0.5
    answer = audited(subject)
    charts = answer.scatters
    assert asked == [({"most": 0.0}, 1)]
    assert list(charts) == ["Features before adaptation", "Features after adaptation"]
    before, after = charts.values()
    assert {name: len(x) for name, (x, _) in before.points.items()} == {"source": 200, "target": 200}
    apart = [np.mean(chart.points["target"][0]) - np.mean(chart.points["source"][0]) for chart in (before, after)]
    assert abs(apart[0]) > 1.5  # target lies elsewhere until the coordinate of the shift is gone
    assert abs(apart[1]) < 0.2
    truth = data["target"].test
    for chart, limit in ((before, 1.0), (after, 3.0)):
        right = ((truth.x[:, 0] > limit).long() == truth.labels).double()
        by_class = np.mean([right[truth.labels == label].mean() for label in (0, 1)])
        assert f"labels {100 * by_class:.1f} % of target right" in chart.note
        if chart is before:
            assert answer.numbers["own_source_only"].value == pytest.approx(by_class)
            table = answer.tables["By class"]
            own = table.columns.index("its network, source alone")
            assert np.mean([row[own] for row in table.rows]) == pytest.approx(by_class)
            assert f"its own network that was trained on source alone ({100 * by_class:.1f} %)" in answer.verdict


def test_what_adaptation_does_is_told_by_the_same_networks_without_it():
    """A training that ended too early is beaten by any classifier, whatever adaptation does to it."""
    data = {"source": splits(0, 0), "target": splits(10, 0)}  # nothing to adapt to, and the classifier knows all

    def audit_beside(adapted, without):
        subject = Subject("run", data, [run(limit, data).players[0] for limit in adapted])
        subject.players[0].game.most = 0.5
        others = [run(limit, data).players[0] for limit in without]
        return audited(replace(subject, variants=lambda changes, count: others[:count]))

    early = audit_beside((2.0, 2.2), (2.2, 2.0))
    assert early.numbers["gain"].ci95[1] < 0
    assert (early.finding, early.badge) == (None, "no gain shown")
    better = audit_beside((1.6, 1.6), (2.2, 2.4))
    assert (better.finding, better.badge) == (False, "adaptation helps")
    gained = _sure(1.6, data) - (_sure(2.2, data) + _sure(2.4, data)) / 2
    assert better.numbers["own_gain"].value == pytest.approx(gained)
    worse = audit_beside((2.2, 2.4), (1.6, 1.6))
    assert (worse.finding, worse.badge) == (True, "adaptation harms")


def _sure(limit, data):
    """The mean over classes of the share that a limit labels right."""
    test = data["target"].test
    right = ((test.x[:, 0] > limit).long() == test.labels).double()
    return np.mean([right[test.labels == label].mean() for label in (0, 1)])


def test_without_a_way_back_or_a_domain_loss_only_the_run_itself_is_drawn():
    def never(changes, count):
        raise AssertionError

    without_loss = replace(run(3.0), variants=never)
    without_loss.players[0].game.most = 0.0
    with_loss = run(3.0)
    with_loss.players[0].game.most = 0.5
    broken = replace(with_loss, variants=lambda changes, count: [None])
    for subject in (without_loss, with_loss, broken):
        answer = audited(subject)
        assert list(answer.scatters) == ["Features after adaptation"]
        assert "own_source_only" not in answer.numbers
        assert "its network, source alone" not in answer.tables["By class"].columns


def test_labels_are_compared_by_their_names():
    data = {"source": splits(0, 0), "target": splits(10, 1)}
    other = {**data, "source": splits(0, 0, names=("right", "left"))}
    assert data["source"].train.class_names == other["source"].train.class_names
    answer = audited(run(3.0, other))
    assert answer.numbers["adapted"].value > 0.95
    assert answer.numbers["source_only"].value < 0.6


def test_what_cannot_be_audited_is_refused():
    with pytest.raises(UsageError, match="source and target, which data is not"):
        audited(Subject("data", {"data": splits(0, 0)}))
    classifier = games.Classifier(nn.Linear(2, 2))
    flat = {"network": Layout(classifier.players["network"]).flatten(classifier.players["network"])}
    with pytest.raises(UsageError, match="that of run has not both"):
        audited(Subject("run", {"source": splits(0, 0), "target": splits(10, 1)}, [games.Trained(classifier, flat)]))
