"""Round trips with tools that people already use: what gansift writes they read, and what they write gansift reads."""

from __future__ import annotations

import csv
import os
import subprocess
import sys

import numpy as np
import pytest

from gansift.cleansing import read_decisions
from gansift.errors import UsageError
from gansift.influence import Scores
from tiny_run import gansift

FLAGS = [
    "--for-this-model", "--steps", "8", "--seeds", "1", "--horizons", "1", "--remove", "10", "--latents", "50",
    "--width", "4", "--jobs", "1", "--verify", "0", "--baselines", "none", "--quiet",
]  # fmt: skip


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tools") / "run"
    gansift("run", "digits", "--outdir", folder, *FLAGS)
    return folder


@pytest.fixture(scope="module")
def scores(run_dir):
    (path,) = (run_dir / "scores").glob("*.csv")
    return Scores.read(path)


@pytest.fixture(scope="module")
def reviewed(run_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fiftyone") / "review"
    said = gansift("export", run_dir, folder, "--format", "fiftyone").stdout
    assert "fo.types.CSVDataset" in said
    return folder


def _rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_folder_to_review_has_all_images_each_with_its_score_and_decision(reviewed, scores):
    rows = _rows(reviewed / "labels.csv")
    assert {row["filepath"] for row in rows} == {
        path.relative_to(reviewed / "data").as_posix() for path in (reviewed / "data").rglob("*.png")
    }
    assert len(rows) == 890 + 465 + 442
    trained = {row["example"]: row for row in rows if row["split"] == "train"}
    assert {identity: float(row["score"]) for identity, row in trained.items()} == dict(scores)
    assert min(trained, key=lambda identity: int(trained[identity]["rank"])) == scores.harmful(1).ids[0]
    assert {row["decision"] for row in trained.values()} <= {"remove", "keep"}
    assert all(row["score"] == row["rank"] == row["decision"] == "" for row in rows if row["split"] != "train")


def test_tags_are_decisions(tmp_path, scores):
    path = tmp_path / "decisions.csv"
    one, other, third = scores.ids[:3]
    path.write_text(f'example,tags\n{one},"odd,remove"\n{other},keep\n{third},\n')
    assert read_decisions(path, scores.ids).removed == (one,)
    path.write_text(f'example,tags\n{one},"keep,remove"\n')
    with pytest.raises(UsageError, match="line 2: the decision must be remove, keep, undecided, not 'keep,remove'"):
        read_decisions(path, scores.ids)


_FIFTYONE = """
import sys
from fiftyone.utils.csv import CSVDatasetImporter
importer = CSVDatasetImporter(dataset_dir=sys.argv[1], fields={"score": float, "rank": int, "example": str})
importer.setup()
samples = list(importer)
scored = [sample for sample in samples if sample.has_field("score")]
print(len(samples), min(scored, key=lambda sample: sample["rank"])["example"])
"""


def test_fiftyone_reads_the_folder(reviewed, scores):
    pytest.importorskip("fiftyone")
    done = subprocess.run(
        [sys.executable, "-c", _FIFTYONE, reviewed], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.stdout.split() == [str(890 + 465 + 442), scores.harmful(1).ids[0]], done.stderr


def test_hugging_face_reads_images_labels_and_scores(run_dir, scores, tmp_path, monkeypatch):
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):  # read once, on import
        monkeypatch.setenv(name, "1")
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "hf"
    gansift("export", run_dir, folder, "--format", "hf")
    found = datasets.load_dataset("imagefolder", data_dir=str(folder), cache_dir=str(tmp_path / "cache"))
    parts = {name: len(part) for name, part in found.items()}
    removed = len((run_dir / "removed.txt").read_text().splitlines())
    assert sorted(parts.values()) == sorted([890 - removed, 465, 442])
    kept = set((run_dir / "kept.txt").read_text().splitlines())
    expected = sorted(value for identity, value in scores if identity in kept)
    assert np.allclose(sorted(found["train"]["score"]), expected)
    assert found["train"][0]["image"].size == (8, 8)
    assert {"label", "score"} <= set(found["train"].column_names)


def test_issues_of_cleanlab_are_a_score_file_that_is_verified(run_dir, scores, tmp_path):
    pandas = pytest.importorskip("pandas")
    cleanlab_filter = pytest.importorskip("cleanlab.filter")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, len(scores))
    probabilities = rng.dirichlet(np.ones(3), len(scores))
    assert cleanlab_filter is not None
    from cleanlab.rank import get_label_quality_scores

    quality = get_label_quality_scores(labels, probabilities)
    issues = pandas.DataFrame({"is_label_issue": quality < 0.1, "label_score": quality})
    found = Scores.from_issues(issues, scores)
    assert found.harmful(1).ids == (scores.ids[int(quality.argmin())],)
    found.to_csv(tmp_path / "cleanlab.csv")
    done = gansift(
        "verify", run_dir, "--scores", tmp_path / "cleanlab.csv", "--removals", "4", "--jobs", "1", "--quiet"
    )
    assert done.stdout.startswith("cleanlab-label_score: 4 retrainings")


@pytest.mark.parametrize("direction", ["lower", "higher"])
def test_rows_of_issues_belong_to_examples_by_position_or_by_id(direction):
    pandas = pytest.importorskip("pandas")
    common = {"metric": "fid", "estimator": "itd", "horizon": 2, "steps": 4, "removal": "fixed-denominator"}
    like = Scores(("a", "b", "c"), np.zeros(3), direction=direction, **common)
    issues = pandas.DataFrame({"label_score": [0.9, 0.1, 0.5]})
    assert Scores.from_issues(issues, like).sorted().ids == ("b", "c", "a")
    named = pandas.DataFrame({"outlier_score": [0.9, 0.1, 0.5]}, index=["c", "a", "b"])
    assert Scores.from_issues(named, like, "outlier_score").sorted().ids == ("a", "b", "c")
    with pytest.raises(UsageError, match="no column 'label_score'; they have outlier_score"):
        Scores.from_issues(named, like)
    with pytest.raises(UsageError, match="2 issues whose index is neither 0 to 2"):
        Scores.from_issues(issues[:2], like)
    with pytest.raises(UsageError, match="no numbers"):
        Scores.from_issues(pandas.DataFrame({"label_score": [0.1, np.nan, 0.2]}), like)
