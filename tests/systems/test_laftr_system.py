"""Fair representations as a system: what they need of a table, and what their settings do."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gansift import data
from gansift.data import Examples, Splits
from gansift.errors import UsageError
from gansift.systems import build
from tiny_system import Tiny

TINY = Tiny(
    {"data": "diabetes"},
    {"hidden": 6, "lr": 0.01, "audits": 2, "gamma": 0.1},
    "class-loss",
    ("diabetes", "--game", "laftr", "--hidden", "4", "--audits", "1"),
    "label slow",
    batch={"data": 8},
)


@pytest.fixture(scope="module")
def patients():
    return data.load("diabetes", seed=0)


def test_protected_columns_are_all_but_the_label(patients):
    game = build("laftr", {"d": patients}, {}).new_game(0)
    assert game.groups == {"sex": 2}
    assert (game.labels, game.positive, patients.train.class_names) == (2, 1, ("fast", "slow"))
    assert build("laftr", {"d": patients}, {"positive": "fast"}).new_game(0).positive == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"criterion": "eo", "gamma": 2.0}, {"criterion": "eo", "gamma": 2.0, "auditing": "ce", "beta": 0.0}),
        ({"audit_by": "l1", "beta": 0.5}, {"criterion": "dp", "auditing": "l1", "beta": 0.5}),
    ],
)
def test_settings_decide_the_game_and_the_metric_that_is_asked_about(patients, settings, said):
    system = build("laftr", {"d": patients}, settings)
    found = system.new_game(0).settings()
    assert {name: found[name] for name in said} == said
    assert system.defaults["metric"] == f"{settings.get('criterion', 'dp')}-gap"
    assert ("decoder" in system.new_game(0).players) == ("beta" in settings)


def test_validation_and_test_are_judged_by_their_own_examples(patients):
    system = build("laftr", {"d": patients}, {})
    for name in ("dp-gap", "eo-gap", "eopp-gap"):
        judges = system.judges(name)
        assert judges.validation.reference is patients.valid
        assert judges.test.reference is patients.test


def test_it_takes_images(patients):
    generator = torch.Generator().manual_seed(0)
    parts = [
        Examples.of(torch.rand(12, 1, 8, 8, generator=generator), label=["a", "b"] * 6, site=["x", "y", "z"] * 4)
        for _ in range(3)
    ]
    game = build("laftr", {"d": Splits("noise", *parts)}, {}).new_game(0)
    assert game.groups == {"site": 3}
    with pytest.raises(UsageError, match="--beta: only rows"):
        build("laftr", {"d": Splits("noise", *parts)}, {"beta": 1.0})


def test_what_it_cannot_work_with_is_refused(patients):
    bare = [
        replace(part, columns={"label": part.columns["label"]})
        for part in (patients.train, patients.valid, patients.test)
    ]
    with pytest.raises(UsageError, match="no column of two groups or more: name it with --group"):
        build("laftr", {"d": Splits("bare", *bare)}, {})
    with pytest.raises(UsageError, match="learns labels of two classes"):
        build("laftr", {"d": data.load("normal-2d", seed=0)}, {})
    with pytest.raises(UsageError, match="--positive sick: there is no such label; choose from fast, slow"):
        build("laftr", {"d": patients}, {"positive": "sick"})
