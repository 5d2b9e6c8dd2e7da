"""Clusters that an audit finds can be removed whole, which fresh seeds judge; unasked they change nothing."""

from __future__ import annotations

import json
import shutil

import pytest

from gansift.errors import UsageError
from gansift.report.answer import read_answer
from tiny_run import gansift

FLAGS = [
    "--game", "classifier", "--hidden", "4", "--steps", "8", "--scoring-seeds", "2", "--choosing-seeds", "2",
    "--judging-seeds", "2", "--remove", "5", "--baselines", "random", "--batch", "40", "--jobs", "1", "--quiet",
]  # fmt: skip
QUICK = ["--clusters", "4", "--steps", "20", "--starts", "1", "--kind", "kmeans"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audited") / "run"
    gansift("run", "digits", *FLAGS, "--outdir", folder)
    before = json.loads((folder / "report.json").read_text())
    gansift("audit", "kinds", folder, *QUICK)
    return folder, before


def test_the_audit_names_groups_of_training_images_and_changes_no_finding_of_the_run(run):
    folder, before = run
    answer = read_answer(folder / "audits" / "kinds.json")
    of_all = [ids for name, ids in answer.groups.items() if name.startswith("cluster")]
    assert len({identity for ids in of_all for identity in ids}) == sum(map(len, of_all)) == 890
    after = json.loads((folder / "report.json").read_text())
    assert (after["kinds"], after["verdict"], after["new_models"]) == (
        before["kinds"], before["verdict"], before["new_models"],
    )  # fmt: skip
    page = (folder / "report.html").read_text()
    assert "Clusters of all images" in page
    assert answer.verdict.split(",")[0] in page


def test_a_cluster_is_removed_whole_and_judged_on_fresh_seeds(run, tmp_path):
    folder, _ = run
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    groups = read_answer(copy / "audits" / "kinds.json").groups
    name = min((one for one in groups if one.startswith("cluster")), key=lambda one: len(groups[one]))
    result = json.loads(gansift("run", "digits", *FLAGS, "--outdir", copy, "--remove-groups", name, "--json").stdout)
    assert result["new_models"]["removed"] == len(groups[name])
    with pytest.raises(UsageError, match=r"there is no kind 'cluster 99' .did you mean cluster"):
        gansift("run", "digits", *FLAGS, "--outdir", copy, "--remove-groups", "cluster 99")
