"""Folders of truths: written and read to the same bits, refused where damaged, and used by `gansift verify`."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save

import tiny_run
from gansift.cleansing.truth import Truth
from gansift.errors import GansiftError, UsageError
from gansift.files import write_sealed_json
from gansift.influence.scores import Scores
from gansift.workflow.truths import is_truth, read_truth, write_truth

STORED = Path(__file__).parents[2] / "benchmarks/truth"


def made_up(examples: int = 20, sets: int = 12) -> Truth:
    """Single examples and random sets of a quarter, whose effects add up, with noise of each seed."""
    random = np.random.default_rng(0)
    removed = np.concatenate([np.eye(examples, dtype=bool), np.zeros((sets, examples), dtype=bool)])
    for row in removed[examples:]:
        row[random.permutation(examples)[: examples // 4]] = True
    effects = removed @ random.normal(size=examples)
    changes = effects[None, :, None] + 0.3 * random.normal(size=(1, len(removed), 4))
    changes[0, examples + 1, 2] = np.nan  # broke down
    return Truth(
        "made-up", {"command": "gansift run digits"}, tuple(f"x/{row}" for row in range(examples)),
        tuple(f"{row:064x}" for row in range(examples)), {"fid": "lower"}, "fixed-denominator", 30, (0, 1, 2, 5),
        removed, random.normal(size=(1, 4)), changes,
    )  # fmt: skip


def score_file(path: Path, truth: Truth, values: np.ndarray, **changed) -> Path:
    common = {"metric": "fid", "direction": "lower", "estimator": "mine", "horizon": truth.steps, "steps": truth.steps}
    Scores(truth.ids, values, **{**common, "removal": truth.removal, **changed}).to_csv(path)
    return path


@pytest.fixture
def folder(tmp_path):
    write_truth(tmp_path / "truth", made_up())
    return tmp_path / "truth"


@pytest.fixture
def own(folder, tmp_path):
    """The true changes of single examples, as a score file."""
    truth = made_up()
    return score_file(tmp_path / "own.csv", truth, truth.changes[0, :20].mean(axis=1))


def test_a_truth_is_read_as_it_was_written(folder):
    written, found = made_up(), read_truth(folder)
    for one in dataclasses.fields(Truth):
        before, after = getattr(written, one.name), getattr(found, one.name)
        if isinstance(before, np.ndarray):
            assert after.dtype == before.dtype
            np.testing.assert_array_equal(after, before)
        else:
            assert after == before


def test_a_truth_that_was_changed_is_refused_by_the_name_of_the_file(folder):
    arrays, index = folder / "truth.safetensors", folder / "truth.json"
    before = arrays.read_bytes(), index.read_text()
    arrays.write_bytes(before[0][:-1] + bytes([before[0][-1] ^ 1]))
    with pytest.raises(GansiftError, match=r"truth\.safetensors was changed: it does not match its checksum"):
        read_truth(folder)
    arrays.unlink()
    with pytest.raises(GansiftError, match=r"truth\.safetensors cannot be read: No such file"):
        read_truth(folder)
    arrays.write_bytes(before[0])
    index.write_text(before[1].replace('"lower"', '"higher"'))
    with pytest.raises(GansiftError, match=r"truth\.json was changed: it does not match its checksum"):
        read_truth(folder)


def test_a_pipe_in_place_of_a_file_is_not_waited_for(folder):
    (folder / "truth.safetensors").unlink()
    os.mkfifo(folder / "truth.safetensors")
    with pytest.raises(GansiftError, match=r"truth\.safetensors is a pipe or a device"):
        read_truth(folder)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("format", 2, r"of format 2, and this version of gansift reads 1"),
        ("seeds", "0", r"truth\.json is damaged: seeds should be a list"),
        ("ids", None, r"truth\.json is damaged: ids should be a list"),
        ("metrics", {"fid": "smaller"}, "lower or higher is better"),
        ("ids", ["x/1", "x/2"], "is damaged: "),
    ],
)
def test_an_index_that_does_not_fit_is_refused(folder, name, value, message):
    content = json.loads((folder / "truth.json").read_text())
    write_sealed_json(folder / "truth.json", {**content, name: value})
    with pytest.raises(GansiftError, match=message):
        read_truth(folder)


@pytest.mark.parametrize(
    "damage",
    [
        lambda arrays: {**arrays, "changes": arrays["changes"].astype(np.float32)},
        lambda arrays: {**arrays, "changes": arrays["changes"][:, :-1].copy()},
        lambda arrays: {name: value for name, value in arrays.items() if name != "values"},
        lambda arrays: {**arrays, "removed": arrays["removed"].astype(np.float64)},
        lambda arrays: {**arrays, "hashes": arrays["hashes"][:3].copy()},
    ],
)
def test_arrays_that_do_not_fit_are_refused(folder, damage):
    path = folder / "truth.safetensors"
    content = save(damage(load_file(path)))
    path.write_bytes(content)
    index = json.loads((folder / "truth.json").read_text())
    write_sealed_json(folder / "truth.json", {**index, "arrays": hashlib.sha256(content).hexdigest()})
    with pytest.raises(GansiftError, match=r"truth\.safetensors is damaged"):
        read_truth(folder)


def test_scores_are_compared_with_a_truth_at_once(folder, own):
    found = json.loads(tiny_run.gansift("verify", folder, "--scores", own, "--json").stdout)
    assert (found["truth"], found["estimator"], found["metric"], found["seeds"]) == (
        "made-up",
        "mine",
        "fid",
        [0, 1, 2, 5],
    )
    one, several = found["removals"]
    assert (one["removed"], one["count"], several["removed"], several["count"]) == (1, 20, 5, 11)
    assert (one["spearman"]["value"], one["kendall"]["value"], one["slope"]["value"]) == pytest.approx((1, 1, 1))
    assert 0.3 < several["spearman"]["ci95"][0] < several["spearman"]["value"] < 1
    assert several["share"] == 0.25
    truth = made_up()
    seed_0 = Scores(truth.ids, truth.changes[0, :20, 0], "fid", "lower", "seed 0", 30, 30, truth.removal)
    by_seed = truth.judge(seed_0)[0].agreement.spearman.value
    assert 0 < one["ceiling"]["value"] < 1
    assert len(one["by_seed"]) == 4
    assert one["by_seed"][0] == pytest.approx(by_seed)


def test_the_text_has_a_row_for_each_size_of_removals_and_chance_is_exit_code_3(folder, own, tmp_path):
    said = tiny_run.gansift("verify", folder, "--scores", own)
    assert said.exit_code == 0
    rows = [line.split() for line in said.stdout.splitlines() if line.strip()[:1].isdigit()]
    assert [row[0] for row in rows] == ["1", "5"]
    assert rows[0][2:4] == ["1.000", "[1.000,"]
    random = score_file(tmp_path / "random.csv", made_up(), np.random.default_rng(4).normal(size=20))
    said = tiny_run.gansift("verify", folder, "--scores", random)
    assert said.exit_code == 3
    assert "may be chance" in said.stdout


def test_what_a_truth_has_no_use_for_is_refused(folder, own):
    with pytest.raises(UsageError, match="has no scores of its own; give some with --scores"):
        tiny_run.gansift("verify", folder)
    with pytest.raises(UsageError, match=r"--horizon and --over-seeds would do nothing: .* is a stored truth"):
        tiny_run.gansift("verify", folder, "--scores", own, "--horizon", "1", "--over-seeds", "--quiet")


def test_scores_of_other_data_are_refused(folder, tmp_path):
    other = dataclasses.replace(made_up(), ids=tuple(f"y/{row}" for row in range(20)))
    file = score_file(tmp_path / "other.csv", other, np.zeros(20))
    with pytest.raises(
        UsageError, match=r"20 of 20 scores are of no training example of the truth made-up, e\.g\. 'y/0'"
    ):
        tiny_run.gansift("verify", folder, "--scores", file)


def test_a_run_is_no_truth(tmp_path):
    assert not is_truth(tmp_path)
