"""What the command line offers: the flags of the system or audit that is named, told without importing torch."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gansift.errors import UsageError
from gansift.flags import named_game
from gansift.workflow.config import GENERAL
from tiny_run import gansift

# Settings that --help leaves to --help-all, and those that it shows.
RARE = [f"--{one.name.replace('_', '-')}" for one in GENERAL if not one.first]
USUAL = [f"--{one.name.replace('_', '-')}" for one in GENERAL if one.first]


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """A terminal that cuts no flag in two."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERMINAL_WIDTH", "200")


def flags(*arguments):
    done = gansift(*arguments)
    assert done.exit_code == 0, done.output
    return set(re.findall(r"^\W+(--[a-z][a-z0-9-]*)", done.stdout, re.MULTILINE))


@pytest.mark.parametrize("game", ["gan", "dann"])
def test_help_of_a_run_needs_no_torch(game):
    code = (
        "import sys; from gansift import cli; import typer.main\n"
        f"command = typer.main.get_command(cli.application(['run', '--game', '{game}', '--help']))\n"
        "try: command(['run', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "--steps" in done.stdout


@pytest.mark.parametrize("verb", ["run", "doctor", "estimate"])
def test_help_shows_the_settings_that_most_need_and_help_all_every_one(verb):
    usual, everything = flags(verb, "--help"), flags(verb, "--help-all")
    assert set(USUAL) <= usual
    assert not set(RARE) & usual
    assert {*USUAL, *RARE, "--r1", "--mixing"} <= everything


@pytest.mark.parametrize("game", ["gan", "dann"])
def test_help_shows_the_settings_of_the_system_that_is_named_and_of_no_other(game):
    own = {"gan": {"--r1", "--latent"}, "dann": {"--most", "--hidden"}}
    shown = flags("run", "--game", game, "--help-all")
    assert own[game] <= shown
    assert "--r1" not in flags("run", "--game", "dann", "--help")
    assert "--most" in flags("run", "--game", "dann", "--help")
    assert ("--hidden" in shown) == (game == "dann")


@pytest.mark.parametrize("verb", ["run", "doctor", "estimate"])
def test_a_flag_of_another_system_is_refused(verb):
    done = gansift(verb, "digits", "--game", "dann", "--r1", 3)
    assert done.exit_code == 2
    assert "No such option: --r1" in done.stderr


@pytest.mark.parametrize("verb", ["run", "doctor", "estimate"])
def test_an_unknown_system_gets_the_nearest_name(verb):
    with pytest.raises(UsageError, match=r"there is no system 'dan' .did you mean dann.*choose from .*gan"):
        gansift(verb, "digits", "--game", "dan")


def test_an_unknown_metric_gets_the_nearest_name(tmp_path):
    with pytest.raises(UsageError, match=r"--metric 'fidd' is unknown .did you mean fid"):
        gansift("run", "digits", "--metric", "fidd", "--outdir", tmp_path)


@pytest.mark.parametrize(
    ("sources", "game", "message"),
    [
        (["a=digits", "b=digits"], "dann", "takes the data sets source and target, not a, b. Name them: source=PATH"),
        (["digits"], "dann", "takes the data sets source and target, not data. Name them: source=PATH target=PATH"),
        (["a=digits", "b=digits"], "gan", r"the system gan takes one data set, not 2 \(a, b\)"),
    ],
)
def test_data_sets_that_a_system_does_not_take_are_refused_with_those_that_it_wants(sources, game, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        gansift("run", *sources, "--game", game, "--outdir", tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()


def test_the_system_is_that_of_the_flag_of_the_file_or_of_the_run(tmp_path):
    toml = tmp_path / "settings.toml"
    toml.write_text('game = "dann"\nmost = 0.5\n')
    (tmp_path / "config.json").write_text(json.dumps({"game": "mine.py:f"}))
    assert named_game(["run", "digits"]) == "gan"
    assert named_game(["run", "digits", "--config", str(toml)]) == "dann"
    assert named_game(["run", "digits", "--config", str(toml), "--game", "gan"]) == "gan"
    assert named_game(["doctor", str(tmp_path)]) == "mine.py:f"
    assert named_game(["run", "digits", "--game"]) == "gan"
    assert "--most" in flags("run", "--config", toml, "--help-all")


def test_settings_of_a_file_are_checked_by_name_and_by_the_system_that_it_names(tmp_path):
    toml = tmp_path / "settings.toml"
    sets = ["run", "source=digits", "target=digits", "--config", toml, "--dry-run", "--json"]
    toml.write_text('game = "dann"\nmost = 0.5\n')
    settings = json.loads(gansift(*sets).stdout)["settings"]
    assert (settings["game"], settings["system"]["most"]) == ("dann", 0.5)
    assert json.loads(gansift(*sets, "--most", 2).stdout)["settings"]["system"]["most"] == 2
    toml.write_text('game = "dann"\nmots = 0.5\n')
    with pytest.raises(UsageError, match=r"no setting 'mots' .did you mean most\?. with --game dann; there are"):
        gansift(*sets)


@pytest.mark.parametrize("name", ["mine_with_steps:f", "mine_with_steps.py:f"])
def test_a_system_of_ones_own_whose_settings_are_general_ones_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine_with_steps.py").write_text("def f(data, steps=3): ...\n")
    with pytest.raises(UsageError, match="steps are settings that every system has"):
        gansift("run", "digits", "--game", name)


def test_an_audit_has_the_flags_of_its_settings_and_no_others():
    assert {"--samples", "--json"} <= flags("audit", "copies", "--help")
    done = gansift("audit", "copies", "digits", "--steps", 3)
    assert done.exit_code == 2
    assert "No such option: --steps" in done.stderr


def test_an_unknown_audit_gets_the_nearest_name():
    with pytest.raises(UsageError, match=r"no audit 'copis'.*did you mean copies"):
        gansift("audit", "copis", "digits")


@pytest.mark.parametrize("verb", ["train", "convert"])
def test_a_verb_that_is_gone_is_no_command(verb):
    done = gansift(verb, "digits")
    assert done.exit_code == 2
    assert f"No such command '{verb}'" in done.stderr
