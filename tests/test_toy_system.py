"""A person's own system and audit, from files in a temporary folder, go through the whole command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import tiny_run
from gansift import data

# A fair classifier in the manner of LAFTR (Madras et al. 2018): an encoder and a classifier against an auditor who
# guesses the group; no samples, one table, a gap as a metric, soft for scores and hard for people.
SYSTEM = '''
"""Never imported for help: {tripwire}"""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from gansift import games, metrics, models, training
from gansift.games import group_mean, weighted_mean
from gansift.systems import Judges, System, only

open({tripwire!r}, "a").close()


class Fair(games.Game):
    stackable = True

    def __init__(self, inputs, fairness):
        super().__init__(
            encoder=models.PointEncoder(inputs, 4), classifier=models.Head(4, 4, 1), auditor=models.Head(4, 4, 1)
        )
        self.fairness = fairness

    def predict(self, net, x):
        return net.classifier(net.encoder(x)).squeeze(1)

    def guess(self, net, batch):
        logits = net.auditor(net.encoder(batch.x)).squeeze(1)
        group = batch.columns["sex"].to(logits)
        loss = cross_entropy(logits, group, reduction="none")
        return sum(group_mean(loss, batch.weight, batch.columns["sex"] == one) for one in (0, 1)) / 2

    def label_loss(self, net, batch):
        logits = self.predict(net, batch.x)
        return weighted_mean(cross_entropy(logits, batch.label.to(logits), reduction="none"), batch.weight)

    def encoder_loss(self, net, batch, draw):
        return self.label_loss(net, batch) - self.fairness * self.guess(net, batch)

    def classifier_loss(self, net, batch, draw):
        return self.label_loss(net, batch)

    def auditor_loss(self, net, batch, draw):
        return self.guess(net, batch)


def gap(game, net, batch, soft=True):
    chance = game.predict(net, batch.x).sigmoid()
    decision = chance if soft else (chance > 0.5).to(chance)
    group = batch.columns["sex"] == 1
    return (decision[group].mean() - decision[~group].mean()).square()


def hard(game, net, batch):
    return gap(game, net, batch, soft=False).sqrt()


def judged(splits):
    def of(part):
        reported = metrics.NetMetric(hard, name="hard-gap", direction="lower", examples=part)
        return metrics.NetMetric(gap, name="gap", direction="lower", examples=part, reported=reported, scale=0.01)

    return Judges(of(splits.valid), of(splits.test))


def fair(data, *, fairness: float = 0.5, pace: float = 0.01) -> System:
    """Labels without telling the group.

    Args:
        data: one table with a label and a group, sex.
        fairness: weight of the auditor in the encoder's loss
        pace: learning rate of all players
    """
    splits = only(data, "fair")
    return System(
        game=lambda: Fair(splits.train.shape[0], fairness),
        optimizers=training.SGD(lr=pace, momentum=0.9),
        metrics={{"gap": lambda: judged(splits)}},
        defaults={{
            "steps": 12, "batch": 20, "metric": "gap", "seeds": 2, "horizons": "all", "remove": "10", "verify": 4,
        }},
    )
'''

AUDIT = '''
from gansift.report.answer import Answer, Number


def sizes(subject, *, most: int = 100) -> Answer:
    """Are the data sets small?

    Args:
        subject: any run or data.
        most: training examples of a small one
    """
    count = sum(len(splits.train) for splits in subject.data.values())
    return Answer("sizes", f"There are {count} training examples.", count <= most, {"examples": Number(float(count))})
'''


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "system.py").write_text(SYSTEM.format(tripwire=str(folder / "imported")))
    (folder / "audit.py").write_text(AUDIT)
    return folder


@pytest.fixture(scope="module")
def run(own):
    folder = own / "run"
    arguments = ["run", "diabetes", "--game", f"{own / 'system.py'}:fair", "--label", "progression", "--group", "sex"]
    done = tiny_run.gansift(
        *arguments, "--fairness", "0.7", "--jobs", "1", "--quiet", "--for-this-model", "--outdir", folder, "--json"
    )
    return folder, json.loads(done.stdout)


def test_help_shows_the_settings_of_a_file_that_it_does_not_import(own):
    imported = own / "imported"
    imported.unlink(missing_ok=True)
    shown = tiny_run.gansift("run", "--game", f"{own / 'system.py'}:fair", "--help-all").stdout
    assert "--fairness" in shown
    assert "weight of the auditor" in shown
    assert "--r1" not in shown
    assert not imported.exists()


def test_a_game_on_a_table_without_samples_runs_from_the_command_line_to_the_page(run):
    folder, result = run
    assert result["metric"] == "gap"
    config = json.loads((folder / "config.json").read_text())
    assert config["system"] == {"fairness": 0.7, "pace": 0.01}
    assert set(config["files"]) == {config["game"]}
    page = (folder / "report.html").read_text()
    assert "Samples before and after" not in page
    kept = (folder / "kept.txt").read_text().split()
    assert len(kept) + result["removed"] == len(data.load("diabetes", label="progression", group=["sex"]).train)


def test_the_scores_of_a_game_on_a_table_are_those_of_retraining(run, own):
    folder, _ = run
    (entry,) = [json.loads(path.read_text()) for path in (folder / "verify").glob("*.json")]
    predicted, true = np.array(entry["predicted"]), np.array(entry["true"])
    assert np.corrcoef(predicted, true)[0, 1] > 0.9


def test_an_edited_system_is_noticed(run, own):
    folder, _ = run
    source = own / "system.py"
    before = source.read_text()
    source.write_text(before + "\n")
    try:
        with pytest.raises(Exception, match="not the file that the run was made with"):
            tiny_run.gansift("report", folder)
    finally:
        source.write_text(before)


def test_a_metric_of_another_file_can_be_asked_of_a_run_and_its_own_metric_stays(run, own):
    folder, _ = run
    (own / "gap.py").write_text("""
from gansift.metrics import NetMetric


def level(game, net, batch):
    return game.predict(net, batch.x).mean()


def make(reference):
    return NetMetric(level, name="level", direction="lower", examples=reference)
""")
    values = {}
    for metric in (f"{own / 'gap.py'}:make", "gap"):
        values[metric] = json.loads(tiny_run.gansift("evaluate", folder, "--metric", metric, "--json").stdout)
    assert [found["metric"] for found in values.values()] == ["level", "gap"]
    before = sorted(folder.glob("seeds/*/values/gap.json"))
    tiny_run.gansift("score", folder, "--metric", f"{own / 'gap.py'}:make", "--quiet")
    tiny_run.gansift("score", folder, "--quiet")
    assert sorted(folder.glob("seeds/*/values/gap.json")) == before


def test_a_persons_audit_answers_about_a_run_and_about_data_and_stands_in_the_report(run, own):
    folder, _ = run
    spec = f"{own / 'audit.py'}:sizes"
    found = json.loads(tiny_run.gansift("audit", spec, folder, "--json").stdout)
    assert found["finding"] is False
    assert found["numbers"]["examples"] == {"value": pytest.approx(len(_train())), "ci95": None}
    assert found["verdict"] in (folder / "report.html").read_text()
    assert (folder / "audits" / "sizes.json").is_file()
    done = tiny_run.gansift("audit", spec, folder, "--most", "100000", "--json")
    assert (json.loads(done.stdout)["finding"], done.exit_code) == (True, 3)
    assert json.loads(tiny_run.gansift("audit", spec, "digits", "--json").stdout)["audit"] == "sizes"


def _train():
    return data.load("diabetes", label="progression", group=["sex"]).train


def test_a_mistake_in_a_system_is_one_sentence(tmp_path):
    (tmp_path / "wrong.py").write_text("def wrong(data, *, most: int = 1):\n    return data['left']\n")
    with pytest.raises(Exception, match=r"wrong\.py:wrong failed") as raised:
        tiny_run.gansift("run", "digits", "--game", f"{tmp_path / 'wrong.py'}:wrong", "--outdir", tmp_path / "out")
    assert "KeyError('left')" in str(raised.value)
    assert not Path(tmp_path / "out" / "config.json").exists()
