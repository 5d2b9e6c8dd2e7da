"""Every built-in system goes from the command line to the page, and a kill on the way changes no byte."""

from __future__ import annotations

import json

import pytest

import tiny_run
from gansift.systems import SYSTEMS
from gansift.training import step
from tiny_system import TINY
from toys import KilledError

FLAGS = [
    "--for-this-model",
    "--steps", "8", "--seeds", "2", "--horizons", "all", "--remove", "5", "--verify", "4", "--batch", "20",
    "--jobs", "1", "--quiet",
]  # fmt: skip


# Systems whose players make something of images that can be looked at.
SHOWING = ("simgan", "flow", "clustering")

# The same for the question of new models.
NEW = [
    "--steps", "8", "--scoring-seeds", "2", "--choosing-seeds", "2", "--judging-seeds", "2", "--remove", "5,20",
    "--baselines", "random", "--batch", "20", "--jobs", "1", "--quiet",
]  # fmt: skip


def run(name, folder):
    return tiny_run.gansift("run", *TINY[name].command, "--game", name, *FLAGS, "--outdir", folder, "--json")


@pytest.fixture(scope="module", params=SYSTEMS)
def whole(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, folder, json.loads(run(request.param, folder).stdout)


def test_it_runs_to_the_page(whole):
    name, folder, result = whole
    page = (folder / "report.html").read_text()
    assert result["verdict"]["sentence"].split(" by ")[0] in page
    assert "{{" not in page
    assert ("makes of examples</h2>" in page) == (name in SHOWING)
    assert json.loads((folder / "config.json").read_text())["game"] == name
    assert all(len(entry["true"]) == 4 for entry in json.loads((folder / "report.json").read_text())["verification"])


# What takes longest is done of one system of a single data set and one of two in every round of tests, of the others in
# the long ones.
EVERY = [pytest.param(name, marks=() if name in ("gan", "dann") else pytest.mark.slow) for name in SYSTEMS]


@pytest.mark.parametrize("whole", EVERY, indirect=True)
def test_a_killed_run_goes_on_to_the_same_bytes(whole, tmp_path, monkeypatch):
    name, folder, _ = whole
    real, left = step.is_finite, [13]  # in the middle of the second seed's training

    def killed(state):
        left[0] -= 1
        if not left[0]:
            raise KilledError
        return real(state)

    with monkeypatch.context() as patch:
        patch.setattr(step, "is_finite", killed)
        with pytest.raises(KilledError):
            run(name, tmp_path)
    run(name, tmp_path)
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    timed = ("log.txt", ".lock", "seconds.json", "report.json", "report.json.sha256", "report.html")
    kept = [path for path in files if path.name not in timed]
    assert len(kept) > 10
    for path in kept:
        assert (tmp_path / path).read_bytes() == (folder / path).read_bytes(), path


def test_scores_name_the_data_set_of_every_example(whole):
    name, folder, _ = whole
    ids = [line.split(",")[0] for line in next(folder.glob("scores/*.csv")).read_text().splitlines()[1:]]
    named = {identity.partition(":")[0] for identity in ids if ":" in identity}
    assert named == (set(TINY[name].sources) if len(TINY[name].sources) > 1 else set())


@pytest.mark.parametrize("name", EVERY)
def test_it_answers_for_new_models_on_its_page(name, tmp_path):
    done = tiny_run.gansift("run", *TINY[name].command, "--game", name, *NEW, "--outdir", tmp_path, "--json")
    result = json.loads(done.stdout)
    page = (tmp_path / "report.html").read_text()
    assert "{{" not in page
    assert "Which kinds of" in page
    assert result["new_models"]["scoring_seeds"] == 2
    assert result["verdict"]["sentence"].split(" by ")[0] in page
    names = {kind["name"] for kind in result["kinds"]}
    assert TINY[name].kind in names
