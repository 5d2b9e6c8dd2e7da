"""The README's Python snippet and commands are run as they stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from predicts import correlation

from tiny_run import gansift

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


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


def _blocks() -> list[list[str]]:
    """The commands on one's own data, then those that ask whether to trust a run."""
    _, own, trust = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    return [line.partition("#")[0].split() for line in (own + trust).splitlines()]


def _inline() -> list[list[str]]:
    """The commands within tables and sentences that do something."""
    found = [" ".join(code.split()).split() for code in re.findall(r"`(gansift [^`]*)`", README)]
    return [words for words in found if len(words) > 2 and "--help" not in words and "RUN" not in words]


SHORT = [
    "--for-this-model",
    "--steps", "6", "--seeds", "1", "--horizons", "all", "--remove", "3", "--batch", "20", "--verify", "4",
    "--jobs", "1",
]  # fmt: skip
SMALL = ["--latents", "50", "--width", "4"]


def _images(folder, side):
    for row in range(120):
        pixels = np.random.default_rng(row).integers(0, 255, (side, side), dtype=np.uint8)
        named = folder / "abc"[row % 3]
        named.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(named / f"{row}.png")


@pytest.mark.slow
def test_the_commands_on_ones_own_images_do_what_they_say(tmp_path, monkeypatch):
    """As they stand in the README, but for flags that make networks and trainings small."""
    monkeypatch.chdir(tmp_path)
    _images(tmp_path / "path/to/images", 8)
    commands = _blocks()
    assert [command[1] for command in commands] == [
        "data", "run", "audit", "export", "about", "doctor", "verify", "cleanse",
    ]  # fmt: skip
    for _, *arguments in commands:
        extra = {"run": [*SHORT, *SMALL], "doctor": ["--batch", "20"]}.get(arguments[0], [])
        # The verdict on scores of such a short training, and the audit's, may go either way.
        codes = (0, 3) if arguments[0] in ("verify", "audit") else (0,)
        assert gansift(*arguments, *extra).exit_code in codes, arguments
    assert (tmp_path / "runs/images/report.html").is_file()
    kept = (tmp_path / "runs/images/kept.txt").read_text().split()
    assert len(list((tmp_path / "clean-images/train").rglob("*.png"))) == len(kept) > 0
    cleanse = next(words for words in _inline() if "--metric" in words)
    assert cleanse == ["gansift", "cleanse", "runs/images", "--metric", "kid"]
    trained = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/images/seeds/*/checkpoints/*")}
    assert gansift(*cleanse[1:]).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in trained} == trained
    assert json.loads((tmp_path / "runs/images/report.json").read_text())["metric"].startswith("kid")


@pytest.mark.slow
def test_the_systems_of_the_table_are_trained_by_their_commands(tmp_path, monkeypatch):
    """As they stand there, but for flags that make networks and trainings small."""
    monkeypatch.chdir(tmp_path)
    _images(tmp_path / "photos", 70)
    (tmp_path / "mine.py").write_text(
        (ROOT / "examples/own_system.py").read_text().replace("def classifier", "def system")
    )
    random = np.random.default_rng(0)
    rows = [f"{random.normal():.3f},{'<>'[row % 2]}50K,{'mf'[row // 2 % 2]}" for row in range(200)]
    (tmp_path / "adult.csv").write_text("\n".join(["age,income,sex", *rows]))
    tiny = {
        "photos/": [*SMALL, "--most", "4", "--depth", "1", "--until", "train"],  # StyleGAN2, which takes its time
        "source=mnist": ["--hidden", "4"],
        "adult.csv": ["--hidden", "4"],
    }
    commands = [words for words in _inline() if words[1] == "run" and words[2] in tiny]
    assert len(commands) == 3
    for _, *arguments in commands:
        more = [*SHORT, *tiny[arguments[1]], "--baselines", "none", "--quiet"]
        assert gansift(*arguments, *more).exit_code == 0, arguments
    assert len(list((tmp_path / "runs").glob("*/seeds/0/values/*.json"))) == 3
    assert len(list((tmp_path / "runs").glob("*/report.html"))) == 2


def test_the_other_commands_are_those_that_are_run_elsewhere():
    others = {" ".join(words[1:]) for words in _inline()}
    assert {words.partition(" ")[0] for words in others} == {"run", "cleanse"}


def test_every_link_and_every_named_test_exists():
    for page in (ROOT / "README.md", *ROOT.glob("docs/*.md")):
        text = page.read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^):]+)\)", text):
            assert (page.parent / link.partition("#")[0]).exists(), f"{page.name}: {link}"
    table = (ROOT / "docs/traps.md").read_text(encoding="utf-8")
    file = ""
    for named, test in re.findall(r"`([\w/]*\.?p?y?)::(test_\w+)`", table):
        file = named or file
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), f"{file}::{test}"


@pytest.mark.slow
def test_summed_scores_rank_random_removals_as_retraining_does(snippet):
    """On digits with the README's settings: 20 random removals of 2 % from the whole run."""
    run, fid = snippet["run"], snippet["fid"]
    assert correlation(run, fid, run.steps, removals=20)["spearman"] >= 0.95
