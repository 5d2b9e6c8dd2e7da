"""`gansift run` for new models, on a run so tiny that every number can be computed again by other means."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from gansift import metrics, training
from gansift.errors import UsageError
from gansift.influence import Looks, combine, rolling
from gansift.report.summary import read_summary
from gansift.workflow.config import load
from gansift.workflow.directory import RunDirectory
from gansift.workflow.opening import opened
from tiny_run import gansift

FLAGS = [
    "--steps", "8", "--scoring-seeds", "2", "--choosing-seeds", "2", "--judging-seeds", "3", "--remove", "5,10",
    "--latents", "50", "--width", "4", "--jobs", "1", "--batch", "20", "--baselines", "density,random", "--quiet",
]  # fmt: skip
OF_THIS_MODEL = ["--seeds", "2", "--horizons", "1", "--verify", "0", "--for-this-model"]


def _run(folder, *flags):
    return gansift("run", "normal-1d", "--outdir", folder, *FLAGS, *flags)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "run"
    done = _run(folder, "--json")
    assert done.exit_code == 0, done.output
    (folder / "printed.json").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def place(folder):
    return opened(RunDirectory(folder), load(folder / "config.json"))


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "run")


def _from_scratch(folder, seed):
    (path,) = (folder / "seeds" / str(seed) / "from-scratch").glob("*.json")
    return json.loads(path.read_text())


def test_the_printed_object_has_what_others_rely_on(folder):
    printed = json.loads((folder / "printed.json").read_text())
    assert printed.keys() >= {
        "metric", "direction", "removed", "new_models", "kinds", "this_model", "seconds", "report"
    }  # fmt: skip
    found = printed["new_models"]
    assert found.keys() >= {
        "before", "after", "change", "ci95", "random_change", "difference_ci95", "judging_seeds"
    }  # fmt: skip
    assert found["judging_seeds"] == 3
    assert found["after"] - found["before"] == pytest.approx(found["change"])
    assert printed["this_model"] is None
    assert all(kind.keys() >= {"name", "count", "predicted", "ci95"} for kind in printed["kinds"])


def test_seeds_that_score_choose_and_judge_are_disjoint_and_only_the_first_are_trained_on_disk(folder):
    seeds = {path.name for path in (folder / "seeds").iterdir()}
    judging = {"2000", "2001", "2002"}
    assert {"0", "1", "1000", "1001"} <= seeds <= {"0", "1", "1000", "1001", *judging}
    assert {path.parent.name for path in folder.glob("seeds/*/checkpoints")} == {"0", "1"}


def test_scores_are_the_mean_over_the_windows_of_all_scored_seeds(folder, place):
    directory = RunDirectory(folder)
    metric = place.validation
    expected = combine(
        [
            rolling(
                training.train(
                    place.game(seed), place.train, **place.training, steps=8, seed=seed,
                    outdir=directory.training(seed),
                ),
                metrics.part_of(metric, seed, 2),
            )
            for seed in (0, 1)
        ]
    )  # fmt: skip
    kept = combine([Looks.read(directory.looks(seed, place.asked, 2)) for seed in (0, 1)])
    np.testing.assert_allclose(kept.values, expected.values, rtol=1e-6, atol=1e-12)
    (path,) = (folder / "scores").glob("*-rolling.csv")
    written = np.genfromtxt(path, delimiter=",", names=True, dtype=None, encoding="utf-8")
    np.testing.assert_array_equal(written["score"], kept.values)
    np.testing.assert_array_equal(written["score_se"], kept.errors)


@pytest.mark.parametrize("row", [0, 1, 3])
def test_fresh_seeds_are_trained_from_scratch_without_what_is_named(folder, place, row):
    """Against `training.train` with the weights of the removed examples at zero, one training at a time."""
    directory = RunDirectory(folder)
    found = _from_scratch(folder, 1000)[row]
    scores = combine([Looks.read(directory.looks(seed, place.asked, 2)) for seed in (0, 1)])
    weights = np.ones(place.examples)
    if row:
        removed = scores.harmful(found["removed"]).ids if row < 3 else None
        if removed is None:  # as many at random: other weights than those of the most harmful
            return
        weights[[scores.rows[identity] for identity in removed]] = 0
    settings = place.training | {"renormalise": True}
    run = training.train(place.game(1000), place.train, **settings, steps=8, seed=1000, weights=weights)
    for split in ("validation", "test"):
        expected = metrics.replicates(getattr(place, split), run)
        assert found[split]["value"] == pytest.approx(expected.value, rel=1e-4)
        np.testing.assert_allclose(found[split]["without_examples"], expected.without_examples, rtol=1e-4)
        np.testing.assert_allclose(found[split]["without_latents"], expected.without_latents, rtol=1e-4)


def test_the_lists_leave_out_nothing_but_what_was_judged_and_helped(folder):
    summary = read_summary(folder / "report.json")
    removed = (folder / "removed.txt").read_text().splitlines()
    kept = (folder / "kept.txt").read_text().splitlines()
    helped = summary.new_models.finding == "better"
    assert len(removed) == summary.removed == (summary.new_models.removed if helped else 0)
    assert len(removed) + len(kept) == summary.source.train


def test_a_stopped_run_goes_on_to_the_same_bytes(folder, copy):
    before = {path.relative_to(folder): path.read_bytes() for path in folder.glob("seeds/*/*/*") if path.is_file()}
    for path in [*copy.glob("seeds/1001/from-scratch/*"), *copy.glob("seeds/1/scores/*"), copy / "report.json"]:
        path.unlink()
    assert _run(copy).exit_code == 0
    after = {path.relative_to(copy): path.read_bytes() for path in copy.glob("seeds/*/*/*") if path.is_file()}
    assert after == before


def test_another_number_of_judges_asks_again_and_trains_no_scored_seed_anew(copy):
    kept = {path: path.stat().st_mtime_ns for path in copy.glob("seeds/[01]/checkpoints/*")}
    done = gansift("run", "normal-1d", "--outdir", copy, *FLAGS, "--judging-seeds", "4", "--json")
    assert json.loads(done.stdout)["new_models"]["judging_seeds"] == 4
    assert {path: path.stat().st_mtime_ns for path in copy.glob("seeds/[01]/checkpoints/*")} == kept


def test_this_model_is_asked_on_request_and_both_answers_stand_on_the_page(copy):
    done = _run(copy, *OF_THIS_MODEL, "--json")
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert "new_models" not in printed
    assert printed["chosen"] is None or printed["chosen"]["horizon"] <= 8
    assert "And new generators?" in (copy / "report.html").read_text("utf-8")
    again = json.loads(_run(copy, "--json").stdout)
    assert again["question"] == "new-models"
    assert again["this_model"]["verdict"] == printed["verdict"]
    assert "And this very model?" in (copy / "report.html").read_text("utf-8")


def test_other_verbs_know_the_report_of_new_models(copy):
    page = (copy / "report.html").read_bytes()
    assert gansift("report", copy, "--json").exit_code == 0
    assert len((copy / "report.html").read_bytes()) == len(page)
    values = json.loads(gansift("evaluate", copy, "--json").stdout)["values"]
    assert [row["seed"] for row in values] == [0, 1]
    answer = json.loads(gansift("audit", "copies", copy, "--json").stdout)
    assert answer["audit"] == "copies"
    assert read_summary(copy / "report.json").question == "new-models"
    kept = (copy / "kept.txt").read_text().splitlines()
    assert gansift("export", copy, copy / "clean.npz", "--format", "npz").exit_code == 0
    with np.load(copy / "clean.npz") as file:
        assert len(file["x_train"]) == len(kept)
    assert gansift("export", copy, copy / "scores.parquet", "--format", "parquet").exit_code == 0


def test_until_a_stage_stops_there(tmp_path):
    assert gansift("run", "normal-1d", "--outdir", tmp_path, *FLAGS, "--until", "score").exit_code == 0
    assert len(list(tmp_path.glob("seeds/*/scores/*-looks-of-2.npz"))) == 2
    assert not list(tmp_path.glob("seeds/*/from-scratch"))
    assert not (tmp_path / "report.json").exists()


def test_a_dry_run_says_which_seeds_do_what(tmp_path):
    done = gansift("run", "normal-1d", "--outdir", tmp_path / "run", *FLAGS, "--dry-run")
    assert "2 scored, 2 fresh ones choose, 3 further ones judge" in done.output
    assert not (tmp_path / "run").exists()


def test_damaged_looks_and_trainings_are_set_aside_and_computed_again(folder, copy):
    (looks,) = copy.glob("seeds/0/scores/*-looks-of-2.npz")
    (values,) = copy.glob("seeds/1000/from-scratch/*.json")
    looks.write_bytes(looks.read_bytes()[:100])
    values.write_text("[]")
    assert _run(copy).exit_code == 0
    for path in (looks, values):
        assert path.read_bytes() == (folder / path.relative_to(copy)).read_bytes()
        assert path.with_name(f"{path.name}.damaged").exists()


def test_an_estimate_counts_what_new_models_take(copy):
    found = json.loads(gansift("estimate", copy, "--json").stdout)
    assert found["total"]["seconds"] == 0  # nothing is left to do
    for path in copy.glob("seeds/200*/from-scratch/*"):
        path.unlink()
    found = json.loads(gansift("estimate", copy, "--json").stdout)
    rows = {row["stage"]: row for row in found["stages"]}
    if read_summary(copy / "report.json").new_models.finding is not None:
        assert rows["verify"]["seconds"] > 0
    assert rows["train"]["seconds"] == rows["score"]["seconds"] == rows["cleanse"]["seconds"] == 0


def test_kinds_are_removed_whole_on_request_and_judged_as_such(copy):
    kinds = {kind["name"]: kind for kind in json.loads((copy / "report.json").read_text())["kinds"]}
    named = ["look-alikes 1", "look-alikes 3"]
    printed = json.loads(_run(copy, "--remove-groups", ", ".join(named), "--json").stdout)
    assert printed["new_models"]["removed"] == sum(kinds[name]["count"] for name in named)
    assert "of look-alikes 1, look-alikes 3" in printed["verdict"]["sentence"]
    assert [row.estimator for row in read_summary(copy / "report.json").baselines][:2] == ["groups", "random"]


def test_a_kind_that_there_is_not_is_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(UsageError, match=r"no kind 'look-alike 1' .did you mean look-alikes 1"):
        gansift("run", "normal-1d", "--outdir", tmp_path, *FLAGS, "--remove-groups", "look-alike 1")
    assert not list(tmp_path.glob("seeds/*/checkpoints"))
    with pytest.raises(UsageError, match="--remove-groups asks about new models"):
        gansift("run", "normal-1d", "--outdir", tmp_path, *FLAGS, "--remove-groups", "x", "--for-this-model")
