"""The README's Python snippet and commands are run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from predicts import correlation

from tiny_run import gansift

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


def _commands() -> list[list[str]]:
    _, images, trust = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    return [line.partition("#")[0].split() for line in (images + trust).splitlines()]


@pytest.mark.slow
def test_the_commands_on_ones_own_images_do_what_they_say(tmp_path, monkeypatch):
    """As they stand in the README, but for flags that make networks and trainings small."""
    monkeypatch.chdir(tmp_path)
    images = tmp_path / "path/to/images"
    for row in range(90):
        pixels = np.random.default_rng(row).integers(0, 255, (8, 8), dtype=np.uint8)
        folder = images / "abc"[row % 3]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{row}.png")
    short = [
        "--steps", "6", "--seeds", "1", "--horizons", "0.03", "--remove", "3", "--latents", "50", "--batch", "20",
        "--width", "4", "--verify", "4", "--jobs", "1",
    ]  # fmt: skip
    commands = _commands()
    assert [command[1] for command in commands] == ["data", "run", "run", "export", "doctor", "verify", "cleanse"]
    for _, *arguments in commands:
        extra = short if arguments[0] == "run" else ["--batch", "20"] if arguments[0] == "doctor" else []
        # The verdict on scores of such a short training may go either way.
        assert gansift(*arguments, *extra).exit_code in ((0, 3) if arguments[0] == "verify" else (0,))
    assert (tmp_path / "runs/images/report.html").is_file()
    assert (tmp_path / "runs/mnist/report.html").is_file()
    kept = (tmp_path / "runs/images/kept.txt").read_text().split()
    assert len(list((tmp_path / "clean-images").rglob("*.png"))) == len(kept) > 0


def test_every_link_and_every_named_test_exists():
    root = Path(__file__).parent.parent
    for page in (root / "README.md", *root.glob("docs/*.md")):
        text = page.read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^):]+)\)", text):
            assert (page.parent / link.partition("#")[0]).exists(), f"{page.name}: {link}"
    table = (root / "docs/traps.md").read_text(encoding="utf-8")
    file = ""
    for named, test in re.findall(r"`([\w/]*\.?p?y?)::(test_\w+)`", table):
        file = named or file
        assert f"def {test}(" in (root / "tests" / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_summed_scores_rank_random_removals_as_retraining_does(snippet):
    """On digits with the README's settings: 20 random removals of 2 % from the whole run."""
    run, fid = snippet["run"], snippet["fid"]
    assert correlation(run, fid, run.steps, removals=20)["spearman"] >= 0.95
