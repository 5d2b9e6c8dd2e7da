"""Progress that a person sees: what is called, what is written, and in a notebook what is displayed."""

from __future__ import annotations

import sys
import types

import pytest

import toys
from gansift import influence, training
from gansift.progress import progress, watched


def test_true_writes_lines_that_reach_the_end_and_a_function_is_called_as_before(capsys):
    with watched(True, "training", 20) as tell:
        for number in range(20):
            tell(number, {})
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("training: 10 %, about ")
    assert lines[-1] == "training: 100 %"
    seen = []
    with watched(seen.append, "training", 20) as tell:
        tell(3)
    assert seen == [3]
    with watched(None, "training", 20) as tell:
        assert tell is None


def test_a_phase_names_what_follows(caplog):
    caplog.set_level("INFO", "gansift")
    with progress("everything", 10, quiet=False) as bar:
        bar.name("training")
        bar(5)
        bar.name("scoring")
        bar(5)
    assert [text.partition(":")[0] for text in caplog.messages] == ["training", "scoring"]


class _Shown:
    """What IPython displays, as a notebook would."""

    def __init__(self):
        self.pictures = []

    def display(self, thing, display_id):
        self.pictures.append(thing._repr_html_())
        return types.SimpleNamespace(update=lambda again: self.pictures.append(again._repr_html_()))


@pytest.fixture
def notebook(monkeypatch):
    shown = _Shown()
    shell = types.ModuleType("IPython")
    shell.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    shell.display = types.ModuleType("IPython.display")
    shell.display.display = shown.display
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", shell.display)
    return shown


def test_a_notebook_shows_a_bar_that_ends_full(notebook):
    with watched(True, "training <1>", 4) as tell:
        for number in range(4):
            tell(number, {})
    assert "training &lt;1&gt;: 0 %" in notebook.pictures[0]
    assert '<progress value="4" max="4">' in notebook.pictures[-1]


def test_every_step_of_training_and_of_scoring_is_counted(capsys):
    settings = {"steps": 14, "batch_size": 4, "optimizers": training.SGD(lr=0.05), "dtype": "float64"}
    run = training.train(toys.gan(), toys.examples(), **settings, progress=True)
    influence.itd(run, toys.MeanWave(), progress=True)
    influence.rolling(run, toys.MeanWave(), progress=True)
    training.train_seeds(lambda seed: toys.gan(), toys.examples(), range(2), **settings, progress=True)
    said = capsys.readouterr().err
    assert "training seed 0: 100 %" in said
    assert "scoring: 100 %" in said
    assert "scoring 6 windows: 100 %" in said
    assert "training 2 seeds: 100 %" in said
