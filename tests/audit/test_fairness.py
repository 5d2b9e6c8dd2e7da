"""The audit of fairness: what it finds where the truth is known, in data and representations; what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from torch import nn

from gansift import games
from gansift.audit import Subject, run_audit
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.games.parameters import Layout

COUNT = 900


def people(effect=1.5, seed=0, count=COUNT, groups=("f", "m")) -> Splits:
    """Three numbers: one tells the label, one the group; the label depends on the group as far as ``effect`` says."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(3):
        group = rng.integers(len(groups), size=count)
        merit = rng.normal(size=count)
        label = merit + effect * (group == 1) + 0.5 * rng.normal(size=count) > 0.5 + effect / 2
        x = np.stack([merit, group + 0.3 * rng.normal(size=count), rng.normal(size=count)], 1)
        parts.append(
            Examples.of(x, label=np.where(label, "yes", "no").tolist(), sex=[groups[one] for one in group.tolist()])
        )
    return Splits("people", *parts)


class Chosen(games.Game):
    """A representation that is some of the numbers of an example."""

    def __init__(self, *places: int) -> None:
        self.places = list(places)
        super().__init__(nothing=nn.Linear(1, 1))

    def nothing_loss(self, net, batch, draw):
        return net.nothing(batch.x[:, :1]).mean()

    def represent(self, net, x):
        return x[:, self.places]


def run(splits, *places, name="run"):
    game = Chosen(*places)
    flat = {"nothing": Layout(game.players["nothing"]).flatten(game.players["nothing"])}
    return Subject(name, {"people": splits}, [games.Trained(game, flat)])


def audited(*subjects, **settings):
    return run_audit("fairness", *subjects, **{"cells": 0} | settings)


def data_alone(splits):
    return Subject("people", {"people": splits})


def test_decisions_that_follow_a_group_are_found_and_decisions_that_do_not_are_not():
    answer = audited(data_alone(people()))
    assert answer.finding is True
    assert answer.numbers["plain classifier: dp"].value > 0.3
    assert answer.numbers["plain classifier: auditor of sex"].value > 0.9
    found = [audited(data_alone(people(effect=0, seed=seed))).finding for seed in range(6)]
    assert sum(found) <= 1


@pytest.mark.parametrize("classifier", ["trees", "network"])
def test_a_representation_without_the_group_lowers_the_difference_and_one_with_it_does_not(classifier):
    splits = people()
    hiding = audited(run(splits, 0), classifier=classifier)
    assert (hiding.finding, hiding.badge) == (False, "difference lowered")
    dp, auditor = (hiding.numbers[f"representation: {what}"] for what in ("dp", "auditor of sex"))
    assert dp.ci95[1] < hiding.numbers["plain classifier: dp"].ci95[0]
    assert auditor.ci95[0] < 0.55
    telling = audited(run(splits, 0, 1), classifier=classifier)
    assert (telling.finding, telling.badge) == (True, "difference not lowered")
    assert telling.numbers["representation: auditor of sex"].value > 0.9


def test_a_run_is_judged_by_its_own_criterion():
    """What tells the group besides what tells the label: shares differ, and not among those with one label."""
    rng = np.random.default_rng(0)
    parts = []
    for _ in range(3):
        group = rng.integers(2, size=COUNT)
        label = rng.random(COUNT) < np.where(group == 1, 0.7, 0.3)
        x = np.stack([label + 0.2 * rng.normal(size=COUNT), group + 0.2 * rng.normal(size=COUNT)], 1)
        parts.append(Examples.of(x, label=np.where(label, "yes", "no").tolist(), sex=group.tolist()))
    subject = run(Splits("people", *parts), 0)
    answers = {}
    for criterion in ("dp", "eo"):
        subject.players[0].game.criterion = criterion
        answers[criterion] = audited(subject)
    assert "demographic parity" in answers["dp"].verdict
    assert "equalized odds" in answers["eo"].verdict
    dp, eo = (answers["eo"].numbers[f"representation: {what}"].value for what in ("dp", "eo"))
    assert dp > 0.3 > 0.1 > eo


def test_half_the_weight_on_whom_the_difference_comes_from_lowers_it_and_on_others_raises_it():
    table = audited(data_alone(people()), cells=8).tables["Training rows that count half"]
    names = [row[0] for row in table.rows]
    assert set(names) == {"sex: f, yes", "sex: f, not yes", "sex: m, yes", "sex: m, not yes"}
    assert set(names[:2]) == {"sex: m, yes", "sex: f, not yes"}
    assert sum(row[1] for row in table.rows) == COUNT


def test_base_rates_are_counted_over_all_splits():
    splits = people()
    table = audited(data_alone(splits)).tables["Base rates"]
    labels, sexes = (
        np.concatenate([np.array(part.columns[name].names)[part.columns[name].values] for part in parts(splits)])
        for name in ("label", "sex")
    )
    for (called, count, told), sex in zip(table.rows, "fm", strict=True):
        own = labels[sexes == sex] == "yes"
        assert (called, count) == (f"sex: {sex}", len(own))
        assert told.startswith(f"{own.mean():.3f} (")


def parts(splits):
    return splits.train, splits.valid, splits.test


def test_the_positive_label_turns_equal_opportunity_round():
    splits = people()
    one, other = (audited(data_alone(splits), positive=name).numbers for name in ("yes", "no"))
    for what in ("accuracy", "dp", "eo"):
        assert one[f"plain classifier: {what}"].value == pytest.approx(
            other[f"plain classifier: {what}"].value, abs=1e-6
        )
    assert one["plain classifier: eopp"].value != other["plain classifier: eopp"].value


def test_further_runs_stand_beside_the_first():
    splits = people()
    answer = audited(run(splits, 0, name="hiding"), run(splits, 0, 1, name="telling"))
    assert [row[0] for row in answer.tables["Decisions"].rows] == ["the data themselves", "hiding", "telling"]
    assert set(answer.curves["Accuracy against difference"].lines) == {
        "the data themselves", "hiding", "telling", "all runs",
    }  # fmt: skip
    alike = audited(run(splits, 0), run(splits, 0, 1))
    assert [row[0] for row in alike.tables["Decisions"].rows] == ["the data themselves", "run (1)", "run (2)"]
    with pytest.raises(UsageError, match="hiding is a run on other data"):
        audited(run(splits, 0), run(people(seed=1), 0, name="hiding"))


def test_a_group_with_few_members_is_not_judged():
    few = people(count=40, groups=("f", "m", "x", "y", "z"))
    answer = audited(data_alone(few))
    assert answer.finding is None
    assert "and at least 10 are needed" in answer.verdict
    assert len(answer.tables["Base rates"].rows) == 5


def test_a_group_that_only_a_test_example_belongs_to_is_not_judged():
    splits = people()
    columns = dict(splits.test.columns)
    values = columns["sex"].values.clone()
    values[0] = 2
    columns["sex"] = replace(columns["sex"], values=values, names=("f", "m", "x"))
    train = replace(
        splits.train,
        columns=splits.train.columns | {"sex": replace(splits.train.columns["sex"], names=("f", "m", "x"))},
    )
    answer = audited(data_alone(replace(splits, train=train, test=replace(splits.test, columns=columns))))
    assert answer.finding is None
    assert "sex: x has" in answer.verdict


def test_what_cannot_be_audited_is_refused():
    splits = people()
    with pytest.raises(
        UsageError, match="--protected race: people has no such column of two groups or more; it has sex"
    ):
        audited(data_alone(splits), protected="race")
    with pytest.raises(UsageError, match="--positive maybe: there is no such label; choose from no, yes"):
        audited(data_alone(splits), positive="maybe")
    bare = [replace(part, columns={"label": part.columns["label"]}) for part in parts(splits)]
    with pytest.raises(UsageError, match="no column of two groups or more: name it with --group"):
        audited(data_alone(Splits("people", *bare)))
    classifier = games.Classifier(nn.Linear(3, 2))
    flat = {"network": Layout(classifier.players["network"]).flatten(classifier.players["network"])}
    with pytest.raises(UsageError, match="the game of run makes none; audit the data instead"):
        audited(Subject("run", {"people": splits}, [games.Trained(classifier, flat)]))
