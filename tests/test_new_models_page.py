"""What docs/new-models.md shows in Python is run as it stands there, but for numbers that make it quick."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from gansift import data

PAGE = (Path(__file__).parent.parent / "docs/new-models.md").read_text(encoding="utf-8")
QUICK = {
    "steps=1440": "steps=14",
    "latents=2000": "latents=50",
    "range(4)": "range(2)",
    "range(2000, 2016)": "range(2000, 2002)",
}


@pytest.fixture(scope="module")
def names():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    for usual, quick in QUICK.items():
        assert usual in code
        code = code.replace(usual, quick)
    names: dict = {}
    exec(compile(code, "docs/new-models.md", "exec"), names)
    return names


def test_the_snippet_averages_all_windows_of_the_scored_seeds(names):
    scores, looks = names["scores"], names["looks"]
    assert scores.seeds == (0, 1)
    assert scores.looks == sum(map(len, looks)) > 2
    assert len(scores) == len(names["splits"].train) == 1082
    assert np.isfinite(scores.errors).all()


def test_the_snippets_kinds_are_those_that_were_planted_and_their_effects_sums(names):
    kinds = {group.name: group for group in names["kinds"]}
    planted = data.load("digits-dirty", seed=0).train.columns["kind"]
    assert {f"kind {name}" for name in planted.names} <= set(kinds)
    noise = kinds["kind noise"]
    assert len(noise.ids) == 24
    (effect,) = names["influence"].group_effects(names["looks"], [noise])
    scores = names["scores"]
    assert effect.predicted == pytest.approx(sum(scores.values[scores.rows[identity]] for identity in noise.ids))


def test_the_snippets_change_is_the_mean_over_fresh_seeds_on_test_data(names):
    found = names["cleansing"].crossed(names["changes"])
    assert len(names["changes"]) == 2
    assert found.mean == pytest.approx(np.mean([change.value for change in names["changes"]]))
    assert found.of_examples > 0
    assert found.of_latents > 0
