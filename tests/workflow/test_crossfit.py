"""`gansift crossfit`: folds that hold out each example once, and what they say together."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from gansift.cleansing.new_models import Judgement
from gansift.data import read_manifest
from gansift.errors import DataError, UsageError
from gansift.influence.scores import Scores
from gansift.report.summary import read_summary
from gansift.workflow import crossfit_result
from gansift.workflow.crossfit import finished
from tiny_run import gansift

FLAGS = [
    "--steps", "40", "--scoring-seeds", "2", "--choosing-seeds", "2", "--judging-seeds", "3", "--remove", "100,200",
    "--latents", "50", "--width", "4", "--jobs", "1", "--batch", "20", "--baselines", "density", "--quiet",
    "--folds", "3", "--split-seed", "2",
]  # fmt: skip


def _crossfit(folder, *flags):
    return gansift("crossfit", "normal-1d", "--outdir", folder, *FLAGS, *flags)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crossfit") / "all"
    done = _crossfit(folder, "--json")
    assert done.exit_code == 0, done.output
    (folder / "printed.json").write_text(done.stdout)
    return folder


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "all")


def _scores(folder):
    (path,) = (folder / "scores").glob("*.csv")
    return Scores.read(path)


def test_every_example_is_held_out_once_for_testing_and_once_for_validation(folder):
    held_out = {"valid": [], "test": [], "train": []}
    for number in range(3):
        for row in read_manifest(folder / f"fold-{number}" / "manifest.csv"):
            held_out[row["split"]].append(row["id"])
    everyone = {row["id"] for row in read_manifest(folder / "manifest.csv")}
    for part in ("valid", "test", "train"):  # of three folds each trains on a third
        assert len(held_out[part]) == len(set(held_out[part]))
        assert set(held_out[part]) == everyone


def test_a_score_is_the_mean_over_the_folds_that_trained_on_the_example(folder):
    whole = _scores(folder)
    found = {identity: [] for identity in whole.ids}
    for number in range(3):
        for identity, value in _scores(folder / f"fold-{number}"):
            found[identity].append(value)
    np.testing.assert_allclose(whole.values, [np.mean(found[identity]) for identity in whole.ids], atol=1e-12)


def test_the_change_is_the_mean_over_folds_of_which_one_that_removes_nothing_changes_nothing(folder):
    whole = read_summary(folder / "report.json")
    folds = [read_summary(folder / f"fold-{number}" / "report.json") for number in range(3)]
    assert any(fold.new_models.finding for fold in folds), "no fold removes anything, so that nothing is averaged"
    assert whole.test.change == pytest.approx(np.mean([fold.new_models.change for fold in folds]))
    assert whole.test.random_change == pytest.approx(np.mean([fold.new_models.random_change or 0 for fold in folds]))
    assert [row.change for row in whole.folds] == [fold.new_models.change for fold in folds]
    share = sum(fold.new_models.removed for fold in folds) / sum(fold.source.train for fold in folds)
    assert whole.new_models.removed == round(share * whole.source.train)


def test_the_lists_hold_all_examples_and_remove_only_what_is_proved(folder):
    whole = read_summary(folder / "report.json")
    kept, removed = ((folder / f"{name}.txt").read_text().splitlines() for name in ("kept", "removed"))
    assert sorted(kept + removed) == sorted(row["id"] for row in read_manifest(folder / "manifest.csv"))
    assert len(removed) == whole.removed == (whole.new_models.removed if whole.verdict.helped else 0)
    assert set(removed) == set(_scores(folder).harmful(whole.removed).ids)


def test_what_is_proved_is_removed_and_the_same_share_of_all_as_of_the_folds(copy, monkeypatch):
    monkeypatch.setattr(Judgement, "finding", lambda self, direction: "better")
    whole = finished(copy, 3)
    removed = (copy / "removed.txt").read_text().splitlines()
    assert 0 < len(removed) == whole["removed"] == whole["new_models"]["removed"]
    assert set(removed) == set(_scores(copy).harmful(len(removed)).ids)
    assert "Of all" in whole["verdict"]["sentence"]
    page = (copy / "report.html").read_text()
    assert f"The list of all {len(removed)} points" in page


def test_where_every_judging_training_broke_down_nothing_is_known(copy, monkeypatch):
    monkeypatch.setattr(crossfit_result, "over_folds", lambda folds: None)
    whole = finished(copy, 3)
    assert "nothing is known (see log.txt); every point is kept" in whole["verdict"]["sentence"]
    assert whole["removed"] == 0


def test_the_printed_object_has_what_a_run_prints_and_its_folds(folder):
    printed = json.loads((folder / "printed.json").read_text())
    assert printed.keys() >= {"metric", "direction", "removed", "new_models", "kinds", "seconds", "report", "folds"}
    assert len(printed["folds"]) == 3


def test_the_page_links_the_page_of_each_fold(folder):
    page = (folder / "report.html").read_text()
    for number in range(3):
        assert f'href="fold-{number}/report.html"' in page
        assert (folder / f"fold-{number}" / "report.html").exists()


def test_the_same_command_goes_on_and_ends_with_the_same(folder, copy):
    shutil.rmtree(copy / "fold-2")
    (copy / "report.json").unlink()
    assert _crossfit(copy).exit_code == 0
    assert _scores(copy).values.tolist() == _scores(folder).values.tolist()
    before, after = (read_summary(one / "report.json") for one in (folder, copy))
    assert (after.verdict, after.new_models, after.kinds) == (before.verdict, before.new_models, before.kinds)


def test_an_export_holds_all_examples_that_are_kept(folder, tmp_path):
    kept = (folder / "kept.txt").read_text().splitlines()
    done = gansift("export", folder, tmp_path / "new.npz", "--format", "npz", "--json")
    assert json.loads(done.stdout)["kept"] == len(kept)
    with np.load(tmp_path / "new.npz") as arrays:
        assert len(arrays["x_train"]) == len(kept)


def test_a_dry_run_shows_the_first_fold_and_leaves_nothing(tmp_path):
    done = _crossfit(tmp_path / "new", "--dry-run")
    assert "In each of 3 folds" in done.output
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--fractions", "0.8,0.1,0.1"], "--fractions does not go with a cross-fit"),
        (["--turn", "0.5"], "--turn does not go with a cross-fit"),
        (["--for-this-model"], "leave out --for-this-model"),
    ],
)
def test_what_the_folds_decide_cannot_be_given(tmp_path, flags, message):
    with pytest.raises(UsageError, match=message):
        _crossfit(tmp_path / "new", *flags)
    assert not (tmp_path / "new").exists()


def test_another_number_of_folds_or_a_single_run_is_not_mixed_with_it(copy):
    with pytest.raises(UsageError, match="holds a cross-fit of 3 folds"):
        _crossfit(copy, "--folds", "4")
    with pytest.raises(UsageError, match="holds a single run"):
        _crossfit(copy / "fold-0")


def test_data_with_splits_of_their_own_are_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(DataError, match="no other examples can be held out"):
        gansift("crossfit", "digits-dirty", "--outdir", tmp_path / "new", *FLAGS)
    assert not list(tmp_path.rglob("seeds"))


def test_a_verb_of_a_run_names_the_fold_to_give(copy):
    with pytest.raises(UsageError, match=r"is a cross-fit; give the run of one of its folds, .*fold-0"):
        gansift("evaluate", copy)
    assert gansift("evaluate", copy / "fold-1").exit_code == 0
