"""What docs/own-game.md shows is what lies in examples/, and its commands do what they say."""

from __future__ import annotations

import gzip
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gansift.data import load_sets
from gansift.errors import UsageError
from gansift.influence.scores import Scores
from gansift.training import Adam, train
from tiny_run import gansift

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/own-game.md").read_text(encoding="utf-8")
SHORT = [
    "--for-this-model",
    "--steps", "34", "--seeds", "2", "--horizons", "1", "--remove", "20", "--latents", "50", "--jobs", "1",
    "--verify", "0", "--baselines", "none", "--quiet",
]  # fmt: skip


def _examples() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "examples").glob("*.py")}


def test_every_piece_of_code_on_the_page_lies_in_an_example():
    pieces = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(pieces) >= 6
    for piece in pieces:
        assert any(piece in text for text in _examples().values()), piece


def test_a_game_of_ones_own_takes_at_most_forty_lines():
    text = _examples()["own_game.py"]
    assert len([line for line in text.splitlines() if line.strip()]) <= 40


def test_the_plain_script_runs_without_gansift():
    done = subprocess.run(
        [sys.executable, ROOT / "examples/plain_gan.py", "3"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "step 0" in done.stdout
    assert "gansift" not in _examples()["plain_gan.py"]


def test_the_game_with_a_history_trains_and_remembers(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples")
    from history_gan import build

    digits = load_sets(["digits"], seed=0)
    run = train(build(digits), digits.train, steps=3, batch_size=50, optimizers=Adam(lr=1e-3))
    written = run.state(3)["history"]["parameters"].view(200, -1).abs().sum(1) > 0
    assert 50 < written.sum() <= 150
    assert run.state(3)["level"]["parameters"] != 0


def _idx(values: np.ndarray) -> bytes:
    """As Fashion-MNIST's files are written."""
    sizes = np.array(values.shape, ">u4").tobytes()
    return gzip.compress(bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes())


@pytest.mark.slow
def test_fashion_mnist_is_read_scored_and_retrained(tmp_path):
    random = np.random.default_rng(0)
    for name in ("train", "t10k"):
        labels = random.integers(0, 10, 2000)
        pixels = (random.integers(0, 128, (2000, 28, 28)) + 12 * labels[:, None, None]).clip(0, 255)
        (tmp_path / f"{name}-images-idx3-ubyte.gz").write_bytes(_idx(pixels))
        (tmp_path / f"{name}-labels-idx1-ubyte.gz").write_bytes(_idx(labels))
    done = subprocess.run(
        [sys.executable, ROOT / "examples/fashion_mnist.py", tmp_path, "60"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told = re.findall(r"validation FID ([+-][0-9.]+) predicted, ([+-][0-9.]+) true", done.stdout)
    assert len(told) == 3
    harmful, helpful, _ = (tuple(map(float, pair)) for pair in told)
    assert harmful[0] < helpful[0]
    assert harmful[1] < helpful[1]


def _commands() -> list[list[str]]:
    return [
        line.split()[1:] for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
    ]


@pytest.mark.slow
@pytest.mark.parametrize("command", _commands(), ids=lambda command: " ".join(command[-2:]))
def test_the_pages_commands_do_what_they_say(command, tmp_path, monkeypatch):
    """As they stand there, but for flags that make the training short."""
    monkeypatch.chdir(ROOT)
    if command[0] == "doctor":
        assert gansift(*command).exit_code == 0
        return
    assert gansift(*command, *SHORT, "--outdir", tmp_path).exit_code == 0
    seeds = [Scores.read(next(tmp_path.glob(f"seeds/{seed}/scores/*-itd-17.csv"))) for seed in (0, 1)]
    assert (tmp_path / "report.html").is_file()
    assert not (seeds[0].values == seeds[1].values).all()
    # The same game again from elsewhere, to go on with it.
    monkeypatch.chdir(tmp_path)
    assert gansift("evaluate", tmp_path).exit_code == 0
    assert gansift("report", tmp_path).exit_code == 0


@pytest.mark.slow
def test_fine_tuning_goes_from_base_to_merged_weights(tmp_path, monkeypatch):
    """The commands of examples/fine_tune_emoji.sh, but for flags that make networks and trainings small."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "examples/fine_tune_emoji.sh").read_text(encoding="utf-8")
    commands = [line.split()[1:] for line in text.splitlines() if line.startswith("gansift ")]
    assert [command[0] for command in commands] == ["run", "export", "run", "export"]
    short = [
        "--steps", 2, "--seeds", 1, "--batch", 8, "--latents", 20, "--verify", 0, "--baselines", "none", "--jobs", 1,
        "--horizons", "all", "--remove", 10, "--features", ROOT / "examples/own_judges.py:pooled",
    ]  # fmt: skip
    small = ["--width", 1, "--most", 2, "--depth", 1, "--latent", 3]
    for verb, *flags in commands:
        more = [] if verb == "export" else [*short, *small] if "train" in flags else short
        assert gansift(verb, *flags, *more).exit_code == 0
    assert (tmp_path / "runs/twemoji-weights/original.safetensors").is_file()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("build = 3", "is not a function"),
        ("def build(data): return 3", "must return a gansift.systems.System, a gansift.games.Game, or"),
        ("def build(data): return 1 / 0", "failed on .* examples.*ZeroDivisionError"),
        ("def build(data, more): return 3", "'more' needs a default"),
        ("def build(data, more=1): return data[more]", "failed on .* examples.*KeyError"),
        (
            "from own_game import build as b\ndef build(data): return b(data), {'critic': 1}",
            "must be a dictionary",
        ),
        (
            "from own_game import build as b\nfrom gansift.training import SGD\n"
            "def build(data): return b(data), {'critic': SGD(lr=0.1)}",
            "critic; the players are discriminator, generator",
        ),
    ],
)
def test_a_game_that_cannot_be_built_is_refused_with_the_reason(code, message, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples")
    (tmp_path / "mine.py").write_text(code)
    with pytest.raises(UsageError, match=message):
        gansift("run", "digits", "--game", f"{tmp_path}/mine.py:build", "--outdir", tmp_path / "run", *SHORT)


def test_settings_of_built_in_networks_do_not_go_with_ones_own(tmp_path):
    for flag in ("--width", "--r1", "--lr"):
        done = gansift("run", "digits", "--game", ROOT / "examples/own_game.py:build", flag, 1, "--outdir", tmp_path)
        assert done.exit_code == 2
        assert f"No such option: {flag}" in done.stderr
    assert not list(tmp_path.iterdir())


def test_keywords_of_ones_own_game_are_flags(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples")
    (tmp_path / "mine.py").write_text(
        "from own_game import build as b\nfrom gansift.training import SGD\n"
        "def build(data, pace: float = 0.1): return b(data), {'generator': SGD(lr=pace)}"
    )
    own = ["run", "digits", "--game", f"{tmp_path}/mine.py:build", "--pace", 0.5, "--dry-run", "--json"]
    assert json.loads(gansift(*own).stdout)["settings"]["system"] == {"pace": 0.5}
    refused = gansift(*own[:5], "fast")
    assert refused.exit_code == 2
    assert "--pace" in refused.stderr


def test_the_metric_that_looks_at_no_samples_says_what_to_remove(capsys, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples")
    runpy.run_path(str(ROOT / "examples/own_net_metric.py"))
    before, after, predicted = map(float, capsys.readouterr().out.split())
    assert after < before
    assert predicted < 0
