"""The README's Python snippet and commands are run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from predicts import correlation

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def snippet(tmp_path_factory):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("readme"))
        exec(compile(code, "README.md", "exec"), names)
    return names


def test_the_snippet_removes_what_hurts(snippet):
    scores, fid, run, again = (snippet[name] for name in ("scores", "fid", "run", "again"))
    assert len(scores) == len(snippet["splits"].train)
    assert fid.value(again) < fid.value(run)
    assert scores.harmful(40).sum() < 0


def test_summed_scores_rank_random_removals_as_retraining_does(snippet):
    """On digits with the README's settings: 20 random removals of 2 % from the whole run."""
    run, fid = snippet["run"], snippet["fid"]
    assert correlation(run, fid, run.steps, removals=20)["spearman"] >= 0.95
