"""What an audit is given of a run, of several runs, and of what was trained without the removed examples."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from gansift.errors import DataError, UsageError
from gansift.workflow import auditing
from gansift.workflow.config import load
from gansift.workflow.directory import RunDirectory
from gansift.workflow.opening import opened
from gansift.workflow.seed import Seed
from gansift.workflow.weights import keep_weights, kept_players
from tiny_run import gansift

TINY = ["--game", "acgan", "--until", "train", "--steps", 3, "--seeds", 1, "--batch", 8, "--width", 4, "--latents", 20]
QUICK = [
    "--classifier", "sklearn.naive_bayes:BernoulliNB", "--samples", 40, "--rounds", 2, "--json",
]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    first, second = (tmp_path_factory.mktemp("audited") / name for name in ("first", "second"))
    gansift("run", "digits", *TINY, "--jobs", 1, "--quiet", "--outdir", first)
    shutil.copytree(first, second)  # as good as another split, for what is looked at here
    return [first, second]


def test_runs_on_several_splits_get_one_answer_which_lies_with_the_first(runs):
    found = json.loads(gansift("audit", "usefulness", *runs, *QUICK).stdout)
    assert found["audit"] == "usefulness"
    stored = json.loads((runs[0] / "audits/usefulness.json").read_text())
    assert stored["verdict"] == found["verdict"]
    assert "of each of 2 splits" in stored["shown"][0]
    assert not (runs[1] / "audits").exists()


def test_a_run_whose_generator_is_told_the_class_is_audited_alone(runs):
    found = json.loads(gansift("audit", "usefulness", runs[1], *QUICK).stdout)
    assert set(found["numbers"]) >= {"synthetic_over_classical", "all_over_classical"}


def test_runs_beside_data_and_runs_that_an_audit_does_not_take_are_refused(runs):
    with pytest.raises(UsageError, match=r"digits is no run directory, and .* is one: audit either runs or data"):
        gansift("audit", "usefulness", runs[0], "digits")
    with pytest.raises(UsageError, match="copies looks at one run, and 2 were given"):
        gansift("audit", "copies", *runs)


def test_data_alone_are_read_by_the_flags_of_reading_which_a_run_has_no_use_for(runs, tmp_path):
    rng = torch.Generator().manual_seed(0)
    for row in range(80):
        pixels = torch.randint(0, 256, (8, 8), generator=rng, dtype=torch.uint8).numpy()
        Image.fromarray(pixels).save(tmp_path / f"{row:02d}.png")
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"broken\.png"):
        gansift("audit", "copies", tmp_path, "--json")
    found = json.loads(
        gansift("audit", "copies", tmp_path, "--skip-bad", "--fractions", "0.4,0.3,0.3", "--json").stdout
    )
    assert found["audit"] == "copies"
    with pytest.raises(UsageError, match=r"--skip-bad: the data of .* are read as the run read them"):
        gansift("audit", "usefulness", runs[0], "--skip-bad")


def test_what_was_trained_without_the_removed_examples_is_audited_too(runs):
    directory = RunDirectory(runs[0])
    run = Seed(directory, opened(directory, load(directory.config)), 0).run
    assert kept_players(directory, run, "cleansed") is None
    other = run.trained(1)
    keep_weights(directory, run, {"cleansed": other})
    again = kept_players(directory, run, "cleansed")
    assert all(torch.equal(again.parameters[name], flat) for name, flat in other.parameters.items())
    gansift("audit", "copies", runs[0], "--samples", 60)
    answer = json.loads((directory.audits / "copies.json").read_text())
    assert [row[0] for row in answer["tables"]["Before and after cleansing"]["rows"]] == ["before", "after"]


def test_an_audit_that_reads_files_by_itself_is_given_them_and_no_run(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "ratings.csv"
    rng = torch.Generator().manual_seed(0)
    rows = torch.stack([torch.arange(40).repeat(20), torch.randint(0, 400, (800,), generator=rng)], 1).tolist()
    path.write_text("user,item,stars\n" + "".join(f"{user},{item},{item % 5}\n" for user, item in rows))
    found = json.loads(gansift("audit", "linkage", path, "--known", "6", "--value", "stars", "--json").stdout)
    assert (found["audit"], found["finding"]) == ("linkage", True)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(UsageError, match="is no CSV or Parquet file"):
        gansift("audit", "linkage", runs[0])
    assert "No such option: --skip-bad" in gansift("audit", "linkage", path, "--skip-bad").stderr


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    directory = tmp_path_factory.mktemp("audited") / "classifier"
    tiny = ["--until", "train", "--steps", 6, "--seeds", 1, "--batch", 8, "--hidden", 4, "--jobs", 1, "--quiet"]
    gansift("run", "digits", "--game", "classifier", *tiny, "--outdir", directory)
    return directory


def test_a_run_is_trained_anew_as_it_was_and_without_examples_in_larger_batches(classifier, monkeypatch):
    directory = RunDirectory(classifier)
    place = opened(directory, load(directory.config))
    train = auditing._subject(directory, place).train
    examples = place.data.only.train
    (again,) = train(examples, [0], [np.ones(len(examples))])
    recorded = Seed(directory, place, 0).run.trained()
    torch.testing.assert_close(again.parameters["network"], recorded.parameters["network"], rtol=1e-4, atol=1e-6)
    monkeypatch.setattr(auditing, "players_of_seeds", lambda *arguments, **settings: [settings])
    (settings,) = train(examples, [0], [np.arange(len(examples)) % 2])
    assert (settings["batch_size"], settings["renormalise"]) == (16, True)


def test_a_classifier_is_attacked_by_shadow_models_of_its_own_settings(classifier):
    found = json.loads(gansift("audit", "membership", classifier, "--shadows", 4, "--json").stdout)
    assert {"area: confidence", "area: LiRA", "area: RMIA"} <= set(found["numbers"])
    stored = json.loads((classifier / "audits/membership.json").read_text())
    assert "4 shadow models were trained with the run's settings" in stored["shown"][1]


def test_a_run_is_trained_anew_with_another_number_of_its_game_and_else_as_it_was(tmp_path):
    run = tmp_path / "run"
    gansift(
        "run", "source=digits", "target=digits", "--game", "dann", "--hidden", 4, "--until", "train", "--steps", 4,
        "--scoring-seeds", 2, "--batch", 8, "--jobs", 1, "--quiet", "--outdir", run,
    )  # fmt: skip
    directory = RunDirectory(run)
    subject = auditing._subject(directory, opened(directory, load(directory.config)))
    same, less = (subject.variants({"most": most}, 2) for most in (0.5, 0.0))
    assert [one.game.most for one in same + less] == [0.5, 0.5, 0.0, 0.0]
    for seed, player in enumerate(subject.players):
        for name, flat in player.parameters.items():
            torch.testing.assert_close(same[seed].parameters[name], flat)
        assert not torch.equal(less[seed].parameters["features"], player.parameters["features"])
    gansift("audit", "adaptation", run, "--rounds", 2, "--steps", 5)
    charts = json.loads((run / "audits/adaptation.json").read_text())["scatters"]
    assert list(charts) == ["Features before adaptation", "Features after adaptation"]
