import csv
import json
import shlex

import numpy as np

from gansift.data import Encoding, load
from tiny_run import FLAGS, gansift


def test_a_table_runs_from_the_command_line_to_the_page_and_its_encoding_is_kept(tmp_path):
    draw = np.random.default_rng(0)
    table = tmp_path / "people.csv"
    rows = [
        f"{k},{draw.integers(17, 90)},{'ab'[k % 2]},{'fm'[k % 3 == 0]},{'no' if k % 5 else 'yes'}" for k in range(160)
    ]
    table.write_text("id,age,job,sex,income\n" + "\n".join(rows))
    roles = ("--label", "income", "--group", "sex", "--ignore", "id")
    gansift("run", table, "--outdir", tmp_path / "run", *FLAGS, "--verify", "0", "--baselines", "none", *roles)
    splits = load(table, label="income", group=["sex"], ignore=["id"])
    assert Encoding.read(tmp_path / "run" / "encoding.json") == splits.encoding
    assert (tmp_path / "run" / "report.html").is_file()
    manifest = list(csv.DictReader((tmp_path / "run" / "manifest.csv").open()))
    assert [row["id"] for row in manifest if row["split"] == "train"] == list(splits.train.ids)
    assert {row["label"] for row in manifest} == {"yes", "no"}
    assert json.loads((tmp_path / "run" / "config.json").read_text())["group"] == "sex"
    removed = splits.train.ids[:3]
    (tmp_path / "run" / "removed.txt").write_text("".join(f"{identity}\n" for identity in removed))
    said = json.loads(gansift("export", tmp_path / "run", tmp_path / "clean.csv", "--format", "csv", "--json").stdout)
    assert (said["kept"], said["removed"]) == (len(splits.train) - 3, 3)
    _, *command = shlex.split(said["command"])
    plan = json.loads(gansift(*command, "--dry-run", "--json", *FLAGS).stdout)["examples"]
    assert plan["data"] == {
        "name": "clean.csv", "train": len(splits.train) - 3, "validation": len(splits.valid), "test": len(splits.test),
    }  # fmt: skip
    again = load(tmp_path / "clean.csv", label="income", group=["sex"])
    assert {*again.train.hashes} == {*splits.train.subset(range(3, len(splits.train))).hashes}
