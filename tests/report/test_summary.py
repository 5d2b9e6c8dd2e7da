import json

import made_up_report as made_up
import pytest

from gansift.errors import GansiftError
from gansift.files import write_json
from gansift.report.summary import read_summary

# Programs read these.
KEYS = {
    "gansift", "created", "source", "metric", "direction", "verdict", "chosen", "removed", "decisions", "seeds",
    "steps", "removal", "from_start", "estimator", "ranking", "validation", "test", "grid", "per_seed", "settings",
    "seconds", "times", "warnings", "verification", "growth", "trust", "baselines", "classes", "report",
}  # fmt: skip
CHANGES = {
    "before", "after", "change", "ci95", "random_change", "random_ci95", "against_random", "against_random_ci95",
    "floor",
}  # fmt: skip


def test_keys_that_programs_read_stay():
    content = made_up.summary().to_json()
    assert content.keys() >= KEYS
    assert content["test"].keys() >= CHANGES | {"untrained"}
    assert content["verdict"].keys() == {"helped", "sentence"}
    assert content["chosen"] == {"horizon": 320, "epochs": 20.0, "removed": 4}
    assert content["test"]["ci95"] == [-0.48, -0.16]


def test_what_was_written_is_read_back_the_same(tmp_path):
    whole = made_up.summary((160, 320))
    write_json(tmp_path / "report.json", whole.to_json())
    assert read_summary(tmp_path / "report.json") == whole
    assert json.loads((tmp_path / "report.json").read_text()) == whole.to_json()


def test_a_damaged_file_is_named_with_its_field(tmp_path):
    path = tmp_path / "report.json"
    write_json(path, made_up.report(test=made_up.report()["test"] | {"ci95": [1.0]}))
    with pytest.raises(GansiftError, match=r"report\.json is damaged: test\.ci95 should be a list of 2, not \[1\.0\]"):
        read_summary(path)
    write_json(path, {})
    with pytest.raises(GansiftError, match=r"report\.json is damaged: gansift is missing"):
        read_summary(path)


def test_a_metric_without_words_goes_by_its_full_name():
    assert made_up.summary().words.label == "FID"
    assert made_up.summary(metrics={}).words.label == "fid-classifier16@2000"
