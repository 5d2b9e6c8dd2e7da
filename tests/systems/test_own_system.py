"""The example of a system of one's own is what the page shows, and works like a built-in one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gansift import data, influence, training
from gansift.systems import build, manual
from gansift.systems.system import SYSTEMS

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/own_system.py"
PAGE = (ROOT / "docs/systems.md").read_text(encoding="utf-8")


def test_the_page_shows_the_example_and_every_built_in_system():
    pieces = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert pieces
    assert all(piece in EXAMPLE.read_text(encoding="utf-8") for piece in pieces)
    assert all(f"`{name}`" in PAGE for name in SYSTEMS)


def test_the_example_learns_and_its_examples_are_scored():
    spec = f"{EXAMPLE}:classifier"
    assert {setting.name: setting.help for setting in manual(spec).settings} == {
        "hidden": "width of the hidden layer", "lr": "learning rate",
    }  # fmt: skip
    splits = data.load("digits")
    system = build(spec, {"data": splits}, {"hidden": 8})
    judges = system.judges("class-loss")
    run = training.train(
        system.new_game(0), {"data": splits.train}, steps=100, batch_size=50, optimizers=system.optimizers
    )
    assert judges.test.reported.value(run) < 0.2
    assert influence.itd(run, judges.validation, 20).values.std() > 0
    assert judges.test.value(run) != pytest.approx(judges.validation.value(run), rel=1e-6)
