"""Whatever small file of a run is damaged: it is named, and the same command brings back the same bytes."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from gansift import cli
from gansift.errors import GansiftError

FLAGS = [
    "--steps", "8", "--seeds", "2", "--horizons", "0.5,1", "--remove", "5,10", "--latents", "50", "--width", "4",
    "--jobs", "1", "--verify", "4", "--batch", "20", "--quiet",
]  # fmt: skip
RESULTS = [
    "seeds/1/values.json", "seeds/0/seconds.json", "seeds/0/scores/all-h*-itd-*.csv", "seeds/1/scores/all-h*-itd-*.csv",
    "seeds/0/scores/growth-itd.json", "seeds/1/cleanse/horizon-*.json", "verify/*.json", "seeds/0/verify/*.json",
    "report.json",
]  # fmt: skip
DAMAGES = {
    "truncated": lambda content: content[: 2 * len(content) // 3],
    "empty": lambda content: b"",
    "garbage": lambda content: bytes(range(256)),
    "of another kind": lambda content: b"{}\n",
}


def _gansift(*arguments):
    """The run goes on in this process; errors come out as exceptions."""
    done = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damage") / "run"
    _gansift("run", "normal-1d", "--outdir", folder, *FLAGS)
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def _results(folder):
    found = {path: path.read_bytes() for kind in ("csv", "json") for path in sorted(folder.glob(f"seeds/*/*/*.{kind}"))}
    found |= {
        path: path.read_bytes() for path in sorted([*folder.glob("seeds/*/values.json"), *folder.glob("verify/*")])
    }
    return {str(path.relative_to(folder)): content for path, content in found.items()}


@pytest.mark.parametrize(
    ("name", "damage"),
    [(name, "truncated") for name in RESULTS] + [(name, damage) for name in RESULTS[::5] for damage in DAMAGES][1:],
)
def test_a_damaged_result_is_named_and_made_anew(finished, folder, name, damage):
    path = sorted(folder.glob(name))[-1]
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    _gansift("cleanse", folder, "--quiet")
    warnings = [line for line in (folder / "log.txt").read_text().splitlines() if "put away and made anew" in line]
    assert len(warnings) == 1
    assert str(path) in warnings[0]
    assert _results(folder) == _results(finished)
    assert {"train", "cleanse"} <= json.loads((folder / "report.json").read_text())["times"].keys()


@pytest.mark.parametrize("lines", [2, 100])
def test_a_score_file_without_its_last_rows_is_damaged(finished, folder, lines):
    path = next(folder.glob("seeds/0/scores/*.csv"))
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-lines]))
    _gansift("score", folder, "--quiet")
    assert _results(folder) == _results(finished)


@pytest.mark.parametrize("damage", DAMAGES)
def test_evaluate_only_reads_and_says_what_to_do(folder, damage):
    path = folder / "seeds/1/values.json"
    path.write_bytes(content := DAMAGES[damage](path.read_bytes()))
    with pytest.raises(GansiftError, match=r"values\.json is damaged.*Run `gansift train` with the same settings"):
        _gansift("evaluate", folder)
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["config.json", "manifest.csv", "seeds/0/config.json"])
def test_what_says_which_run_it_is_is_named_and_written_anew_only_when_deleted(finished, folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    again = ["run", "normal-1d", "--outdir", folder, *FLAGS]
    # Nothing of a seed is read where nothing of it is to be done, but for the first one's report.
    for command in [again] if name.startswith("seeds") else [["score", folder], again]:
        with pytest.raises(GansiftError, match=rf"(?i){path} is damaged.*delete"):
            _gansift(*command)
    path.unlink()
    _gansift(*again)
    assert path.read_bytes() == (finished / name).read_bytes()
    assert _results(folder) == _results(finished)
