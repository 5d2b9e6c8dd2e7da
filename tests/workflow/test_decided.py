"""Cleansing by a person's decisions: exactly what is marked is removed, beside whatever the run was cleansed with."""

from __future__ import annotations

import csv
import json
import shutil

import pytest

from gansift import cleansing
from gansift.errors import UsageError
from gansift.workflow import stages
from gansift.workflow.config import Decided, Way, load
from gansift.workflow.directory import RunDirectory
from gansift.workflow.jobs import trial
from gansift.workflow.place import place_of
from gansift.workflow.plan import Plan
from gansift.workflow.seed import Seed, decided_scores
from tiny_run import gansift


def _decided(path, ids):
    with open(path, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("id", "path", "decision", "reason"))
        table.writerows((identity, "", "remove", "odd") for identity in ids)
    return path


def _training_ids(folder):
    with open(folder / "manifest.csv", encoding="utf-8", newline="") as file:
        return [row["id"] for row in csv.DictReader(file) if row["split"] == "train"]


def _files(folder, pattern):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob(pattern)}


@pytest.fixture(scope="module")
def decided(finished, tmp_path_factory):
    """A copy of the finished run that was cleansed once more, by decisions; the file, and what the command said."""
    folder = shutil.copytree(finished, tmp_path_factory.mktemp("decided") / "run")
    file = _decided(folder.parent / "d.csv", _training_ids(folder)[40:3:-6])
    said = gansift("cleanse", folder, "--decisions", file, "--json", "--quiet").output
    return folder, file, json.loads(said)


def test_every_seed_is_retrained_without_exactly_what_is_marked(decided):
    folder, file, _ = decided
    directory, ids = RunDirectory(folder), _training_ids(folder)
    place = place_of(load(directory.config), directory.cache)
    marked = cleansing.read_decisions(file, ids)
    way = Way("itd", False, Decided(marked.digest, len(marked.removed)))
    assert marked.removed == tuple(ids[4:41:6])
    plan = place.plan(way)
    for number in range(2):
        seed = Seed(directory, place, number)
        row, control = trial(plan, number, seed.run.steps).rows(directory, plan.metric)
        before = seed.values(plan.metric)["trained"]
        after = cleansing.retrain(seed.run, marked.removed).trained()
        assert row["removed"] == control["removed"] == len(marked.removed)
        for split, metric in (("validation", place.validation), ("test", place.test)):
            assert row[split] == pytest.approx(metric.value(after) - before[split], rel=1e-4, abs=1e-7)


def test_verifying_leaves_the_lists_and_the_report_to_the_decisions(decided, tmp_path):
    folder = shutil.copytree(decided[0], tmp_path / "run")
    removed, cleansed = (folder / "removed.txt").read_text(), (folder / "weights/cleansed.safetensors").read_bytes()
    assert gansift("verify", folder, "--removals", 3, "--quiet").exit_code in (0, 3)
    report = json.loads((folder / "report.json").read_text())
    assert (folder / "removed.txt").read_text() == removed
    assert (folder / "weights/cleansed.safetensors").read_bytes() == cleansed
    assert report["decisions"] is not None
    assert len(report["verification"]) > len(json.loads((decided[0] / "report.json").read_text())["verification"])


def test_the_lists_and_the_report_follow_the_decisions(decided):
    folder, file, said = decided
    ids = _training_ids(folder)
    marked = ids[4:41:6]
    assert (folder / "removed.txt").read_text().splitlines() == marked
    assert (folder / "kept.txt").read_text().splitlines() == [i for i in ids if i not in marked]
    report = json.loads((folder / "report.json").read_text())
    assert said["removed"] == said["chosen"]["removed"] == report["removed"] == len(marked)
    assert (folder / report["decisions"]).read_bytes() == file.read_bytes()
    assert [row["estimator"] for row in report["baselines"]][:3] == ["decisions", "random", "itd"]
    assert f"Removing the {len(marked)} examples that a person decided on" in report["verdict"]["sentence"]


def test_the_table_of_scores_tells_what_was_removed(decided, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = decided[0]
    gansift("export", folder, tmp_path / "scores.parquet", "--format", "parquet")
    columns = parquet.read_table(tmp_path / "scores.parquet").to_pydict()
    removed = [i for i, gone in zip(columns["id"], columns["removed"], strict=True) if gone]
    assert removed == (folder / "removed.txt").read_text().splitlines()
    assert set(columns["estimator"]) == {"itd"}
    assert sum(score is not None for score in columns["score"]) == len(_training_ids(folder))


def test_nothing_of_an_earlier_way_is_lost_and_its_report_comes_back(finished, decided, tmp_path):
    folder = shutil.copytree(decided[0], tmp_path / "run")
    assert _files(finished, "seeds/*/retrained/*").items() <= _files(folder, "seeds/*/retrained/*").items()
    gansift("report", folder)
    assert json.loads((folder / "report.json").read_text())["decisions"] is None
    assert (folder / "removed.txt").read_bytes() == (finished / "removed.txt").read_bytes()
    gansift("report", folder, "--decisions", decided[1])
    assert (folder / "removed.txt").read_bytes() == (decided[0] / "removed.txt").read_bytes()


def test_a_killed_cleansing_goes_on_from_its_copy_and_only_with_the_same_decisions(decided, tmp_path):
    folder = shutil.copytree(decided[0], tmp_path / "run")
    whole = _files(folder, "seeds/*/retrained/*")
    (decisions,) = (folder / "decisions").iterdir()
    killed = next(path for path in folder.glob("seeds/1/retrained/*") if decisions.stem in path.read_text())
    killed.unlink()
    other = _decided(tmp_path / "other.csv", _training_ids(folder)[5:10])
    with pytest.raises(UsageError, match=r"not cleansed to its end yet; run `gansift cleanse .* --decisions FILE`"):
        gansift("report", folder, "--decisions", other)
    gansift("cleanse", folder, "--decisions", decisions, "--quiet")
    assert _files(folder, "seeds/*/retrained/*") == whole


def test_a_copy_that_was_changed_is_not_taken_for_what_it_was(folder, tmp_path):
    ids = _training_ids(folder)
    directory, config = RunDirectory(folder), load(folder / "config.json")
    decided = stages.adopt(directory, config, _decided(tmp_path / "d.csv", ids[:4]))
    assert Plan(config, len(ids), 25, Way("itd", False, decided)).counts == [4]
    _decided(directory.decisions(decided.digest), ids[:3])
    scores = next(folder.glob("seeds/0/scores/*-itd-*.csv"))
    with pytest.raises(UsageError, match="was changed"):
        decided_scores(directory, stages.Scores.read(scores), decided.digest)


def test_decisions_that_cannot_be_used_leave_the_run_alone(folder, tmp_path):
    before = (folder / "report.json").read_bytes()
    with pytest.raises(UsageError, match="'nobody'"):
        gansift("cleanse", folder, "--decisions", _decided(tmp_path / "d.csv", ["nobody"]))
    assert not (folder / "decisions").exists()
    assert (folder / "report.json").read_bytes() == before


def test_a_way_by_decisions_has_files_of_its_own(folder):
    directory, config = RunDirectory(folder), load(folder / "config.json")
    ways = [
        Way(estimator, from_start, decided)
        for estimator in ("itd", "aid")
        for from_start in (False, True)
        for decided in (None, Decided("0123456789ab", 3), Decided("ba9876543210", 3))
    ]
    paths = [trial(Plan(config, 500, 25, way), 0, 4).paths(directory)[0] for way in ways]
    assert len(set(paths)) == len(ways)
