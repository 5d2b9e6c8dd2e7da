import csv
import json

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
