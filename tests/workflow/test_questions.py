"""A finished run is asked further questions: nothing is trained again, and nothing that was found changes."""

from __future__ import annotations

import json

import pytest

from gansift.cleansing.checked import Check
from gansift.errors import UsageError
from gansift.files import read_json
from gansift.influence.scores import Scores
from gansift.workflow import seed as seed_module
from gansift.workflow.seed import Seed
from tiny_run import gansift, run


def _files(folder, *patterns):
    """Contents by name, but of what says how long things took and what is asked now."""
    found = (path for pattern in patterns for path in folder.glob(pattern) if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in found if path.name not in ("seconds.json", ".lock")}


def _kept(before, after):
    return {path: after.get(path) == content for path, content in before.items()} == dict.fromkeys(before, True)


@pytest.mark.parametrize(
    ("flags", "key"), [(["--latents", 60], "all@60"), (["--metric", "all,gaps.py:gaps"], "gaps_py_gaps")]
)
def test_more_latents_or_another_metric_train_nothing(folder, tmp_path, monkeypatch, flags, key):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gaps.py").write_text(GAPS)
    before = _files(folder, "seeds/**/*")
    run(folder, *flags)
    after = _files(folder, "seeds/**/*")
    assert _kept(before, after)
    new = {path for path in after if path not in before}
    assert not any("checkpoints" in path.parts for path in new)
    assert {path.parts[2] for path in new} == {"values", "scores", "retrained"}
    assert all(path.name.startswith(key) for path in new)


GAPS = """
from gansift.metrics import ALL

def gaps(reference, latents, seed):
    return ALL(reference, latents=latents, seed=seed)
"""


CHANCE = """
import torch
from gansift.metrics import ALL

class Chance(ALL):
    def value(self, trained):
        return super().value(trained) + torch.rand(()).item()

def chance(reference, latents, seed):
    return Chance(reference, latents=latents, seed=seed)
"""


def test_a_metric_that_is_asked_about_later_is_examined_first(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chance.py").write_text(CHANCE)
    before = _files(folder, "seeds/**/*")
    with pytest.raises(UsageError, match=r"--metric .*chance\.py:chance was tried before anything"):
        gansift("evaluate", folder, "--metric", "chance.py:chance")
    assert _files(folder, "seeds/**/*") == before


def test_seeds_can_be_added_to_a_finished_run(folder):
    before = _files(folder, "seeds/**/*")
    assert run(folder, "--seeds", 3).exit_code == 0
    after = _files(folder, "seeds/**/*")
    assert _kept(before, after)
    assert {path.parts[1] for path in after if path not in before} == {"2"}
    assert read_json(folder / "report.json")["seeds"] == 3


def test_horizons_can_be_added_to_a_finished_run_and_are_scored_as_if_they_had_been_asked_for_at_once(
    folder, tmp_path, finished
):
    before = _files(folder, "seeds/**/*")
    assert run(folder, "--horizons", "0.03,0.05,all").exit_code == 0
    after = _files(folder, "seeds/**/*")
    assert _kept(before, after)
    assert {row["horizon"] for row in read_json(finished / "report.json")["grid"]} == {8}
    assert {row["horizon"] for row in read_json(folder / "report.json")["grid"]} == {2, 4, 8}
    assert not any("checkpoints" in path.parts for path in after if path not in before)
    run(tmp_path / "at once", "--horizons", "0.03,0.05,all")
    assert _files(tmp_path / "at once", "seeds/*/[sr]*/*.*") == _files(folder, "seeds/*/[sr]*/*.*")


def test_a_longer_horizon_has_the_growth_of_its_sweep(tmp_path):
    run(tmp_path / "run", "--horizons", "0.05")
    growth = tmp_path / "run/seeds/0/scores/all@50-itd-growth.json"
    short = read_json(growth)
    run(tmp_path / "run", "--horizons", "all")
    assert len(short) < len(read_json(growth)) == 8
    assert read_json(growth)[: len(short)] == short
    run(tmp_path / "run", "--horizons", "0.05")
    assert len(read_json(growth)) == 8


def test_horizons_that_auto_left_out_are_scored_once_they_are_asked_for(tmp_path, monkeypatch):
    small = ("--steps", 20, "--batch", 200, "--seeds", 1, "--verify", 0)
    with monkeypatch.context() as patched:
        patched.setattr(Seed, "_believable", lambda seed, scores: sorted(scores)[:1])
        run(tmp_path, "--horizons", "auto", *small)
    left_out = sorted(tmp_path.glob("seeds/0/scores/all@50-itd-*-none.json"))
    assert {read_json(path)["why"] for path in left_out} == {"they cannot be believed"}
    assert len(list(tmp_path.glob("seeds/0/scores/all@50-itd-*.csv"))) == 1
    run(tmp_path, "--horizons", "all", *small)
    assert len(Scores.read(tmp_path / "seeds/0/scores/all@50-itd-20.csv")) > 0
    assert {row["horizon"] for row in read_json(tmp_path / "report.json")["grid"]} == {20}


def test_with_auto_only_horizons_that_retraining_bears_out_are_scored_and_the_report_says_so(tmp_path, monkeypatch):
    small = ("--steps", 28, "--batch", 200, "--seeds", 1, "--verify", 0)
    found = []

    def refuting(run, scores, metric, done=None):
        found.append(sorted(scores))
        longest = max(scores)
        return [Check(longest, 12, 30, 0.1, False), Check(sorted(scores)[-2], 12, 30, 0.9, True)]

    with monkeypatch.context() as patched:
        patched.setattr(seed_module, "checked", refuting)
        run(tmp_path, "--horizons", "auto", *small)
    ((*shorter, longest),) = found
    assert len(shorter) >= 2
    assert read_json(tmp_path / f"seeds/0/scores/all@50-itd-{longest}-none.json") == {"why": "they cannot be believed"}
    kept = {int(path.stem.rpartition("-")[2]) for path in tmp_path.glob("seeds/0/scores/all@50-itd-*.csv")}
    assert kept == set(shorter)
    belief = read_json(tmp_path / "report.json")["trust"]
    assert (belief["horizon"], belief["state"]) == (shorter[-1], "partly")
    assert [check["holds"] for check in belief["checks"]] == [False, True]
    # Once made, checks stay.
    run(tmp_path, "--horizons", "auto", *small)
    assert read_json(tmp_path / "report.json")["trust"] == belief


def test_a_score_file_that_was_deleted_is_made_again(finished, folder):
    gone = sorted(folder.glob("seeds/1/scores/*-itd-*.csv"))[0]
    gone.unlink()
    gansift("score", folder, "--quiet")
    assert gone.read_bytes() == (finished / gone.relative_to(folder)).read_bytes()


OWN = """
from gansift.metrics import ALL


class Own(ALL):
    def __init__(self, reference, latents, seed):
        super().__init__(reference, latents=latents, seed=seed)
        self.name = f"own@{latents}"
"""


def test_a_run_made_with_a_metric_of_a_file_can_be_asked_for_another_one_but_not_with_the_file_edited(tmp_path):
    file, folder = tmp_path / "own.py", tmp_path / "run"
    file.write_text(OWN)
    run(folder, "--metric", f"{file}:Own", "--until", "train")
    assert json.loads(gansift("evaluate", folder, "--metric", "all", "--json").stdout)["metric"] == "all-h1@50"
    assert json.loads(gansift("evaluate", folder, "--json").stdout)["metric"] == "own@50"
    file.write_text(OWN + "\n")
    with pytest.raises(UsageError, match=r"own\.py:Own: this is not the file that the run was made with"):
        gansift("evaluate", folder)
    gansift("evaluate", folder, "--metric", "all")
