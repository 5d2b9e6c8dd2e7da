"""A run directory of somebody else runs none of the code that it names before the reader confirms it."""

from __future__ import annotations

import json

import pytest
import torch

from gansift import trusted
from gansift.errors import UsageError
from gansift.workflow import place
from gansift.workflow.config import checksum
from tiny_run import gansift

MARK = "from pathlib import Path\nPath(__file__).with_name('it was run').touch()\n"
EVIL = {
    "game": ("evil.py", MARK + "def game(data, *, width: int = 4): raise RuntimeError\n", ":game"),
    # An annotation is evaluated to tell the flags, which can be made to run anything.
    "annotated": ("evil.py", "def game(data, *, width: [c for c in ().__class__.__mro__] = 4): 1\n" + MARK, ":game"),
    "metric": ("evil.py", MARK + "class Metric: pass\n", ":Metric"),
    "features": ("evil.py", MARK + "def features(x): return x\n", ":features"),
}
READING = [
    ["report"], ["evaluate"], ["evaluate", "--metric", "kid"], ["score"], ["cleanse"], ["verify"], ["doctor"],
    ["estimate"], ["export", "--format", "weights"],
]  # fmt: skip


@pytest.fixture(autouse=True)
def somebody(tmp_path, monkeypatch):
    """The reader, who has named nothing yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(trusted, "_told", set())
    place._built.cache_clear()


def _given(folder, kind):
    """The run as a stranger hands it over: its configuration names a file that lies in it."""
    name, text, what = EVIL[kind]
    (folder / name).write_text(text)
    _configure(folder, **{"game" if kind == "annotated" else kind: f"{folder / name}{what}"})


def _configure(folder, **settings):
    """Other settings of a run, as somebody writes them who knows how."""
    config = json.loads((folder / "config.json").read_text()) | settings
    del config["checksum"]
    (folder / "config.json").write_text(json.dumps(config | {"checksum": checksum(config)}))


@pytest.mark.parametrize("kind", EVIL)
def test_no_verb_that_reads_a_run_executes_what_it_names(folder, tmp_path, kind):
    _given(folder, kind)
    verbs = [*READING, ["audit"]]
    for number, (verb, *flags) in enumerate(verbs):
        if kind == "metric" and "--metric" in flags:
            continue  # the reader names another one, and the run's own is not looked at
        arguments = {"audit": ["copies", folder], "export": [folder, tmp_path / f"out{number}"]}.get(verb, [folder])
        with pytest.raises(UsageError, match=rf"{folder / 'evil.py'} \(SHA-256 [0-9a-f]{{64}}\).*--trust"):
            gansift(verb, *arguments, *flags)
    assert not (folder / "it was run").exists()


def test_once_confirmed_it_is_executed_and_remembered(folder):
    _given(folder, "game")
    for flags in (["--trust"], []):
        place._built.cache_clear()
        with pytest.raises(UsageError, match="must be a function that can be called"):
            gansift("evaluate", folder, *flags)
        assert (folder / "it was run").exists()


def test_a_question_of_the_report_is_no_way_in_either(folder):
    _given(folder, "features")
    config = json.loads((folder / "config.json").read_text())
    report = json.loads((folder / "report.json").read_text())
    report["settings"]["features"] = config["features"]
    (folder / "report.json").write_text(json.dumps(report))
    _configure(folder, features="auto")
    with pytest.raises(UsageError, match="--trust"):
        gansift("audit", "copies", folder)
    assert not (folder / "it was run").exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_torchscript_file_is_code(folder):
    class Flat(torch.nn.Module):
        def forward(self, x):
            return x.flatten(1)

    torch.jit.save(torch.jit.script(Flat()), folder / "features.pt")
    _configure(folder, features=str(folder / "features.pt"))
    with pytest.raises(UsageError, match=r"features\.pt \(SHA-256"):
        gansift("evaluate", folder)


def test_whoever_made_a_run_reads_it_without_being_asked(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("def features(x):\n    return x.flatten(1)\n")
    spec = f"{tmp_path / 'mine.py'}:features"
    flags = ["--steps", 2, "--seeds", 1, "--width", 4, "--latents", 20, "--jobs", 1, "--batch", 20, "--quiet"]
    made = gansift(
        "run",
        "normal-1d",
        "--outdir",
        tmp_path / "run",
        "--metric",
        "fid",
        "--features",
        spec,
        "--until",
        "train",
        *flags,
    )
    assert made.exit_code == 0
    monkeypatch.setattr(trusted, "_told", set())  # another day
    place._built.cache_clear()
    assert gansift("evaluate", tmp_path / "run").exit_code == 0
